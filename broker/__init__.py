"""The broker: gives publishing jobs a token that works now, signs for them, and takes their reports.

For Python callers; broker.api.router is the same over HTTP.
"""

from broker.leases.batches import lease_many
from broker.leases.callers import Caller
from broker.leases.errors import BrokerError, BrokerRefused, Busy, LeaseOver, NotAvailable, NotFound
from broker.leases.services import Lease, lease
from broker.leases.signing import sign
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
