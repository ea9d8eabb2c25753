"""What AdToken refuses, as exceptions. Compare `code`: it keeps its meaning (docs/api.md)."""

from collections.abc import Mapping
from typing import Any


class AdTokenError(Exception):
    """A problem that AdToken answered (RFC 9457). `retry_after`: seconds, where coming again helps."""

    def __init__(self, status: int, body: Mapping[str, Any], *, request_id: str = "") -> None:
        self.status, self.request_id = status, request_id
        self.code: str = body.get("code") or f"http_{status}"
        self.detail: str = body.get("detail") or body.get("title") or f"AdToken answered {status}."
        self.retry_after: float | None = body.get("retry_after")
        self.errors: list[dict[str, str]] = body.get("errors") or []
        # Where only a person can help:
        self.reason: str = body.get("reason") or ""
        self.since: str = body.get("since") or ""
        self.who: list[str] = body.get("who") or []
        self.steps: list[str] = body.get("steps") or []
        super().__init__(f"{self.detail} ({self.code})")


class AccountDarkError(AdTokenError):
    """Only a person can help: show `reason`, `since`, `who` and `steps` to people."""


class BusyError(AdTokenError):
    """Not now: come again after `retry_after` seconds."""


class UnreachableError(BusyError):
    """No answer of AdToken came."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            0, {"code": "unreachable", "detail": f"AdToken cannot be reached: {cause}", "retry_after": 1}
        )


class KeyRefusedError(AdTokenError):
    """The API key is wrong, over, lacks a scope, or travelled in clear."""


class NotFoundError(AdTokenError):
    """There is none, or it is outside of the key's teams and channels."""


class LeaseOverError(AdTokenError):
    """The lease is over, or its token has changed: lease again."""


_KINDS: dict[int | str, type[AdTokenError]] = {
    "person_needed": AccountDarkError,
    "never_so_long": AccountDarkError,
    "still_running": BusyError,
    401: KeyRefusedError,
    403: KeyRefusedError,
    404: NotFoundError,
    410: LeaseOverError,
    429: BusyError,
    502: BusyError,
    503: BusyError,
    504: BusyError,
}  # fmt: skip


def problem_of(status: int, body: Any, headers: Mapping[str, str] | None = None) -> AdTokenError:
    """Return the exception for an answer, or for a problem within one (`status` 0: its own); a proxy's page goes by its status."""
    facts, told = dict(body) if isinstance(body, Mapping) else {}, headers or {}
    status = status or facts.get("status", 0)
    kind = _KINDS.get(facts.get("code", ""), _KINDS.get(status, AdTokenError))
    if facts.get("retry_after") is None and kind is BusyError:
        after = told.get("retry-after", "")
        facts["retry_after"] = int(after) if after.isdigit() else 1
    return kind(status, facts, request_id=told.get("x-request-id", ""))
