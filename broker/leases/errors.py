"""What the broker answers when there is no token to give. Each answer carries what the caller needs to decide."""

from dataclasses import dataclass
from datetime import datetime


class BrokerError(Exception):
    """Base of the broker's refusals."""


class NotFound(BrokerError):  # noqa: N818  # names of answers
    """There is no such account or lease, or this caller may not see it: the same answer."""


class LeaseOver(BrokerError):  # noqa: N818
    """The lease is too old to be used for this: get a new one."""


class BrokerRefused(BrokerError):  # noqa: N818
    """The request itself cannot be served (a wrong address to sign, a channel that does not sign). The text says what to do."""


class NotPossible(BrokerError):  # noqa: N818
    """This key may not do it, or it cannot be done as things are. The text says why."""


class Failed(BrokerError):  # noqa: N818
    """Something broke on our side over one account of a batch; the log says what."""


@dataclass
class NotAvailable(BrokerError):  # noqa: N818
    """Only a person can help: the account is deactivated, paused or restricted, or no token lives long enough."""

    state: str
    reason: str
    detail: str
    since: datetime | None = None
    who: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.detail


@dataclass
class Busy(BrokerError):  # noqa: N818
    """We are checking: come back after so many seconds."""

    retry_after: int
    detail: str

    def __str__(self) -> str:
        return self.detail
