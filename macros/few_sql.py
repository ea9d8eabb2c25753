"""The SQL of "fewer than N people could carry it, now or within D days": counted as decision 0003 counts, for all accounts in one pass, or
for those of `only`, whose people came or went.

What counts people says `renews_itself(t)` where Django's own condition of such log-ins belongs: `whole` puts it there.
"""

from datetime import datetime
from typing import Any

from django.conf import settings

from macros.news_sql import JUDGED, LATELY, WRITTEN
from macros.told_sql import LEFT_OUT, ONCE_MORE
from tokens import renewal

# Each rule, and from when on it asks: a day ahead is over at midnight, as in the lists (`ui.calendar_days.end_of_window`).
_RULE = """people, within, scope, channels, team_id, excluded,
         (((%(now)s at time zone %(zone)s)::date + within + 1)::timestamp at time zone %(zone)s) as until"""
_STORED = f"""
with rule as materialized (
  select id, macro_id, {_RULE}
  from (
    select ac.id, m.id as macro_id, coalesce(ac.people, 0) as people, coalesce(ac.within, 0) as within, m.scope, m.channels, m.team_id,
           {LEFT_OUT} as excluded
    from macros_macroaction ac join macros_macro m on m.id = ac.macro_id
    where m.enabled and ac.kind = 'few_people'
  ) few
), chosen as not materialized (
  select macro_id, account_id from macros_macroaccount
)"""  # noqa: S608  # constants
# Of a draft: as it is now, and once more as it would be after so many days (`later`) in which nobody re-authenticates.
_DRAFT = f"""
with rule as materialized (
  select id, macro_id, {_RULE}
  from (
    select n.id::bigint as id, 0 as macro_id, %(people)s::int as people, %(within)s::int + n.later as within, %(scope)s::text as scope,
           %(channels)s::text[] as channels, %(team)s::bigint as team_id, %(excluded)s::bigint[] as excluded
    from (values (0, 0), (1, %(later)s::int)) n(id, later)
  ) few
), chosen as not materialized (
  select 0 as macro_id, unnest(%(accounts)s::bigint[]) as account_id
)"""  # noqa: S608  # constants

# Whether people of an account `a` are counted on the day that a rule `{r}` looks ahead to. Of whose end nothing is known, and where people
# are too few as it is, it is as it is now.
_AHEAD = "{r}.within > 0 and a.deadline_kind <> 'unknown' and a.people_count >= {r}.people"
# The people of log-ins `t` that last beyond that day, as `accounts.people_left` counts them: what renews itself lasts, what ends on a day
# that nobody knows does not.
_PEOPLE = "least(count(distinct t.native_user_id), count(distinct coalesce(t.consented_by_id::text, 'native ' || t.native_user_id)))"
_LASTS = "t.state <> 'dead' and (t.deadline_kind = 'never' or t.deadline >= {r}.until or renews_itself(t))"
# The log-ins of the pool of an account `a`: looked up by their ids, where accounts are few; else as sets.
_LOOKED_UP = """
    cross join lateral (
      select token_id from accounts_accounttoken where account_id = a.id and access = 'ok' and can_publish <> 'no' offset 0
    ) p
    cross join lateral (select * from tokens_token where id = p.token_id offset 0) t"""
_JOINED = """
    join accounts_accounttoken p on p.account_id = a.id and p.access = 'ok' and p.can_publish <> 'no'
    join tokens_token t on t.id = p.token_id"""
