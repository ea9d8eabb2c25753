"""What becomes of a job's request: refuse it in the channel's own words, or send it there with these headers and query.

One function for everything that stands in front of a channel: our proxy, and engines that ask by HTTP (nginx `auth_request`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from broker.gate.credentials import Credential
from broker.leases.callers import Caller
from broker.leases.queries import LeaseRow


@dataclass(frozen=True, repr=False)
class Asked:
    """A request as it came. Never printed: it carries the credential."""

    channel: str  # "facebook"
    host: str  # which of the channel's hosts: "" is that of its ads API, else as its table of paths names it ("video")
    method: str
    path: str  # what follows the base address, as it was sent, with its first slash: "/v26.0/act_1/campaigns"
    query: str  # as it was sent
    headers: Mapping[str, str]  # names in lower case
    body: bytes | None = (
        None  # where it is whole and at most 1 MiB; None: longer, and the path alone has to decide
    )
    address: str | None = None  # where the call comes from


@dataclass(frozen=True)
class Refusal:
    """An answer that is ours, in the channel's shape."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Sending:
    """How the request goes to the channel, and as whom. Never printed."""

    url: str  # whole, with its query
    headers: Mapping[str, str]  # all that are sent, names in lower case; none of one connection
    body: bytes | None  # sent in place of the one that came, where that was read
    caller: Caller
    credential: Credential
    text: str  # the credential as the caller wrote it: what stands in answers in place of a token
    row: LeaseRow  # account, token and app
    secrets: tuple[str, ...]  # what no answer may hold: access token, its secret, proofs
    repeatable: bool  # it reads, however it is written: a second try does no harm
    upload: bool = False  # a part of an upload, which stays with the log-in that began it
    batch: bool = False  # its answer is a list with a status for each item


async def decide(asked: Asked, *, now: datetime) -> Sending | Refusal:
    """Decide by the credential, what holds now of its key and account, and the channel's table of paths."""
    raise NotImplementedError
