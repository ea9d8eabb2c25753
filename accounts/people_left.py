"""How many people could carry each account today, and by a day to come if nobody does anything: the numbers, and the accounts behind each.

People are counted as `settle` counts them. By a day to come a log-in counts if it lasts beyond that day: one whose end is not known
does not, and one that renews itself does. Accounts of whose end nothing is known are left out, and paused ones.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, tzinfo

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import CharField, Count, F, Q, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, Concat, Least

from accounts.models import Account, AccountToken
from tokens import renewal
from tokens.models import Token
from ui.calendar_days import end_of_window

DAYS = (0, 7, 30, 60, 90)  # from today
MOST = 3  # people; so many or more are one number
# The people of each account by each of the days to come. As numbers, which compare faster than texts.
_PEOPLE = """
with mine (id) as materialized ({accounts}), living as (
  select p.account_id, t.native_user_id as native, coalesce(t.consented_by_id, -abs(hashtextextended(t.native_user_id, 0)) - 1) as person,
         case when t.deadline_kind = 'never' or t.id in ({renewing}) then 'infinity' else t.deadline end as ends
  from accounts_accounttoken p join tokens_token t on t.id = p.token_id
  where p.account_id in (select id from mine)
    and t.state <> 'dead' and p.access = 'ok' and p.can_publish <> 'no' and t.deadline_kind <> 'unknown'
), people as (
  select account_id, {columns} from living group by account_id
)
select {left}, count(*) from mine left join people on people.account_id = mine.id group by {left}
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
) -> QuerySet[Account]:
    """Keep the accounts that so many people (MOST: or more) are left to carry in so many days, for a reader in `zone`."""
    counted = dated(accounts)
    if days == 0:
        return counted.filter(**{f"people_count{_compared(people)}": people})
    day = end_of_window(days, now=now, zone=zone)
    if people == 0:
        return counted.filter(Q(people_count=0) | Q(deadline__lt=day) & ~_renews(now))
    person = Coalesce(
        Cast("token__consented_by", CharField()),
        Concat(Value("native "), "token__native_user_id", output_field=CharField()),
    )
    lasting = AccountToken.objects.living().filter(
        Q(token__deadline_kind=Token.DeadlineKind.NEVER)
        | Q(token__deadline__gte=day)
        | renewal.renewing(now=now, by="token__"),
        account__in=counted.order_by().values("pk"),  # or the pools of all accounts are counted for these few
    )
    several = lasting.values("account").annotate(
        people=Least(Count("token__native_user_id", distinct=True), Count(person, distinct=True))
    )
    return counted.filter(pk__in=several.filter(**{f"people{_compared(people)}": people}).values("account"))


def _renews(now: datetime) -> Q:
    """Return the condition of accounts that a token carries which renews itself."""
    theirs = AccountToken.objects.living().filter(renewal.renewing(now=now, by="token__"))
    return Q(pk__in=theirs.values("account"))


def _compared(people: int) -> str:
    return "__gte" if people >= MOST else ""


def count_today(accounts: QuerySet[Account]) -> Table:
    """Return how many accounts so many people carry today. One query."""
    found = dated(accounts).order_by().values(people=Least(F("people_count"), MOST)).annotate(n=Count("pk"))
    return {(row["people"], 0): row["n"] for row in found}


def count(accounts: QuerySet[Account], *, now: datetime, zone: tzinfo) -> Table:
    """Return how many accounts so many people are left to carry, today and in 7, 30, 60 and 90 days. Two queries.

    It reads the pools of all these accounts: half a second for 100,000.
    """
    found = Counter(count_today(accounts))
    days = {number: end_of_window(number, now=now, zone=zone) for number in DAYS[1:]}
    try:
        rows = _by_day(accounts, days, now)
    except EmptyResultSet:  # of somebody without a team
        return found
    for *people, accounts_so in rows:
        for number, left_then in zip(days, people, strict=True):
            found[left_then, number] += accounts_so
    return found


def _by_day(
    accounts: QuerySet[Account], days: Mapping[int, datetime], now: datetime
) -> list[tuple[int, ...]]:
    """Return rows of how many people are left by each day, and of how many accounts. Raises EmptyResultSet where there is no account."""
    of_these, values = dated(accounts).order_by().values("pk").query.sql_with_params()
    renewing, more = (
        Token.objects.filter(renewal.renewing(now=now)).order_by().values("pk").query.sql_with_params()
    )
    query = _PEOPLE.format(
        accounts=of_these,
        columns=", ".join(_COLUMN.format(most=MOST, days=number) for number in days),
        left=", ".join(f"coalesce(in_{number}, 0)" for number in days),
        renewing=renewing,
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [*values, *more, *(day for day in days.values() for _ in range(2))])
        rows: list[tuple[int, ...]] = cursor.fetchall()
    return rows
