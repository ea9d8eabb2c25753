"""What is logged of each request of a page: who asked, and its path without the query and without what could be a secret in it."""

import logging
import re
from typing import Any

from gunicorn.glogging import Logger

from adtoken_project import env
from adtoken_project.telemetry import logs
from infra.scrub import LogFilter

logger = logging.getLogger(__name__)
_LONG = re.compile(r"(?<=/)[^/]{20,}")  # links of invitations and new passwords; ids of accounts are shorter


class ServerLogger(Logger):  # type: ignore[misc]  # the library is untyped
    """Gunicorn's logger with our formatter and filter."""

    def setup(self, cfg: Any) -> None:
        """Set up, again at each reload."""
        super().setup(cfg)
        form = env.choice("LOG_FORMAT", default="text", choices=logs.FORMATS)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.formatter(form))
            handler.addFilter(LogFilter())


def write(environ: dict[str, Any], *, status: int, sent: int, seconds: float) -> None:
    """Write the line of a request; the API writes its own. A query may hold an OAuth code, so the path is without it."""
    if environ["PATH_INFO"].startswith("/api/"):
        return
    facts = {
        "address": environ["REMOTE_ADDR"] or "-",
        "method": environ["REQUEST_METHOD"],
        "path": path_of(environ),
        "status": status,
        "bytes": sent,
        "duration_ms": round(seconds * 1000),
        **environ.get(logs.OF_REQUEST, {}),
    }
    words = "%(address)s %(method)s %(path)s %(status)s %(bytes)s bytes %(duration_ms)d ms"
    logger.info(words, facts, extra={"facts": facts})


def path_of(environ: dict[str, Any]) -> str:
    """Return the path of a request as it may be written down."""
    return _LONG.sub("...", environ["RAW_URI"])
