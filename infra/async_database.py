"""PostgreSQL for an event loop: a few connections of its own, opened when needed and closed when nobody needs them. Threads use others."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import AsyncConnection, AsyncCursor, OperationalError
from psycopg.pq import TransactionStatus

MOST = 4  # connections of a process
IDLE_FOR = 30.0  # seconds without a statement, after which all are closed
WAIT, AGAIN = 3.0, 0.1  # seconds for one, and between two tries to open it
Row = tuple[Any, ...]
Facts = Sequence[Any] | Mapping[str, Any]


class Away(OperationalError):  # noqa: N818  # an answer
    """There was no connection while it was waited for."""


class _Connections:
    """Those of one event loop. Each is kept as a cursor, which remembers how values are written and read."""

    def __init__(self) -> None:
        self._places: asyncio.LifoQueue[AsyncCursor[Row] | None] = asyncio.LifoQueue()
        for _ in range(MOST):
            self._places.put_nowait(None)
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.call_later(IDLE_FOR, self.close)

    async def run(self, sql: str, facts: Facts, *, gives_rows: bool = True) -> list[Row]:
        """Run a statement in a transaction of its own, and return its rows."""
        cursor: AsyncCursor[Row] | None = await self._take()
        assert cursor is not None  # a new one, where there was none
        try:
            await cursor.execute(sql, facts, binary=True)
            return await cursor.fetchall() if gives_rows else []
        finally:
            if cursor.connection.pgconn.transaction_status != TransactionStatus.IDLE:
                cursor.connection.pgconn.finish()
                cursor = None
            self._places.put_nowait(cursor)
            self._ends.cancel()
            self._ends = self._loop.call_later(IDLE_FOR, self.close)

    async def _take(self) -> AsyncCursor[Row]:
        try:
            async with asyncio.timeout(WAIT):
                cursor = await self._places.get()
                try:
                    return cursor or await _opened()
                except BaseException:
                    self._places.put_nowait(None)
                    raise
        except TimeoutError as error:
            raise Away from error

    def close(self) -> None:
        """Close those that nobody uses now."""
        for one in [self._places.get_nowait() for _ in range(self._places.qsize())]:
            if one is not None:
                one.connection.pgconn.finish()
            self._places.put_nowait(None)


async def _opened() -> AsyncCursor[Row]:
    """Open one: a PostgreSQL that starts again is waited for."""
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    facts = {**wrapper.get_connection_params(), "autocommit": True}
    del facts["cursor_factory"]  # of threads
    while True:
        try:
            return (await AsyncConnection.connect(**facts)).cursor()
        except OperationalError:
            await asyncio.sleep(AGAIN)


_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Connections] = WeakKeyDictionary()


async def read(sql: str, facts: Facts) -> list[Row]:
    """Return the rows of a statement, which PostgreSQL plans once per connection. Raises psycopg.Error."""
    mine = _mine()
    try:
        return await mine.run(sql, facts)
    except Away:
        raise
    except OperationalError:  # a restarted PostgreSQL has ended them all
        mine.close()
        return await mine.run(sql, facts)


async def write(sql: str, facts: Facts) -> None:
    """Run a statement that gives no rows, and commit it. Raises psycopg.Error; it is not tried again."""
    await _mine().run(sql, facts, gives_rows=False)


def _mine() -> _Connections:
    loop = asyncio.get_running_loop()
    if loop not in _loops:
        _loops[loop] = _Connections()
    return _loops[loop]


async def close() -> None:
    """Close this loop's connections."""
    if mine := _loops.pop(asyncio.get_running_loop(), None):
        mine.close()
