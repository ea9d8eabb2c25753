"""Addresses that no page makes, refused before any page reads them."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse


class OddAddressMiddleware:
    """Refuses an address that holds NUL. PostgreSQL takes it in no text, so each search and filter would have to leave it out by itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or raise BadRequest: 400, and no report of an error."""
        if "%00" in request.META.get("QUERY_STRING", "") or "\0" in request.path_info:
            raise BadRequest(request.path_info)
        return self.get_response(request)