# Whether a rule `r` is for an account `a`, whatever it was made for.
_FITS = "(r.team_id is null or r.team_id = a.team_id) and not a.id = any(r.excluded) and a.paused_at is null"
# Sets whose size PostgreSQL cannot know are put together by grouping: joined, each account was compared with each.
_COUNTED = f"""
, watched as materialized (
  select r.id as action_id, r.people, r.within, r.until, a.id, a.state, a.deadline_kind, a.people_count
  from rule r
  cross join lateral (select account_id from chosen where macro_id = r.macro_id {{of_chosen}} offset 0) c
  cross join lateral (select * from accounts_account where id = c.account_id offset 0) a
  where r.scope = 'chosen' and {_FITS}
  union all
  select r.id, r.people, r.within, r.until, a.id, a.state, a.deadline_kind, a.people_count
  from rule r join accounts_account a on {_FITS} and (r.scope = 'all' or a.channel = any(r.channels))
  where r.scope <> 'chosen' {{of_account}}
), counted as materialized (
  select action_id, account_id, max(wanted) as wanted, max(state) as state, max(people) as people from (
    select a.action_id, a.id as account_id, a.people as wanted, a.state,
           case when {_AHEAD.format(r="a")} then 0 else a.people_count end as people
    from watched a
    union all
    select a.action_id, a.id, null, null, {_PEOPLE}
    from watched a {{pools}}
    where {_AHEAD.format(r="a")} and {_LASTS.format(r="a")}
    group by a.action_id, a.id
  ) found group by action_id, account_id
)"""  # noqa: S608  # constants
_OF_ALL = _COUNTED.format(of_chosen="", of_account="", pools=_JOINED)
_OF_SOME = _COUNTED.format(
    of_chosen="and account_id = any(%(only)s::bigint[])",
    of_account="and a.id = any(%(only)s::bigint[])",
    pools=_LOOKED_UP,
)

# What recovered, or is no longer looked after by the action. An account that is dark has not recovered. Each shortage is looked at alone.
_CLOSE = f"""
update macros_shortage s set over_at = %(now)s
where s.over_at is null {{of_account}} and not exists (
  select 1 from rule r cross join lateral (select * from accounts_account where id = s.account_id offset 0) a
  where r.id = s.action_id and {_FITS}
    and case r.scope when 'all' then true when 'channels' then a.channel = any(r.channels)
        else exists (select 1 from chosen c where c.macro_id = r.macro_id and c.account_id = a.id offset 0) end
    and (a.state = 'deactivated' or r.people > case when {_AHEAD.format(r="r")} then (
      select {_PEOPLE} from (select 1) one {_LOOKED_UP} where {_LASTS.format(r="r")}
    ) else a.people_count end)
  offset 0)"""  # noqa: S608  # constants
CLOSE_SOME = _STORED + _CLOSE.format(of_account="and s.account_id = any(%(only)s::bigint[])")

# What falls short now, of rows `c`. That an account is dark is told otherwise; of one whose warnings are snoozed it is told when that is
# over; and within an hour an account that recovers and falls again is told once.
_SHORT = """c.people < c.wanted and c.state in ('connected', 'interrupted')
  and not exists (
    select 1 from macros_mute q where q.account_id = c.account_id and q.email = '' and q.macro_id is null and q.ended_at is null offset 0)
  and not exists (
    select 1 from macros_shortage s where s.action_id = c.action_id and s.account_id = c.account_id and s.over_at is null offset 0)"""
_OPEN = f"""
insert into macros_shortage (action_id, account_id, people, began_at, over_at)
select c.action_id, c.account_id, c.people, %(now)s, null
from counted c
where {_SHORT}
  and not exists (
    select 1 from macros_shortage s where s.action_id = c.action_id and s.account_id = c.account_id
      and s.began_at > %(now)s - interval '1 hour' offset 0)
order by c.account_id, c.action_id
on conflict do nothing
returning id, action_id, account_id"""  # noqa: S608  # constants
OPEN_SOME = _STORED + _OF_SOME + _OPEN

# What fell short once more within the hour: by which shortage it is looked at again, and when.
LATER = f"""{_STORED}{_OF_SOME}
select l.id, l.at + interval '1 hour'
from counted c cross join lateral (
  select max(s.id) as id, max(s.began_at) as at from macros_shortage s
  where s.action_id = c.action_id and s.account_id = c.account_id and s.began_at > %(now)s - interval '1 hour'
) l
where l.id is not null and {_SHORT}"""  # noqa: S608  # constants

