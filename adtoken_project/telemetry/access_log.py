"""What gunicorn logs of each request of a page: who asked, and its path without the query and without what could be a secret in it."""

import re
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

from adtoken_project import env
from adtoken_project.telemetry import logs
from adtoken_project.telemetry.logs import OF_REQUEST
from infra.scrub import LogFilter

_LONG = re.compile(r"(?<=/)[^/]{20,}")  # links of invitations and new passwords; ids of accounts are shorter


class AccessLogger(Logger):  # type: ignore[misc]  # the library is untyped
    """Gunicorn's logger with our formatter and filter, which writes this one line, and leaves the API out: that writes lines of its own.

    gunicorn would gather all headers and variables of the request for a format that names six of them.
    """

    def setup(self, cfg: Any) -> None:
        """Set up, again at each reload."""
        super().setup(cfg)
        form = env.choice("LOG_FORMAT", default="text", choices=logs.FORMATS)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(logs.formatter(form))
            handler.addFilter(LogFilter())

    def access(
        self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta
    ) -> None:  # the library's own
        """Write the line of one request. A query may hold an OAuth code, so the path is without it."""
        if not self.access_log_enabled or str(environ.get("PATH_INFO", "")).startswith("/api/"):
            return
        facts = {
            "address": environ.get("REMOTE_ADDR", "-"),
            "method": environ.get("REQUEST_METHOD", "-"),
            "path": path_of(environ),
            "status": int(str(resp.status)[:3]),
            "bytes": resp.sent,
            "duration_ms": request_time // timedelta(milliseconds=1),
            **environ.get(OF_REQUEST, {}),
        }
        words = "%(address)s %(method)s %(path)s %(status)s %(bytes)s bytes %(duration_ms)d ms"
        self.access_log.info(words, facts, extra={"facts": facts})


def path_of(environ: dict[str, Any]) -> str:
    """Return the path of a request as it may be written down."""
    return _LONG.sub("...", str(environ.get("RAW_URI", "")).partition("?")[0])
