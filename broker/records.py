"""The record of every token handed out: one row a lease and one a signature, written before the caller gets either.

The table is append only (`users.append_only`): whoever may lease cannot remove the trace. What could not be recorded is not given.
"""

import hashlib
import logging
from datetime import datetime
from typing import Any

from django.db import DatabaseError

from accounts.models import LeaseRecord
from broker.callers import Caller
from broker.errors import Busy
from broker.prepared import prepared_cursor
from broker.texts import text

logger = logging.getLogger(__name__)

_INSERT = """
insert into accounts_leaserecord
    (at, kind, key_id, caller, address, account_id, token_id, generation, purpose, lease_hash, request)
values (%s, %s, %s, %s, %s::inet, %s, %s, %s, %s, %s, %s)
"""
RETRY_AFTER = 10  # seconds


def write(
    *,
    caller: Caller,
    kind: LeaseRecord.Kind,
    account_id: int,
    token_id: int,
    generation: int,
    purpose: str,
    lease_id: str,
    now: datetime,
    request: str = "",
) -> None:
    """Add the row, `request` being what is signed. Raises Busy where the row cannot be written: nothing may be handed out then."""
    facts: list[Any] = [now, kind.value, caller.key_id or None, caller.name, caller.address]
    facts += [
        account_id,
        token_id,
        generation,
        purpose,
        hash_of(lease_id),
        request[: LeaseRecord.REQUEST_LENGTH],
    ]
    try:
        with prepared_cursor() as cursor:
            cursor.execute(_INSERT, facts)
    except DatabaseError as error:
        logger.exception("A hand-out could not be recorded, so nothing was handed out.")
        raise Busy(RETRY_AFTER, text("not_recorded")) from error


def hash_of(lease_id: str) -> str:
    """Return how a lease is named in the record: the first 32 hexadecimal digits of its SHA-256. The id itself would sign requests."""
    return hashlib.sha256(lease_id.encode()).hexdigest()[:32]
