"""The broker: gives publishing jobs a token that works now, signs for them, and takes their reports.

For Python callers; broker.api.api is the same over HTTP.
"""

from broker.leases.callers import Caller
from broker.leases.errors import BrokerError, BrokerRefused, Busy, LeaseOver, NotAvailable, NotFound
from broker.leases.services import Lease, lease, lease_many, sign
from broker.reports.services import ReportAnswer, report

__all__ = [
    "BrokerError",
    "BrokerRefused",
    "Busy",
    "Caller",
    "Lease",
    "LeaseOver",
    "NotAvailable",
    "NotFound",
    "ReportAnswer",
    "lease",
    "lease_many",
    "report",
    "sign",
]
