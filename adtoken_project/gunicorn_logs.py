"""gunicorn's own lines, like all others: one format, UTC, no secrets. Named by gunicorn.conf.py."""

from typing import Any

from gunicorn.glogging import Logger

from adtoken_project import env, logs
from tokens.scrub import LogFilter


class GunicornLogger(Logger):  # type: ignore[misc]  # the library is untyped
    """Gives gunicorn's handlers our formatter and filter."""

    def setup(self, cfg: Any) -> None:
        """Set up, again at each reload."""
        super().setup(cfg)
        form = env.choice("LOG_FORMAT", default="text", choices=logs.FORMATS)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(logs.formatter(form))
            handler.addFilter(LogFilter())
