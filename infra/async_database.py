"""PostgreSQL for an event loop: a few connections of its own, opened when needed and closed when nobody needs them. Threads use others."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import AsyncConnection, AsyncCursor, OperationalError
from psycopg.pq import TransactionStatus
from psycopg.waiting import Ready, Wait

MOST = 4  # connections of a process
IDLE_FOR = 30.0  # seconds without a statement, after which all are closed
WAIT, AGAIN = 3.0, 0.1  # seconds for one, and between two tries to open it
Row = tuple[Any, ...]
Facts = Sequence[Any] | Mapping[str, Any]


class Away(OperationalError):  # noqa: N818  # an answer
    """There was no connection while it was waited for."""


class _Connection(AsyncConnection[Row]):
    """One whose socket stays with the event loop. psycopg takes its own there and back for each wait, by two system calls and a timer."""

    _watched = -1  # the socket, while the loop has it
    _work: Any = None  # a generator of psycopg, which stops where it has to wait
    _done: asyncio.Future[Any]

    async def wait(self, gen: Any, *_more: Any, **_named: Any) -> Any:
        """Run what has to wait. Whoever is cancelled meanwhile ends the connection."""
        self._work, self._done = gen, asyncio.get_running_loop().create_future()
        self._go_on(None)
        return await self._done

    def _go_on(self, ready: Ready | None = Ready.RW) -> None:
        if self._work is None:
            self._leave()  # PostgreSQL says what nobody asked, such as that it stops: the next statement hears it
            return
        try:
            wants = self._work.send(ready)
        except StopIteration as end:
            self._work = None
            if not self._done.cancelled():
                self._done.set_result(end.value)
        except Exception as error:  # noqa: BLE001  # whoever waits raises it
            self._work = None
            self._leave()  # libpq may have closed the socket, and the next one may have its number
            if not self._done.cancelled():
                self._done.set_exception(error)
        else:
            loop = self._done.get_loop()
            if self._watched < 0:
                self._watched = self.pgconn.socket
                loop.add_reader(self._watched, self._go_on)
            if wants & Wait.W:  # a statement that fills the socket's buffer
                loop.call_later(0.01, self._go_on)

    def _leave(self) -> None:
        if self._watched >= 0:
            self._done.get_loop().remove_reader(self._watched)
            self._watched = -1

    def end(self) -> None:
        """Close it at once."""
        self._work = None
        self._leave()
        self.pgconn.finish()


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
                _end(cursor)
                cursor = None
            self._places.put_nowait(cursor)
            self._ends.cancel()
            self._ends = self._loop.call_later(IDLE_FOR, self.close)

    async def _take(self) -> AsyncCursor[Row]:
        if not self._places.empty():
            if cursor := self._places.get_nowait():
                return cursor
            self._places.put_nowait(None)
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
                _end(one)
            self._places.put_nowait(None)


def _end(cursor: AsyncCursor[Row]) -> None:
    connection: Any = cursor.connection
    connection.end()


async def _opened() -> AsyncCursor[Row]:
    """Open one: a PostgreSQL that starts again is waited for."""
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    facts = {**wrapper.get_connection_params(), "autocommit": True}
    del facts["cursor_factory"]  # of threads
    while True:
        try:
            return (await _Connection.connect(**facts)).cursor()
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
