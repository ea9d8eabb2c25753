"""What AdToken answers, typed. Fields that are new there are passed on or left out, never an error."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol, TypedDict

from adtoken_client.problems import AdTokenError, problem_of

Purpose = Literal["publish", "read"]
State = Literal["connected", "interrupted", "deactivated", "paused", "restricted"]


class Name(NamedTuple):
    """An account and what its lease is for."""

    channel: str
    native_id: str
    purpose: Purpose = "publish"


class Send(NamedTuple):
    """What is merged into a request to the channel."""

    headers: Mapping[str, str]
    query: Mapping[str, str]


@dataclass(frozen=True)
class Lease:
    """A token that works now. Where `signs` is true, `send` is empty and each request is signed."""

    lease_id: str
    expires_at: datetime
    name: Name
    native_user: str | None
    base_url: str  # with what the channel's addresses begin
    version: str
    signs: bool
    send: Send = field(repr=False)


@dataclass(frozen=True)
class Report:
    """What to do next: `none`, `retry_with` (the lease), `retry_later` (in `retry_after` seconds), `hold` (the problem says why)."""

    action: Literal["none", "retry_with", "retry_later", "hold"]
    verdict: str
    reason: str
    detail: str
    retry_after: float | None
    lease: Lease | None
    problem: AdTokenError | None


class PoolEntry(TypedDict):
    """One log-in of an account's pool."""

    token_id: int
    person: str | None
    native_user: str | None
    state: Literal["valid", "cooling", "dead"]
    reason: str | None
    active: bool
    access: Literal["ok", "lost"]
    can_publish: Literal["yes", "no", "unknown"]
    deadline: str | None
    deadline_kind: str
    last_checked_at: str | None


class Account(TypedDict):
    """An ad account. Times are ISO 8601."""

    channel: str
    native_id: str
    name: str
    team: str
    state: State
    reason: str | None
    since: str
    restriction: str
    deadline: str | None
    deadline_kind: Literal["date", "never", "unknown", "none"]
    usable_count: int
    people: int


class AccountDetail(Account):
    """An ad account with its pool, and what to do where it needs a person."""

    pool: list[PoolEntry]
    what: str
    who: str
    causes: list[str]
    steps: list[str]


class Event(TypedDict):
    """What happened, as a webhook has it. Of those, `id` is the header's."""

    id: str
    type: str
    timestamp: str
    data: dict[str, Any]


class Ask(TypedDict):
    """One request to people. All fields: the API's reference."""

    id: int
    url: str
    kind: Literal["renew", "second_person", "client_link"]
    state: Literal["open", "done", "stopped", "expired"]
    progress: dict[str, int]
    ends_at: str
    address: str | None  # a secret: for the person alone


class Answer(Protocol):
    """What `requests` and `httpx2` return."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""

    @property
    def text(self) -> str:
        """The body."""


def lease_of(name: Name, body: Any) -> Lease:
    """Read a lease of this account."""
    return Lease(
        lease_id=body["lease_id"],
        expires_at=datetime.fromisoformat(body["expires_at"]),
        name=name,
        native_user=body.get("native_user"),
        base_url=body["base_url"],
        version=body["version"],
        signs=body["signs"],
        send=Send(body["send"]["headers"], body["send"]["query"]),
    )


def report_of(name: Name, body: Any) -> Report:
    """Read the answer to a report about this account."""
    lease, problem = body.get("lease"), body.get("problem")
    return Report(
        action=body["action"],
        verdict=body["verdict"],
        reason=body.get("reason") or "",
        detail=body.get("detail") or "",
        retry_after=body.get("retry_after"),
        lease=lease_of(name, lease) if lease else None,
        problem=problem_of(0, problem) if problem else None,
    )
