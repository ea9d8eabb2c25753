"""What gunicorn logs of each request of a page: its path without the query and without what could be a secret in it."""

import re
from datetime import timedelta
from typing import Any

from adtoken_project.gunicorn_logs import GunicornLogger

_LONG = re.compile(r"(?<=/)[^/]{20,}")  # links of invitations and new passwords; ids of accounts are shorter


class AccessLogger(GunicornLogger):
    """Gunicorn's logger, which writes this one line, and leaves the API out: that writes lines of its own.

    gunicorn would gather all headers and variables of the request for a format that names six of them.
    """

    def access(
        self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta
    ) -> None:  # the library's own
        """Write the line of one request. A query may hold an OAuth code, so the path is without it."""
        if not self.access_log_enabled or str(environ.get("PATH_INFO", "")).startswith("/api/"):
            return
        path = path_of(environ)
        milliseconds = request_time // timedelta(milliseconds=1)
        address, method = environ.get("REMOTE_ADDR", "-"), environ.get("REQUEST_METHOD", "-")
        words = "%s %s %s %s %s bytes %d ms"
        self.access_log.info(words, address, method, path, str(resp.status)[:3], resp.sent, milliseconds)


def path_of(environ: dict[str, Any]) -> str:
    """Return the path of a request as it may be written down."""
    return _LONG.sub("...", str(environ.get("RAW_URI", "")).partition("?")[0])
