"""How many people could carry each account today, and by a day to come if nobody does anything: the numbers, and the accounts behind each.

People are counted as `settle` counts them. By a day to come a log-in counts if it lasts beyond that day: one whose end is not known
does not, and one that renews itself does. Accounts of whose end nothing is known are left out, and paused ones.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, tzinfo

from django.db import connection
from django.db.models import CharField, Count, F, Q, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, Concat, Least

from accounts import kept_sets, people_kept
from accounts.models import Account, AccountToken, PeopleUntil
from accounts.selection import LIVING
from tokens import renewing_rows
from tokens.models import Token
from ui.calendar_days import end_of_window

KEPT = "people_left"  # the set that a worker keeps
DAYS = (0, 7, 30, 60, 90)  # from today
MOST = 3  # people; so many or more are one number
# The people of each account that more than one carries today, by each of the days to come. As numbers, which compare faster than texts.
_SEVERAL = """
with mine as materialized ({accounts}), living as (
  select p.account_id, t.native_user_id as native, coalesce(t.consented_by_id, -abs(hashtextextended(t.native_user_id, 0)) - 1) as person,
         case when t.deadline_kind = 'never' or t.id in ({renewing}) then 'infinity' else t.deadline end as ends
  from accounts_accounttoken p join tokens_token t on t.id = p.token_id
  where p.account_id in (select id from mine)
    and t.state <> 'dead' and p.access = 'ok' and p.can_publish <> 'no' and t.deadline_kind <> 'unknown'
), people as (
  select account_id, {columns} from living group by account_id
)
select {names}, count(*) from mine left join people on people.account_id = mine.id group by {names}
"""
_COLUMN = """
least(count(distinct native) filter (where ends >= %s), count(distinct person) filter (where ends >= %s), {most}) as in_{days}
"""

Table = Mapping[tuple[int, int], int]  # (people, days) -> accounts


def dated(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts that are counted."""
    return accounts.filter(paused_at=None).exclude(deadline_kind=Account.DeadlineKind.UNKNOWN)


def undated(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts that are left out because nothing is known of their end, but for paused ones."""
    return accounts.filter(paused_at=None, deadline_kind=Account.DeadlineKind.UNKNOWN)


def left(
    accounts: QuerySet[Account],
    *,
    people: int,
    days: int,
    now: datetime,
    zone: tzinfo,
    as_of: list[datetime] | None = None,
) -> QuerySet[Account]:
    """Keep the accounts that so many people (MOST: or more) are left to carry in so many days, for a reader in `zone`.

    Of very many accounts, in days to come, it goes by what a worker found a moment ago: see `kept_sets`. Then `as_of` is told when.
    """
    counted = dated(accounts)
    if days == 0:
        return counted.filter(**{f"people_count{_compared(people)}": people})
    day = end_of_window(days, now=now, zone=zone)
    if kept_sets.serves(KEPT, counted, as_of=as_of):
        if people:
            return counted.filter(pk__in=people_kept.carried(people=people, day=day).values("account"))
        # Not those without a row: what was linked since the last look has none yet.
        ends = PeopleUntil.objects.filter(one__lt=day).values("account")
        return counted.filter(Q(people_count=0) | Q(pk__in=ends))
    if people == 0:
        return counted.filter(Q(people_count=0) | Q(deadline__lt=day) & ~_renews(now))
    person = Coalesce(
        Cast("token__consented_by", CharField()),
        Concat(Value("native "), "token__native_user_id", output_field=CharField()),
    )
    lasting = AccountToken.objects.filter(
        Q(token__deadline_kind=Token.DeadlineKind.NEVER)
        | Q(token__deadline__gte=day)
        | renewing_rows.renewing(now=now, by="token__"),
        access=AccountToken.Access.OK,
        account__in=counted.order_by().values("pk"),  # or the pools of all accounts are counted for these few
    )
    lasting = lasting.exclude(token__state=Token.State.DEAD).exclude(can_publish=AccountToken.CanPublish.NO)
    several = lasting.values("account").annotate(
        people=Least(Count("token__native_user_id", distinct=True), Count(person, distinct=True))
    )
    return counted.filter(pk__in=several.filter(**{f"people{_compared(people)}": people}).values("account"))


def _renews(now: datetime) -> Q:
    """Return the condition of accounts that a token carries which renews itself."""
    theirs = AccountToken.objects.filter(renewing_rows.renewing(now=now, by="token__"), LIVING)
    return Q(pk__in=theirs.values("account"))


def _compared(people: int) -> str:
    return "__gte" if people >= MOST else ""


def count_today(accounts: QuerySet[Account]) -> Table:
    """Return how many accounts so many people carry today. One query."""
    found = dated(accounts).order_by().values(people=Least(F("people_count"), MOST)).annotate(n=Count("pk"))
    return {(row["people"], 0): row["n"] for row in found}


def count(accounts: QuerySet[Account], *, now: datetime, zone: tzinfo) -> Table:
    """Return how many accounts so many people are left to carry, today and in 7, 30, 60 and 90 days. Three queries.

    It reads the pools of all accounts that more than one person carries: half a second for 100,000.
    """
    found = Counter(count_today(accounts))
    days = {number: end_of_window(number, now=now, zone=zone) for number in DAYS[1:]}
    for number, several in zip(days, _of_few(accounts, days, now), strict=True):
        found.update({(people, number): n for people, n in several.items()})
    for row in _of_several(accounts, days, now):
        for number, people in zip(days, row[:-1], strict=True):
            found[people or 0, number] += row[-1]
    return found


def _of_few(accounts: QuerySet[Account], days: Mapping[int, datetime], now: datetime) -> list[dict[int, int]]:
    """Return for each day the accounts that one person carries today, or nobody: the account's own deadline says when that ends."""
    few = dated(accounts).filter(people_count__lte=1)
    alone, renews = Q(people_count=1), _renews(now)
    figures = few.aggregate(
        total=Count("pk"),
        **{
            f"in_{number}": Count("pk", filter=alone & (Q(deadline=None) | Q(deadline__gte=day) | renews))
            for number, day in days.items()
        },
    )
    return [{1: figures[f"in_{number}"], 0: figures["total"] - figures[f"in_{number}"]} for number in days]


def _of_several(
    accounts: QuerySet[Account], days: Mapping[int, datetime], now: datetime
) -> list[tuple[int, ...]]:
    """Return rows of how many people are left by each day, and of how many accounts."""
    several = dated(accounts).filter(people_count__gt=1).order_by().values("pk")
    of_these, values = several.query.sql_with_params()
    renewing, more = (
        Token.objects.filter(renewing_rows.renewing(now=now)).order_by().values("pk").query.sql_with_params()
    )
    names = ", ".join(f"in_{number}" for number in days)
    query = _SEVERAL.format(
        accounts=f"select id from ({of_these}) of_these (id)",  # noqa: S608  # what Django makes of the accounts
        columns=", ".join(_COLUMN.format(most=MOST, days=number) for number in days),
        names=names,
        renewing=renewing,
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [*values, *more, *(day for day in days.values() for _ in range(2))])
        rows: list[tuple[int, ...]] = cursor.fetchall()
    return rows
