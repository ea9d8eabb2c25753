"""AdToken's client for publishing systems."""

from adtoken_client.aio import AsyncAdToken
from adtoken_client.client import AdToken
from adtoken_client.httpx2_auth import LeaseAuth
from adtoken_client.models import Account, AccountDetail, Ask, Event, Lease, Name, Report, Send
from adtoken_client.problems import (
    AccountDarkError,
    AdTokenError,
    BusyError,
    KeyRefusedError,
    LeaseOverError,
    NotFoundError,
    UnreachableError,
)

__all__ = [
    "Account",
    "AccountDarkError",
    "AccountDetail",
    "AdToken",
    "AdTokenError",
    "Ask",
    "AsyncAdToken",
    "BusyError",
    "Event",
    "KeyRefusedError",
    "Lease",
    "LeaseAuth",
    "LeaseOverError",
    "Name",
    "NotFoundError",
    "Report",
    "Send",
    "UnreachableError",
]
