"""A limit of calls per access token, where the app's switch sets one."""

from starlette.requests import Request
from starlette.responses import Response

from sandbox.snapchat import errors
from sandbox.snapchat.access import Caller
from sandbox.snapchat.switches import CHANNEL
from sandbox.web import windows_of


def count(request: Request, caller: Caller) -> dict[str, str]:
    """Count this call. Returns the headers that tell of the limit. Raises LimitedError over it."""
    limit = caller.setting("rate_limit")
    if not limit:
        return {}
    calls, ends = windows_of(request).count(
        (CHANNEL, caller.token.token), seconds=int(limit.get("window", 60)), now=caller.store.now()
    )
    headers = {
        "x-rate-limit-limit": str(limit["limit"]),
        "x-rate-limit-remaining": str(max(0, limit["limit"] - calls)),
        "x-rate-limit-reset": str(ends),
    }
    shown = headers if limit.get("headers") else {}
    if calls > limit["limit"]:
        raise LimitedError(shown)
    return shown


class LimitedError(Exception):
    """Over the limit."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__("over the limit")
        self.headers = headers

    def response(self) -> Response:
        """The body, with whatever headers are shown."""
        response = errors.too_many().response()
        response.headers.update(self.headers)
        return response
