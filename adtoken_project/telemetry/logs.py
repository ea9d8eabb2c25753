"""How a log line looks: the same in web, worker and beat, as text or as JSON (LOG_FORMAT), always after the filter that hides secrets.

Lines of one request or one run of a task can be put together: those in JSON carry its id.
"""

import json
import logging
import re
import time
from contextvars import ContextVar
from typing import Any

from infra import scrub, spans

FORMATS = ("text", "json")
OF_REQUEST = (
    "adtoken.facts"  # where the environ of a page's request holds what the web server's line says of it
)
TEXT = "{asctime} {levelname} {name} {message}"

# A path or a name with a line break would otherwise write lines that look like others, and ESC colours of its own.
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")

request_id: ContextVar[str] = ContextVar("request_id", default="")
task: ContextVar[dict[str, str]] = ContextVar("task", default={})  # noqa: B039  # never changed in place


class UtcFormatter(logging.Formatter):
    """Writes the time in UTC by ISO 8601, so that lines of several machines can be put in order."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """Return the first line: all of the message, its control characters escaped. Traceback and stack follow in lines of their own."""
        record.message = _CONTROLS.sub(_escaped, record.message)
        return super().formatMessage(record)


class JsonFormatter(UtcFormatter):
    """Writes an object a line. What a line says in fields of its own is in `record.facts`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Message, traceback and stack were cleaned by the filter of the handler; the rest is here."""
        line: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        line |= {"request_id": request_id.get()} if request_id.get() else {}
        line |= task.get()
        line |= {"trace_id": current.split("-")[1]} if (current := spans.current()) else {}
        line |= {name: _clean(value) for name, value in getattr(record, "facts", {}).items()}
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        line |= {"exception": record.exc_text} if record.exc_text else {}
        line |= {"stack": record.stack_info} if record.stack_info else {}
        return json.dumps(line, default=str, ensure_ascii=False)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _clean(value: Any) -> Any:
    return scrub.line(value) if isinstance(value, str) else value


def formatter(form: str) -> logging.Formatter:
    """Return what writes lines of a format, of FORMATS."""
    return JsonFormatter() if form == "json" else UtcFormatter(TEXT, style="{")
