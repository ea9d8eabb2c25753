"""Requests that are told of in a line of our own, so that Django adds none about the same refusal."""

import logging

from django.http import HttpRequest

_MARK = "adtoken_is_quiet"


def quiet(request: HttpRequest) -> None:
    """Have Django log nothing of how this request is answered."""
    setattr(request, _MARK, True)


class NotQuiet(logging.Filter):
    """Lets through what Django says of all other requests. For the logger django.request, whose records carry the request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        return not getattr(getattr(record, "request", None), _MARK, False)
