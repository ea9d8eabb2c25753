"""Whose mails about accounts are snoozed, as far as campaigns respect it. Who keeps snoozes, an app above, registers what they are.

A log-in is snoozed where each of its accounts is: by its person, or by staff for everybody. One consent renews all of its accounts, so one
that is not snoozed is enough to be asked.
"""

from collections.abc import Collection
from datetime import date

from django.db import connection

# Each row: an account, the address that is told nothing of it ("": nobody is), the day on which mails go out again, since when.
_NOTHING = "select null::bigint account_id, ''::text email, null::date until, null::timestamptz started_at where false"
_rows = [_NOTHING]


def register(rows: str) -> None:
    """Say by which statement snoozes are found: without parameters, its columns as above. The last one holds."""
    _rows[:] = [rows]


def rows() -> str:
    """Return that statement, for another one to stand in."""
    return _rows[0]


def log_ins(token_ids: Collection[int], *, today: date) -> dict[int, date]:
    """Return those of these log-ins (ids) that are snoozed, with the day on which the first of their accounts no longer is.

    `today`: in the project's time zone. One query.
    """
    query = f"""
    with quiet as materialized ({rows()}),
    touched as (
      select distinct p.token_id from accounts_accounttoken p join quiet q on q.account_id = p.account_id
      where p.token_id = any(%(tokens)s)
    ),
    entry as (
      select p.token_id, p.account_id,
        max(q.until) filter (where q.email in ('', lower(u.email)) and q.until > %(today)s) until
      from touched
      join accounts_accounttoken p on p.token_id = touched.token_id
      join tokens_token t on t.id = p.token_id
      join users_user u on u.id = t.consented_by_id
      left join quiet q on q.account_id = p.account_id
      group by p.token_id, p.account_id
    )
    select token_id, min(until) from entry group by token_id having bool_and(until is not null)
    """  # noqa: S608  # what `macros` registered
    with connection.cursor() as cursor:
        cursor.execute(query, {"tokens": list(token_ids), "today": today})
        return dict(cursor.fetchall())
