"""The record of every token handed out: one row a lease and one a signature, written before the caller gets either.

The table is append only (`infra.append_only`): whoever may lease cannot remove the trace. What could not be recorded is not given.
"""

import hashlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from accounts.models import LeaseRecord
from broker.leases import queries as prepared
from broker.leases.callers import Caller
from broker.leases.errors import Busy
from broker.leases.texts import text

Row = tuple[Any, ...]


class _Waiting:
    """A row and its request's thread."""

    __slots__ = ("error", "leads", "row", "woken", "written")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.written = False
        self.leads = False  # it is woken to write, for itself and whoever else waits
        self.error: DatabaseError | InterfaceError | None = None  # of all of the group
        self.woken = threading.Lock()
        self.woken.acquire()


class GroupCommit:
    """Rows of requests that come at the same time in one process, written in one statement and with one commit.

    A commit waits for the disk and costs several times what a row costs. Nobody waits for others to come: whoever comes first writes at
    once, and who comes meanwhile is written by the next, all together. Every request still waits until its own row is committed.
    `insert` writes rows, all or none, and commits; `most`: rows of one statement.
    """

    def __init__(self, insert: Callable[[Sequence[Row]], None], *, most: int) -> None:
        self._insert, self._most = insert, most
        self._begin()
        os.register_at_fork(after_in_child=self._begin)  # threads that write do not come along

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[_Waiting] = []
        self._is_written = False  # a thread writes, and will wake the next

    def write(self, row: Row) -> None:
        """Return once the row is committed. Raises DatabaseError or InterfaceError where it is not."""
        mine = _Waiting(row)
        with self._lock:
            self._queue.append(mine)
            mine.leads, self._is_written = not self._is_written, True
        if not mine.leads:
            mine.woken.acquire()
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise type(mine.error)(*mine.error.args) from mine.error  # an exception of its own in each thread
        if not mine.written:
            self._insert([row])  # one of the others is refused: each for itself

    def _lead(self) -> None:
        """Write what waits, our own row first, and wake whose it is; then the next who leads, if anybody waits."""
        with self._lock:
            group, self._queue = self._queue[: self._most], self._queue[self._most :]
        try:
            self._insert([one.row for one in group])
        except (OperationalError, InterfaceError) as error:
            for one in group:
                one.error = error
        except DatabaseError as error:
            if len(group) == 1:
                group[0].error = error
        else:
            for one in group:
                one.written = True
        finally:
            self._hand_on(group)

    def _hand_on(self, group: Sequence[_Waiting]) -> None:
        with self._lock:
            following = self._queue[0] if self._queue else None
            self._is_written = following is not None
        if following is not None:
            following.leads = True
            following.woken.release()
        for one in group[1:]:
            one.woken.release()


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
        prepared.write_prepared(_BATCH, facts)


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
    prepared.write_prepared(_insert_of(len(rows)), [value for row in rows for value in row])


@lru_cache(maxsize=FEW)
def _insert_of(count: int) -> str:
    one = f"({', '.join(f'%s::{kind}' for kind in _COLUMNS.values())})"
    return f"{_INTO} values {', '.join([one] * count)}"


_together = GroupCommit(_insert, most=FEW)


def hash_of(lease_id: str) -> str:
    """Return how a lease is named in the record: the first 32 hexadecimal digits of its SHA-256. The id itself would sign requests."""
    return hashlib.sha256(lease_id.encode()).hexdigest()[:32]
