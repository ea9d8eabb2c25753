"""What people see while this installation is on hold: a banner on every page, and why what would call a channel is refused."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from users.installation import hold

View = Callable[[HttpRequest], HttpResponse]
CALLS_CHANNELS = ("/link/", "/push/")  # addresses of which every page that changes something does


class HoldMiddleware:
    """Answers 503 where a page would call a channel, or a channel calls us, while this installation is on hold."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Refuse before anything of it is done."""
        if request.path.startswith(CALLS_CHANNELS) and hold.current() is not None:
            return _refused(request)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer what began before this process knew, or calls a channel from another address."""
        return _refused(request) if isinstance(exception, hold.OnHold) else None


def _refused(request: HttpRequest) -> HttpResponse:
    answer = render(request, "selfservice/on_hold.html", status=503)
    answer["Retry-After"] = str(hold.RETRY_AFTER)
    return answer


def context(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001  # Django's interface
    """Give every page the hold that is in force, for the banner."""
    return {"on_hold": hold.current()}
