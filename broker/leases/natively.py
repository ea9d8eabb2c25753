"""Leases, signatures and reports of good answers on their ordinary way, in an event loop: one read, one row of the record, no thread.

What is not ordinary raises: `Unordinary`, or whatever the same work raises in a thread. The ordinary code of `services` begins anew then:
nothing was handed out.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts.models import LeaseRecord
from broker.leases import queries, records, services
from broker.leases.callers import Caller
from broker.leases.queries import Name, Purpose, servable, spare
from broker.leases.services import Answer, Lease
from infra import async_database

together = records.Together()


class Unordinary(Exception):  # noqa: N818  # a way
    """This takes PostgreSQL's other tables, a channel, or words for a person."""


async def lease(
    caller: Caller, channel: str, native_id: str, *, now: datetime, min_valid_for: int, purpose: Purpose
) -> Lease:
    """Do as `services.lease`."""
    until = now + timedelta(seconds=min_valid_for)
    found = await async_database.read(queries.READ, queries.row_facts(caller, channel, native_id))
    row = queries.row_of(caller, channel, found)
    if not servable(row, max(until, now + spare(channel)), purpose) or services.use_is_due(row, now):
        raise Unordinary
    made = services.make_lease(caller, row, purpose, now)
    given = services.record_of(row, made, purpose)
    await together.write(records.row_of(caller, LeaseRecord.Kind.LEASE, given, now))
    return made


async def lease_many(
    caller: Caller, names: Sequence[Name], *, now: datetime, min_valid_for: int, purpose: Purpose
) -> list[Answer]:
    """Do as `services.lease_many`."""
    batch = services.Batch(caller, purpose, now, now + timedelta(seconds=min_valid_for))
    written = queries.written_names(names)
    found = await async_database.read(queries.READ_MANY, queries.rows_facts(caller, written))
    rows = queries.rows_of(caller, written, found)
    for row in rows.values():
        until = max(batch.until, now + spare(row.channel))
        if not servable(row, until, purpose) or services.use_is_due(row, now):
            raise Unordinary
    answers = [batch.answer(rows.get(name)) for name in names]
    if batch.given:
        await async_database.write(records.BATCH, records.batch_of(caller, batch.given, now))
    return answers


async def sign(
    caller: Caller, lease_id: str, *, method: str, url: str, params: dict[str, str], now: datetime
) -> str:
    """Do as `services.sign`."""
    claims = services.open_lease(lease_id, caller=caller, now=now, for_sending=True)
    facts = [claims.token_id, claims.account_id]
    row = services.signing_row_of(caller, await async_database.read(services.READ_TO_SIGN, facts))
    if services.is_held(claims, row):
        raise Unordinary
    header = services.make_signature(claims, row, method=method, url=url, params=params)
    given = services.signature_record(claims, lease_id, method, url)
    await together.write(records.row_of(caller, LeaseRecord.Kind.SIGNATURE, given, now))
    return header