# What is to be told at once: what was opened just now or is looked at again (`shortages`), and what fell once more, of which nobody was
# told. Each with whether `accounts.telling` still finds out whom it tells itself.
TO_TELL = """
select s.id, s.action_id, s.account_id, exists (
    select 1 from accounts_accountnews n where n.account_id = s.account_id and n.at > %(now)s - interval '3 minutes')
from macros_shortage s
cross join lateral (select state from accounts_account where id = s.account_id offset 0) a
where s.over_at is null and a.state in ('connected', 'interrupted') and not exists (
    select 1 from macros_mute q where q.account_id = s.account_id and q.email = '' and q.macro_id is null and q.ended_at is null offset 0)
  and (
  s.id = any(%(shortages)s::bigint[])
  or s.account_id = any(%(only)s::bigint[]) and not exists (
    select 1 from macros_newsnotice n where n.account_id = s.account_id and n.action_id = s.action_id and n.event = -s.id
      and n.outcome <> 'dropped' offset 0))
order by s.id"""

# Whom the actions tell. Such a notice has no event: its number is the shortage's, below 0.
_CARRIED = f"""
with carried as materialized (
  select h.id, h.action_id, h.account_id, null::bigint as token_id, ''::text as recipient
  from unnest(%(shortages)s::bigint[], %(actions)s::bigint[], %(accounts)s::bigint[]) h(id, action_id, account_id)
){ONCE_MORE}"""  # noqa: S608  # constants
_INSERT = """
insert into macros_newsnotice (evaluation_id, action_id, macro_name, account_id, team_id, event, kind, recipient, via, at, outcome,
                               outcome_reason)
select %(evaluation)s, t.action_id, '', t.account_id, t.team_id, -t.notice_id, 'few_people', t.address, t.via, %(now)s, 'waiting', ''
from told t"""
_IN_ORDER = """
order by t.account_id, t.action_id, t.address
on conflict do nothing"""
# At once, but for those whose own log-in stopped, or lost the account: that mail asks them to be its backup again.
INSERT_AT_ONCE = f"""{_CARRIED}, asked as materialized (
  select m.recipient, p.account_id
  from notifications_message m
  join accounts_accounttoken p on p.token_id = case when m.kind = 'died' then (m.payload->>'token')::bigint end
  join tokens_token d on d.id = p.token_id and d.state = 'dead'
  where m.kind = 'died' and m.created_at > %(mailed_since)s and m.state not in ('failed', 'cancelled')
    and p.account_id = any(%(accounts)s::bigint[])
  union all
  select n.recipient, n.account_id from accounts_accountnotice n
  where n.account_id = any(%(accounts)s::bigint[]) and n.kind = 'access' and n.own and n.closed_at is null
){LATELY}, fresh as (
  select t.*, -t.notice_id as event_id, 'few_people' as kind
  from told t where not exists (select 1 from asked k where k.account_id = t.account_id and k.recipient = t.address)
){JUDGED}, written as ({_INSERT.replace("from told t", "from judged t where t.due is null")}{_IN_ORDER} returning id
){WRITTEN}"""  # noqa: S608  # constants

# Of a draft: how many accounts fall short now; of how many of them the stored action `action` has told; how many fall short later.
COUNT = f"""{_DRAFT}{_OF_ALL}
select count(*) filter (where action_id = 0),
       count(*) filter (where action_id = 0 and exists (
         select 1 from macros_shortage s where s.action_id = %(action)s and s.account_id = c.account_id and s.over_at is null)),
       count(*) filter (where action_id = 1)
from counted c
where c.people < c.wanted and c.state in ('connected', 'interrupted')
  and not exists (
    select 1 from macros_mute q where q.account_id = c.account_id and q.email = '' and q.macro_id is null and q.ended_at is null)"""  # noqa: S608  # constants
# Of a draft and one account: the people that it counts.
COUNT_ONE = f"{_DRAFT}{_OF_ALL} select people from counted where action_id = 0"  # noqa: S608  # constants


def whole(text: str, *, now: datetime) -> tuple[str, dict[str, Any]]:
    """Return a statement that counts people, as it can be carried out, and values that it needs beside its own."""
    condition, values = renewal.of_row("t", now=now)
    return text.replace("renews_itself(t)", condition), values | {"now": now, "zone": settings.TIME_ZONE}
