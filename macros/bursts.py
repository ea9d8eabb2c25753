"""What goes on happening is told in few mails: whoever was told at once a moment ago gets what follows together, a little later.

A sweep finds 300 log-ins dead one after the other, for a minute and longer. The first mail to a reader goes out at once; what comes within
`FIRST` of it waits in one mail, which takes up all that is found until it leaves. While it goes on the pauses grow, up to `LONGEST`. So a
reader whom nothing was told for a while is told at once, nothing waits longer than `LONGEST`, and an hour is ten mails at most. Mails
about accounts that are dark, and about the rest, are two rows of their own: what is urgent waits for nothing else.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F

from macros.models import Evaluation

FIRST = timedelta(minutes=1)
LONGEST = timedelta(minutes=10)
LOOKS_BACK = timedelta(minutes=15)
MOST_LATELY = LOOKS_BACK // FIRST + 1  # mails to one reader that leave within it

# Notices of a run whose readers have a mail waiting that nobody has taken yet: they join it. The lock keeps it from being taken meanwhile.
# A mail that names accounts of several teams is of none of them. Returns how many came into which run.
_JOIN = """
with waiting as materialized (
  select m.id, m.recipient, m.team_id, v.id as run, m.payload ? 'teams' as of_all
  from notifications_message m
  join macros_evaluation v on v.id = (m.payload->>'{key}')::bigint and v.trigger = 'event'
  where m.kind = %(kind)s and m.state = 'queued' and m.attempts = 0
    and m.next_attempt_at > %(now)s and m.next_attempt_at <= %(now)s + %(longest)s
    and m.recipient in (select n.recipient from {table} n where n.evaluation_id = %(run)s)
  for update of m
), moved as (
  update {table} n set evaluation_id = w.run from waiting w
  where n.evaluation_id = %(run)s and n.recipient = w.recipient and (w.of_all or n.team_id = w.team_id)
  returning w.id, w.run, n.team_id
), mixed as (
  update notifications_message m set team_id = null
  where m.id in (select v.id from moved v join waiting w on w.id = v.id where v.team_id is distinct from w.team_id)
)
select run, count(*) from moved group by run"""

# Mails `m` of a run to readers who were told a moment ago by others, `p`: when each leaves. A person's mail is about all teams, that to an
# address outside about one.
_SPACE = """
update notifications_message m set next_attempt_at = later.due, queued_at = later.due
from (
  select m.id, least(%(now)s, max(p.next_attempt_at))
    + least(greatest(max(p.next_attempt_at) - min(p.next_attempt_at), %(first)s), %(longest)s) as due
  from notifications_message m
  join notifications_message p on p.recipient = m.recipient and p.kind = m.kind
   and p.payload->'teams' is not distinct from m.payload->'teams' and (m.payload ? 'teams' or p.team_id is not distinct from m.team_id)
   and p.id <> m.id and p.state in ('queued', 'sending', 'sent') and (p.state <> 'queued' or p.attempts = 0)
   and p.next_attempt_at <= %(now)s + %(longest)s  -- what came back is tried again hours later
   and p.next_attempt_at > %(now)s - %(back)s and p.created_at > %(now)s - %(back)s - %(longest)s
  join macros_evaluation v on v.id = (p.payload->>'{key}')::bigint and v.trigger = 'event'
  where m.kind = %(kind)s and m.payload @> %(of_run)s::jsonb
  group by m.id
) later
where later.id = m.id and later.due > %(now)s"""


def join(run: Evaluation, *, kind: str, table: str, key: str, now: datetime) -> int:
    """Put what a run found for readers whose mail still waits into that mail. Returns how many notices.

    `table` holds the notices, and `key` of a message's payload says the run: of `kind`, the kind of its messages. In the caller's
    transaction, before the run's messages are written.
    """
    values: dict[str, Any] = {"run": run.pk, "kind": kind, "longest": LONGEST, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(_JOIN.format(table=table, key=key), values)
        moved = dict(cursor.fetchall())
    for other, number in moved.items():
        Evaluation.objects.filter(pk=other).update(notice_count=F("notice_count") + number)
    return sum(moved.values())


def space(run: Evaluation, *, kind: str, key: str, now: datetime) -> None:
    """Have the messages of a run wait whose readers were told a moment ago."""
    values: dict[str, Any] = {
        "kind": kind,
        "of_run": json.dumps({key: run.pk}),
        "first": FIRST,
        "longest": LONGEST,
        "back": LOOKS_BACK,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SPACE.format(key=key), values)


def numbered(moments: Iterable[float]) -> Iterator[int]:
    """Give for each moment (seconds, ascending) the number of the mail, from 0, in which it would be told to one reader: as above."""
    first, longest, back = (span.total_seconds() for span in (FIRST, LONGEST, LOOKS_BACK))
    leaves: list[float] = []  # when each mail leaves
    before = float("-inf")
    for now in moments:
        if now > before and (not leaves or leaves[-1] <= now):
            lately = [at for at in leaves[-MOST_LATELY:] if at > now - back]
            pause = min(max(lately[-1] - lately[0], first), longest) if lately else 0.0
            leaves.append(max(now, lately[-1] + pause) if lately else now)
        before = now
        yield len(leaves) - 1
