"""The record of every token handed out: one row a lease and one a signature, written before the caller gets either.

The table is append only (`infra.append_only`): whoever may lease cannot remove the trace. What could not be recorded is not given.
"""

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import DatabaseError, connection

from accounts.models import LeaseRecord
from broker.leases import prepared
from broker.leases.callers import Caller
from broker.leases.errors import Busy
from broker.leases.group_commit import GroupCommit
from broker.leases.texts import text

logger = logging.getLogger(__name__)

RETRY_AFTER = 10  # seconds
FEW = 8  # rows of requests that come at the same time, written one beside the other: so many statements are planned

_COLUMNS = {
    "at": "timestamptz", "kind": "text", "key_id": "bigint", "caller": "text", "address": "inet", "account_id": "bigint",
    "token_id": "bigint", "generation": "int", "purpose": "text", "lease_hash": "text", "request": "text",
}  # fmt: skip
_INTO = f"insert into accounts_leaserecord ({', '.join(_COLUMNS)})"
# What all rows of a batch have in common is written once: a value in a list costs more than the rest of its row.
_LISTS = ("account_id", "token_id", "generation", "purpose", "lease_hash")
_BATCH = f"""
{_INTO} select {", ".join(name if name in _LISTS else f"%({name})s::{kind}" for name, kind in _COLUMNS.items())}
from unnest({", ".join(f"%({name})s::{_COLUMNS[name]}[]" for name in _LISTS)}) as one ({", ".join(_LISTS)})
"""  # noqa: S608  # all of it stands here


class Given(NamedTuple):
    """What is handed out: of which account's token, under which lease. `request` is what is signed."""

    account_id: int
    token_id: int
    generation: int
    purpose: str
    lease_id: str
    request: str = ""


def write_record(caller: Caller, kind: LeaseRecord.Kind, given: Given, *, now: datetime) -> None:
    """Add the row. Raises Busy where it cannot be written: nothing may be handed out then.

    Requests that come at the same time share one commit. Inside a transaction the row belongs to that.
    """
    row = _row(caller, kind, given, now)
    with _NotRecorded():
        if connection.in_atomic_block:
            _insert([row])
        else:
            _together.write(row)


def write_records(caller: Caller, given: Sequence[Given], *, now: datetime) -> None:
    """Add the rows of many leases. Raises Busy where they cannot be written: none may be handed out then."""
    key_id, name, address = _whom(caller)
    facts = {
        "at": now, "kind": LeaseRecord.Kind.LEASE.value, "key_id": key_id, "caller": name, "address": address, "request": "",
        "account_id": [one.account_id for one in given],
        "token_id": [one.token_id for one in given],
        "generation": [one.generation for one in given],
        "purpose": [one.purpose for one in given],
        "lease_hash": [hash_of(one.lease_id) for one in given],
    }  # fmt: skip
    with _NotRecorded():
        prepared.write(_BATCH, facts)


class _NotRecorded:
    """Turns what PostgreSQL refuses into an answer."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, DatabaseError):
            logger.error("A hand-out could not be recorded, so nothing was handed out.", exc_info=error)
            raise Busy(RETRY_AFTER, text("not_recorded")) from error


def _whom(caller: Caller) -> tuple[int | None, str, str | None]:
    """Return key, name and address as a row has them."""
    return caller.key_id or None, caller.name, caller.address


def _row(caller: Caller, kind: LeaseRecord.Kind, given: Given, now: datetime) -> tuple[Any, ...]:
    what = given[:4]
    return (
        now, kind.value, *_whom(caller), *what, hash_of(given.lease_id), given.request[: LeaseRecord.REQUEST_LENGTH],
    )  # fmt: skip


def _insert(rows: Sequence[tuple[Any, ...]]) -> None:
    prepared.write(_few(len(rows)), [value for row in rows for value in row])


@lru_cache(maxsize=FEW)
def _few(count: int) -> str:
    one = f"({', '.join(f'%s::{kind}' for kind in _COLUMNS.values())})"
    return f"{_INTO} values {', '.join([one] * count)}"


_together = GroupCommit(_insert, most=FEW)


def hash_of(lease_id: str) -> str:
    """Return how a lease is named in the record: the first 32 hexadecimal digits of its SHA-256. The id itself would sign requests."""
    return hashlib.sha256(lease_id.encode()).hexdigest()[:32]
