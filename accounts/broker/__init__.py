"""The broker: gives publishing jobs a token that works now, signs for them, and takes their reports.

For Python callers; accounts.api is the same over HTTP.
"""

from accounts.broker.callers import Caller
from accounts.broker.calls import Reply, call
from accounts.broker.errors import Busy, Held, LeaseOver, NotFound, Refused
from accounts.broker.leases import Lease, lease
from accounts.broker.reports import Report, report
from accounts.broker.signing import sign

__all__ = [
    "Busy",
    "Caller",
    "Held",
    "Lease",
    "LeaseOver",
    "NotFound",
    "Refused",
    "Reply",
    "Report",
    "call",
    "lease",
    "report",
    "sign",
]
