"""What came of each account of a deed: rows that its page shows, that are run again where they failed, and that an undo goes by."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet

from accounts.models import Deed, DeedRow

Outcome = DeedRow.Outcome
UNDOES = (
    "undoes"  # of a deed's options, where an undo is run again for what failed: the deed that both take back
)

_GIVE_UP = """
insert into accounts_deedrow (deed_id, place, key, outcome, why, facts, at)
select d.id, k.place, k.key, 'failed', 'not_reached', '{}', %(now)s
from accounts_deed d cross join lateral unnest(d.keys) with ordinality k (key, place)
where d.id = %(deed)s and k.place > d.done
on conflict do nothing
"""


@dataclass(frozen=True)
class Result:
    """What came of one account. `why` is a block of words/deeds.txt that names `facts`; an undo may need more of them."""

    key: int
    outcome: DeedRow.Outcome
    why: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def done(cls, key: int, why: str = "", **facts: object) -> "Result":
        """It was done."""
        return cls(key, Outcome.DONE, why, facts)

    @classmethod
    def skips(cls, key: int, why: str, **facts: object) -> "Result":
        """It was left as it is, on purpose."""
        return cls(key, Outcome.SKIPPED, why, facts)

    @classmethod
    def fails(cls, key: int, why: str, **facts: object) -> "Result":
        """It could not be done."""
        return cls(key, Outcome.FAILED, why, facts)


def in_order(keys: Sequence[int], results: Mapping[int, Result]) -> list[Result]:
    """Return the results in the order of the keys. What has none is an account that the person no longer sees."""
    return [results.get(key) or Result.skips(key, "not_seen") for key in keys]


def write(deed: Deed, results: Sequence[Result], now: datetime) -> dict[str, Any]:
    """Keep the results of the accounts that come next. Returns by how much the deed's counts grow, as an update takes it."""
    DeedRow.objects.bulk_create(
        DeedRow(
            deed_id=deed.pk,
            place=place,
            key=one.key,
            outcome=one.outcome,
            why=one.why,
            facts=dict(one.facts),
            at=now,
        )
        for place, one in enumerate(results, deed.done + 1)
    )
    counts = Counter(one.outcome for one in results)
    columns = {Outcome.DONE: "acted", Outcome.SKIPPED: "skipped", Outcome.FAILED: "failed"}
    return {columns[outcome]: F(columns[outcome]) + number for outcome, number in counts.items()}


def give_up(deed: Deed, now: datetime) -> None:
    """Say of all accounts that the deed did not come to that they were not reached."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_UP, {"deed": deed.pk, "now": now})
        number = cursor.rowcount
    Deed.objects.filter(pk=deed.pk).update(done=F("total"), failed=F("failed") + number)


def keys_of(deed: Deed, outcome: DeedRow.Outcome) -> QuerySet[DeedRow, int]:
    """Return the accounts (ids) of which this came, in order."""
    return deed.rows.filter(outcome=outcome).order_by("place").values_list("key", flat=True)


def done_before(deed: Deed, keys: Collection[int]) -> dict[int, DeedRow]:
    """Return what was done to these accounts by the deed that this one takes back, or takes back once more where that failed."""
    rows = DeedRow.objects.filter(
        deed=deed.undoes_id or deed.options.get(UNDOES), key__in=keys, outcome=Outcome.DONE
    )
    return {row.key: row for row in rows}
