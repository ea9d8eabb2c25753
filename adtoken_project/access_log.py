"""What gunicorn logs of each request: its path without the query and without what could be a secret in it."""

import re
from typing import Any

from gunicorn.glogging import Logger

_LONG = re.compile(
    r"(?<=/)[^/]{20,}"
)  # links of invitations and new passwords, ids of leases; ids of accounts are shorter


class AccessLogger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn's logger, which knows `%(path)s`, too."""

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> dict[str, Any]:
        """Return what a line may be made of. A query may hold an OAuth code, so `path` is without it."""
        atoms: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        path = str(environ.get("RAW_URI", "")).partition("?")[0]
        return {**atoms, "path": _LONG.sub("...", path)}
