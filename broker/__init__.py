"""The broker: gives publishing jobs a token that works now, signs for them, and takes their reports.

For Python callers; broker.api is the same over HTTP.
"""

from broker.callers import Caller
from broker.calls import Reply, call
from broker.errors import Busy, Held, LeaseOver, NotFound, Refused
from broker.leases import Lease, lease
from broker.reports import Report, report
from broker.signing import sign

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
