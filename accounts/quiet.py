"""Whose mails about accounts are snoozed, as far as campaigns respect it. Who keeps snoozes, an app above, registers what they are.

A log-in is snoozed where each of its accounts is: by its person, or by staff for everybody. One consent renews all of its accounts, so one
that is not snoozed is enough to be asked.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

# Each row: an account, the address that is told nothing of it ("": nobody is), the day on which mails go out again, since when.
_NOTHING = "select null::bigint account_id, ''::text email, null::date until, null::timestamptz started_at where false"
# The same of all accounts of an address.
_NOBODY = "select ''::text email, null::date until, null::timestamptz started_at where false"
_found = [_NOTHING, _NOBODY]


def register(rows: str, *, people: str) -> None:
    """Say by which statements snoozes are found, of accounts and of people: without parameters, columns as above. The last ones hold."""
    _found[:] = [rows, people]


def tables() -> str:
    """Return these statements as the tables "quiet" and "away", for a "with" of another statement."""
    return f"quiet as materialized (select * from ({_found[0]}) q), away as materialized (select * from ({_found[1]}) w)"  # noqa: S608  # what `macros` registered


def morning(now: datetime) -> date:
    """Return the day of the last morning, in the project's time zone, whoever looks: a snooze until then, or until before, is over.

    It comes with the hour from which the day's warnings go out.
    """
    local = timezone.localtime(now, timezone.get_default_timezone())
    return local.date() - timedelta(days=local.hour < settings.MACROS_HOUR)


def log_ins(token_ids: Collection[int], *, now: datetime) -> dict[int, date]:
    """Return those of these log-ins (ids) that are snoozed, with the day on which the first of their accounts no longer is. One query."""
    query = f"""
    with {tables()},
    touched as (
      select distinct p.token_id from accounts_accounttoken p join quiet q on q.account_id = p.account_id
      where p.token_id = any(%(tokens)s)
    ),
    entry as (
      select p.token_id, p.account_id,
        max(q.until) filter (where q.email in ('', lower(u.email)) and q.until > %(morning)s) until
      from touched
      join accounts_accounttoken p on p.token_id = touched.token_id
      join tokens_token t on t.id = p.token_id
      join users_user u on u.id = t.consented_by_id
      left join quiet q on q.account_id = p.account_id
      group by p.token_id, p.account_id
    )
    select token_id, max(until) from (
      select token_id, min(until) as until from entry group by token_id having bool_and(until is not null)
      union all
      select t.id, w.until from tokens_token t join users_user u on u.id = t.consented_by_id join away w on w.email = lower(u.email)
      where t.id = any(%(tokens)s) and w.until > %(morning)s
    ) found group by token_id
    """  # noqa: S608  # what `macros` registered
    with connection.cursor() as cursor:
        cursor.execute(query, {"tokens": list(token_ids), "morning": morning(now)})
        return dict(cursor.fetchall())
