"""PostgreSQL for an event loop: a few connections of its own, opened when needed and closed when nobody needs them. Threads use others."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import AsyncConnection, AsyncCursor, OperationalError
from psycopg_pool import AsyncConnectionPool, PoolTimeout

MOST = 4  # connections of a process
IDLE_FOR = 30.0  # seconds after which one is closed
WAIT = 3.0  # seconds for one
Row = tuple[Any, ...]
_Pool = AsyncConnectionPool[AsyncConnection[Row]]
_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = WeakKeyDictionary()


Facts = Sequence[Any] | Mapping[str, Any]


async def read(sql: str, facts: Facts) -> list[Row]:
    """Return the rows of a statement, which PostgreSQL plans once per connection. Raises psycopg.Error."""
    pool = await _pool()
    try:
        return await _read(pool, sql, facts)
    except PoolTimeout:
        raise
    except OperationalError:  # a restarted PostgreSQL has ended them all
        await pool.check()
        return await _read(pool, sql, facts)


async def write(sql: str, facts: Facts) -> None:
    """Run a statement that gives no rows, and commit it. Raises psycopg.Error; it is not tried again."""
    async with (await _pool()).connection() as connection:
        await connection.execute(sql, facts, binary=True)


async def _read(pool: _Pool, sql: str, facts: Facts) -> list[Row]:
    async with pool.connection() as connection:
        cursor: AsyncCursor[Row] = await connection.execute(sql, facts, binary=True)
        return await cursor.fetchall()


async def _pool() -> _Pool:
    loop = asyncio.get_running_loop()
    if loop not in _pools:
        made = _made()
        if _pools.setdefault(loop, made) is made:
            await made.open()
    return _pools[loop]


def _made() -> _Pool:
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    kwargs = {**wrapper.get_connection_params(), "autocommit": True}
    del kwargs["cursor_factory"]  # of threads
    return AsyncConnectionPool(
        kwargs=kwargs,
        open=False,
        min_size=0,
        max_size=MOST,
        max_idle=IDLE_FOR,
        timeout=WAIT,
        reconnect_timeout=0,  # its pauses would double with every try
    )


async def close() -> None:
    """Close this loop's connections."""
    pool = _pools.pop(asyncio.get_running_loop(), None)
    if pool is not None:
        await pool.close()
