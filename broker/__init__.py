"""The broker: gives publishing jobs a token that works now, signs for them, and takes their reports.

For Python callers; broker.api is the same over HTTP.
"""

from broker.batches import lease_many
from broker.callers import Caller
from broker.errors import BrokerError, BrokerRefused, Busy, LeaseOver, NotAvailable, NotFound
from broker.leases import Lease, lease
from broker.reports import ReportAnswer, report
from broker.signing import sign

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
