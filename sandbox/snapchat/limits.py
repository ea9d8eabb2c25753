"""A limit of calls per access token, where the app's switch sets one."""

from starlette.requests import Request
from starlette.responses import Response

from sandbox.snapchat import errors
from sandbox.snapchat.access import Caller

Counts = dict[tuple[str, int], int]  # (access token, window) -> calls


def count(request: Request, caller: Caller) -> dict[str, str]:
    """Count this call. Returns the headers that tell of the limit. Raises ApiError 429 over it."""
    limit = caller.setting("rate_limit")
    if not limit:
        return {}
    counts = _counts(request)
    now, window = caller.store.now(), int(limit.get("window", 60))
    key = (caller.token.token, now // window)
    counts[key] = counts.get(key, 0) + 1
    headers = {
        "x-rate-limit-limit": str(limit["limit"]),
        "x-rate-limit-remaining": str(max(0, limit["limit"] - counts[key])),
        "x-rate-limit-reset": str((now // window + 1) * window),
    }
    shown = headers if limit.get("headers") else {}
    if counts[key] > limit["limit"]:
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


def _counts(request: Request) -> Counts:
    state = request.app.state
    if not hasattr(state, "snapchat_counts"):
        state.snapchat_counts = {}
    found: Counts = state.snapchat_counts
    return found
