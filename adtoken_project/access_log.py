"""What gunicorn logs of each request of a page: its path without the query and without what could be a secret in it."""

import re
from typing import Any

from adtoken_project.gunicorn_logs import GunicornLogger

_LONG = re.compile(r"(?<=/)[^/]{20,}")  # links of invitations and new passwords; ids of accounts are shorter


class AccessLogger(GunicornLogger):
    """Gunicorn's logger, which knows `%(path)s`, too, and leaves the API out: that writes lines of its own."""

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        """Write the line of one request."""
        if not str(environ.get("PATH_INFO", "")).startswith("/api/"):
            super().access(resp, req, environ, request_time)

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> dict[str, Any]:
        """Return what a line may be made of. A query may hold an OAuth code, so `path` is without it."""
        atoms: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        path = str(environ.get("RAW_URI", "")).partition("?")[0]
        return {**atoms, "path": _LONG.sub("...", path)}
