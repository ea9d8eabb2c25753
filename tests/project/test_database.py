"""The connections of threads and of an event loop, and the indexes that the tables have."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from django.db import connection

from infra import async_database

# Waits until they are gone: a connection that dies between a look at it and its use is an error to whoever has it, then as ever.
_OTHERS = """
select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()"""

_END = """
select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
where datname = current_database() and left(query, 13) = 'select length' and pid <> pg_backend_pid()"""

# A btree whose columns are the first columns of another index of the table is of no use to a read and costs every write.
_CONTAINED = """
select small.relname from pg_index i join pg_class small on small.oid = i.indexrelid
join pg_index j on j.indrelid = i.indrelid and j.indexrelid <> i.indexrelid
join pg_class large on large.oid = j.indexrelid
join pg_class t on t.oid = i.indrelid
where not i.indisunique and i.indpred is null and j.indpred is null and i.indexprs is null and j.indexprs is null
  and t.relname ~ '^(accounts|tokens|macros|notifications|users)_' and t.relname !~ '_(teams|groups|permissions)$'  -- Django's own
  and small.relam = large.relam and j.indclass::text || ' ' like i.indclass::text || ' %%'
  and (j.indkey::text || ' ') like (i.indkey::text || ' %%')
order by 1"""


def _ask() -> int:
    """Ask the database in a thread of its own, as a request does, and give the connection back to the pool."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
            return int(cursor.fetchone()[0])
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_restarted_database_costs_no_error_afterwards() -> None:
    pool = connection.pool  # type: ignore[attr-defined]  # PostgreSQL has one
    with ExitStack() as held:
        for _ in range(pool.max_size - 1):
            held.enter_context(pool.connection())
    with connection.cursor() as cursor:
        cursor.execute(_OTHERS)
        assert cursor.fetchone()[0] >= pool.max_size - 1

    with ThreadPoolExecutor(1) as threads:  # which meets all that have ended, one by one
        assert threads.submit(_ask).result() == 1


@pytest.mark.django_db(transaction=True)
def test_an_event_loop_asks_much_and_asks_again_after_a_restart() -> None:
    async def ask() -> None:
        long = "x" * 20_000_000  # more than a socket takes at once
        for text in ("x", long):
            asked = [async_database.read("select length(%s::text), %s::int", (text, one)) for one in range(3)]
            assert await asyncio.gather(*asked) == [[(len(text), one)] for one in range(3)]
            late = asyncio.create_task(async_database.read("select pg_sleep(0.2)", ()))
            await asyncio.sleep(0.05)
            late.cancel()
            assert (await async_database.read(_END, ()))[0][0] > 0
        await async_database.close()

    asyncio.run(ask())


@pytest.mark.django_db
def test_no_index_is_contained_in_another() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CONTAINED)
        contained = [name for (name,) in cursor.fetchall()]

    assert contained == [], contained
