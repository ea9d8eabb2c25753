"""Until when one, two and three people can carry each account, worked out by a worker before anybody asks (`kept_sets`).

People and days are counted as `people_left` says. The k-th person is gone with the k-th longest log-in, by native users or by people who
consented, whichever is sooner: so three dates of an account say for each day how many are left.
"""

from datetime import UTC, datetime

from django.db import connection
from django.db.models import Q, QuerySet

from accounts.models import PeopleUntil
from tokens import renewing_rows
from tokens.models import Token

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)  # of a log-in that has no end, or renews itself
# Natives and persons as numbers, which compare faster than texts.
_KEEP = """
with living as materialized (
  select p.account_id, hashtextextended(t.native_user_id, 0) as native,
         coalesce(t.consented_by_id, -abs(hashtextextended(t.native_user_id, 0)) - 1) as person,
         case when t.deadline_kind = 'never' or t.id in ({renewing}) then %s else t.deadline end as ends
  from accounts_accounttoken p join tokens_token t on t.id = p.token_id
  where t.state <> 'dead' and p.access = 'ok' and p.can_publish <> 'no' and t.deadline_kind <> 'unknown'
), natives as (
  select account_id, max(ends) as ends, row_number() over (partition by account_id order by max(ends) desc) as place
  from living group by account_id, native
), people as (
  select account_id, max(ends) as ends, row_number() over (partition by account_id order by max(ends) desc) as place
  from living group by account_id, person
), found as materialized (
  select n.account_id, max(least(n.ends, p.ends)) filter (where place = 1) as one,
         max(least(n.ends, p.ends)) filter (where place = 2) as two, max(least(n.ends, p.ends)) filter (where place = 3) as three
  from natives n join people p using (account_id, place) where place <= 3 group by n.account_id
), gone as (
  delete from accounts_peopleuntil where account_id not in (select account_id from found)
)
insert into accounts_peopleuntil as kept (account_id, one, two, three) select account_id, one, two, three from found
on conflict (account_id) do update set one = excluded.one, two = excluded.two, three = excluded.three
where (kept.one, kept.two, kept.three) is distinct from (excluded.one, excluded.two, excluded.three)
"""


def write(now: datetime) -> None:
    """Work them out for all accounts, and write what differs. In the caller's transaction."""
    tokens = Token.objects.filter(renewing_rows.renewing(now=now)).order_by().values("pk")
    renewing, values = tokens.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_KEEP.format(renewing=renewing), [*values, FOREVER])


def carried(*, people: int, day: datetime) -> QuerySet[PeopleUntil]:
    """Return the rows of accounts that so many people, one to three, carry on that day; three stands for more, too."""
    until = ("one", "two", "three")[people - 1]
    found = PeopleUntil.objects.filter(**{f"{until}__gte": day})
    if people == 3:
        return found
    then = ("two", "three")[people - 1]
    return found.filter(Q(**{then: None}) | Q(**{f"{then}__lt": day}))
