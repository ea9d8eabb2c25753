"""What Django logs of requests: nothing where a line of our own tells of the refusal, and one line of a page that somebody may not see."""

import logging

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

_MARK = "adtoken_is_left_out"


def leave_out(request: HttpRequest) -> None:
    """Have Django log nothing of how this request is answered."""
    setattr(request, _MARK, True)


class RequestFilter(logging.Filter):
    """Lets through what Django says of all other requests. For the logger django.request, whose records carry the request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written. Of a refusal it names the person, and leaves the traceback out: nothing is broken."""
        request = getattr(record, "request", None)
        if record.exc_info and isinstance(record.exc_info[1], PermissionDenied):
            record.msg = f"{record.msg} (user %s)"
            record.args = (*(record.args or ()), getattr(getattr(request, "user", None), "pk", None))
            record.exc_info = None
        return not getattr(request, _MARK, False)
