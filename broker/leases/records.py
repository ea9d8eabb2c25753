"""The record of every token handed out: one row a lease and one a signature, written before the caller gets either.

The table is append only (`infra.append_only`): whoever may lease cannot remove the trace. What could not be recorded is not given.
"""

import asyncio
import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import psycopg
from django.db import DatabaseError

from accounts.models import LeaseRecord
from broker.leases import queries
from broker.leases.callers import Caller
from broker.leases.errors import Busy
from broker.leases.texts import text
from infra import async_database

Row = tuple[Any, ...]


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
BATCH = f"""
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
    """Add the row. Raises Busy where it cannot be written: nothing may be handed out then."""
    with _recorded():
        queries.write(_insert_of(1), row_of(caller, kind, given, now))


def write_records(caller: Caller, given: Sequence[Given], *, now: datetime) -> None:
    """Add the rows of many leases. Raises Busy where they cannot be written: none may be handed out then."""
    with _recorded():
        queries.write(BATCH, batch_of(caller, given, now))


def batch_of(caller: Caller, given: Sequence[Given], now: datetime) -> dict[str, Any]:
    """Return the values of `BATCH`."""
    key_id, name, address = _whom(caller)
    return {
        "at": now, "kind": LeaseRecord.Kind.LEASE.value, "key_id": key_id, "caller": name, "address": address, "request": "",
        "account_id": [one.account_id for one in given],
        "token_id": [one.token_id for one in given],
        "generation": [one.generation for one in given],
        "purpose": [one.purpose for one in given],
        "lease_hash": [hash_of(one.lease_id) for one in given],
    }  # fmt: skip


@contextmanager
def _recorded() -> Iterator[None]:
    """Turn what PostgreSQL refuses into an answer."""
    try:
        yield
    except DatabaseError as error:
        logger.exception("A hand-out could not be recorded, so nothing was handed out.")
        raise Busy(RETRY_AFTER, text("not_recorded")) from error


def _whom(caller: Caller) -> tuple[int | None, str, str | None]:
    """Return key, name and address as a row has them."""
    return caller.key_id or None, caller.name, caller.address


def row_of(caller: Caller, kind: LeaseRecord.Kind, given: Given, now: datetime) -> Row:
    """Return the values of one row."""
    return (
        now, kind.value, *_whom(caller), *given[:4], hash_of(given.lease_id), given.request[: LeaseRecord.REQUEST_LENGTH],
    )  # fmt: skip


class Together:
    """Rows of requests that come at the same time in one event loop, written in one statement and with one commit.

    A commit waits for the disk and costs several times what a row costs. Nobody waits for others to come: whoever comes first writes at
    once, and who comes meanwhile is written by the next, all together. Every request still waits until its own row is committed.
    """

    def __init__(self) -> None:
        self._queue: list[tuple[Row, asyncio.Future[None]]] = []
        self._is_written = False

    async def write(self, row: Row) -> None:
        """Return once the row is committed. Raises psycopg.Error where it is not."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((row, mine))
        if not self._is_written:
            self._is_written = True
            self._task = asyncio.create_task(self._run())
        await mine

    async def _run(self) -> None:
        while self._queue:
            group, self._queue = self._queue[:FEW], self._queue[FEW:]
            if not await self._wrote(group):
                for one in group:  # one of them is refused: each for itself
                    await self._wrote([one], alone=True)
        self._is_written = False

    async def _wrote(self, group: Sequence[tuple[Row, asyncio.Future[None]]], *, alone: bool = False) -> bool:
        error: Exception | None = None
        try:
            await async_database.write(_insert_of(len(group)), [value for row, _ in group for value in row])
        except Exception as raised:  # noqa: BLE001  # whoever waits is told
            error = raised
        if error is not None and not (
            alone or len(group) == 1 or isinstance(error, psycopg.OperationalError)
        ):
            return False
        for _, waiting in group:
            if waiting.done():  # its request was given up
                continue
            if error is None:
                waiting.set_result(None)
            else:
                waiting.set_exception(error)
        return True


@lru_cache(maxsize=FEW)
def _insert_of(count: int) -> str:
    one = f"({', '.join(f'%s::{kind}' for kind in _COLUMNS.values())})"
    return f"{_INTO} values {', '.join([one] * count)}"


def hash_of(lease_id: str) -> str:
    """Return how a lease is named in the record: the first 32 hexadecimal digits of its SHA-256. The id itself would sign requests."""
    return hashlib.sha256(lease_id.encode()).hexdigest()[:32]
