"""The SQL of what macros tell at once: what happened, which actions it concerns, whom they tell. Set-based, whatever a cause hit.

Whom an action tells, and who stands in, is the text of `macros.told_sql`.
"""

from macros.told_sql import DARK_TOLD_TO, LEFT_OUT, MAILED_OF_LOG_INS, NOT_WATCHED, ONCE_MORE, STILL_NAMED

# Events of these moments (`moments`, from `first` to `last`) and of these ids (`events`), as far as they still hold: of each account and
# kind the last; and the actions that they concern. `due`: when it is looked at again, while `accounts.telling` still finds out whom it
# tells itself, or an account is interrupted for less than an hour. That a reader was told of the account within the hour is asked when its
# notice is written, see `LATELY`.
# What works again had stopped, or was restricted (for longer than `blip`: else that was told to nobody), and was not paused meanwhile.
# Whoever links an account reads there that it is restricted. What was dark when it was paused, or never worked, is no news once resumed.
# An action tells what happened since it was made, also where it is looked at again for others; that an account is dark it tells always.
LOOK = f"""
with rule as materialized (
  select ac.id, ac.kind, m.id as macro_id, m.scope, m.channels, m.team_id, {LEFT_OUT} as excluded,
         coalesce(ac.created_at, m.created_at) as created_at
  from macros_macroaction ac join macros_macro m on m.id = ac.macro_id
  where m.enabled and ac.kind <> 'pre_deactivation'
), event as (
  select * from accounts_accountevent e where e.at between %(first)s and %(last)s and e.at = any(%(moments)s)
  union
  select * from accounts_accountevent e where e.id = any(%(events)s)
), happened as materialized (
  select distinct on (e.account_id, k.kind) e.id, e.account_id, e.at, k.kind, a.channel, a.team_id,
         case when a.state = 'interrupted' and k.kind = 'deactivated' then a.since + interval '1 hour' end as dark_at
  from event e
  join (values ('deactivated', 'deactivated'), ('interrupted', 'deactivated'), ('shifted', 'shifted'), ('connected', 'recovered'),
               ('unrestricted', 'recovered'), ('restricted', 'restricted')) k(of_event, kind) on k.of_event = e.kind
  cross join lateral (select * from accounts_account where id = e.account_id and paused_at is null offset 0) a
  where case e.kind
    when 'deactivated' then a.state = 'deactivated' and (e.cause <> 'resumed' or (
      select p.kind <> 'deactivated' from accounts_accountevent p
      where p.account_id = e.account_id and p.id < e.id and p.kind in ('connected', 'deactivated', 'interrupted')
      order by p.at desc, p.id desc limit 1))
    when 'interrupted' then a.state = 'interrupted'
    when 'shifted' then a.state = 'connected' and e.from_token_id is not null and a.active_token_id = e.token_id
    when 'connected' then a.state = 'connected' and (
      select p.kind = 'deactivated' and e.at - p.at > %(blip)s from accounts_accountevent p
      where p.account_id = e.account_id and p.id < e.id and p.kind in ('connected', 'deactivated', 'paused')
      order by p.at desc, p.id desc limit 1)
    when 'unrestricted' then a.state = 'connected' and a.restriction = '' and (
      select e.at - p.at > %(blip)s from accounts_accountevent p
      where p.account_id = e.account_id and p.id < e.id and p.kind = 'restricted' order by p.at desc, p.id desc limit 1)
    else a.restriction <> '' and e.at - a.created_at > interval '1 minute' end
  order by e.account_id, k.kind, e.id desc
)
select r.id, h.id, h.kind, case
         when h.dark_at > %(now)s then h.dark_at
         when exists (
           select 1 from accounts_accountnews n where n.account_id = h.account_id and n.at > %(now)s - interval '3 minutes')
           then %(again)s end as due
from happened h
join rule r on r.kind = h.kind and (r.team_id is null or r.team_id = h.team_id) and (h.kind = 'deactivated' or r.created_at <= h.at)
 and case r.scope when 'all' then true when 'channels' then h.channel = any(r.channels)
     else exists (select 1 from macros_macroaccount c where c.macro_id = r.macro_id and c.account_id = h.account_id) end
 and not h.account_id = any(r.excluded)
 and not (h.kind = 'shifted' and exists (
   select 1 from macros_mute s where s.account_id = h.account_id and s.email = '' and s.macro_id is null and s.ended_at is null))"""  # noqa: S608  # a constant

# An account that goes on and off is told of once an hour: of the accounts of `carried`, what other runs told each reader of at once within
# three hours, or that it is deactivated. `at`: when the last was told within the hour; `stops`: within it, that it stopped, is restricted
# or works again; `again`: within the three, that it works again; `last`: the last of these.
_STOPS = "kind in ('deactivated', 'restricted', 'recovered')"
LATELY = f"""
, lately as materialized (
  select account_id, recipient, max(at) filter (where within) as at, coalesce(bool_or({_STOPS}) filter (where within), false) as stops,
         bool_or(kind = 'recovered') as again, (array_agg(kind order by at desc) filter (where {_STOPS}))[1] as last
  from (
    select n.account_id, n.recipient, v.started_at as at, 'deactivated' as kind, v.started_at > %(now)s - interval '1 hour' as within
    from macros_notice n join macros_evaluation v on v.id = n.evaluation_id
    where n.account_id in (select account_id from carried) and n.threshold = 0 and n.outcome <> 'dropped'
      and v.started_at > %(now)s - interval '3 hours' and v.id <> %(evaluation)s
    union all
    select n.account_id, n.recipient, n.at, n.kind, n.at > %(now)s - interval '1 hour'
    from macros_newsnotice n
    where n.account_id in (select account_id from carried) and n.outcome <> 'dropped'
      and n.at > %(now)s - interval '3 hours' and n.evaluation_id <> %(evaluation)s
  ) told group by account_id, recipient
)"""  # noqa: S608  # constants
# Whether news of a kind waits until the hour is over for a reader `l` who was told lately. That it stopped waits for nothing that is less
# urgent; that it works again is told at once after one stop, and waits from the second on.
WAITS = """l.at is not null and case
    when {kind} in ('deactivated', 'restricted') then l.stops
    when {kind} = 'recovered' then l.again
    else true end"""
# Of `fresh`, which has a `kind`, for each reader when it is told: `due`, or null for now. Who was told last that it works again is not told
# that again.
JUDGED = f"""
, judged as materialized (
  select t.*, case when {WAITS.format(kind="t.kind")} then l.at + interval '1 hour' end as due
  from fresh t left join lately l on l.account_id = t.account_id and l.recipient = t.address
  where t.kind <> 'recovered' or l.last is distinct from 'recovered'
)"""  # noqa: S608  # constants
# How many were written; and what is looked at again for others, and when. Each row is one or the other.
WRITTEN = """
select null::bigint, null::timestamptz, count(*) from written
union all
select event_id, min(due), 0 from judged where due is not null group by event_id"""

# Whom these actions tell of these events (`actions` and `events`, pairs); `mailed`: whom mails about log-ins tell that were written since
# %(mailed_since)s: the sweep may look at what is days old.
_SINCE = """m.created_at > %(mailed_since)s and m.state not in ('failed', 'cancelled')
    and p.account_id in (select account_id from carried)"""
_TOLD = f"""
with carried as materialized (
  select e.id, h.action_id, e.account_id, null::bigint as token_id, ''::text as recipient
  from unnest(%(actions)s::bigint[], %(events)s::bigint[]) h(action_id, event_id)
  cross join lateral (select id, account_id from accounts_accountevent where id = h.event_id offset 0) e
){ONCE_MORE}
, mailed as materialized ({MAILED_OF_LOG_INS.format(which=_SINCE)}
){LATELY}, news as (
  select t.*, e.id as event_id, e.kind as event_kind, e.at, e.from_token_id, a.cycle,
         case when e.kind in ('connected', 'unrestricted') then 'recovered' when e.kind = 'interrupted' then 'deactivated'
              else e.kind end as kind
  from told t
  cross join lateral (select id, kind, at, from_token_id from accounts_accountevent where id = t.notice_id offset 0) e
  cross join lateral (select cycle from accounts_account where id = t.account_id offset 0) a
)"""  # noqa: S608  # constants
# Each is asked of all rows at once, whichever kind it is for: so the database joins sets, where it would look through them for each row.
_BY_LOG_IN = """
  not exists (select 1 from mailed m where {which} and m.recipient = t.address and m.account_id = t.account_id
                and m.created_at >= t.at - interval '1 minute')"""
_BY_TELLING = """
  not exists (select 1 from accounts_accountnotice n where {which} and n.account_id = t.account_id and n.recipient = t.address)"""

# That accounts are deactivated, as the daily evaluation would find it in the morning. What was told of this cycle is no news.
INSERT_DARK = f"""{_TOLD}, fresh as (
select t.*
from news t
where {_BY_LOG_IN.format(which="true")}
  and not {DARK_TOLD_TO}
  and not exists (
    select 1 from macros_notice n
    where n.account_id = t.account_id and n.token_id is null and n.cycle = t.cycle and n.recipient = t.address and n.threshold = 0
      and n.outcome <> 'dropped')
){JUDGED}, written as (
insert into macros_notice (evaluation_id, action_id, account_id, token_id, team_id, cycle, threshold, recipient, via, deadline,
                           outcome, outcome_reason)
select %(evaluation)s, t.action_id, t.account_id, null, t.team_id, t.cycle, 0, t.address, t.via, null, 'waiting', ''
from judged t where t.due is null
order by t.account_id, t.action_id, t.address
on conflict do nothing returning id
){WRITTEN}"""  # noqa: S608  # constants

_OF_THE_LOG_IN = (
    "t.event_kind = 'shifted' and n.kind = 'access' and n.token_id = t.from_token_id and n.closed_at is null"
)
_OF_THE_END = """t.event_kind in ('connected', 'unrestricted') and (n.dark or n.kind = 'restricted')
    and (n.closed_at >= t.at or n.closed_at is null and n.kind = 'access')"""
# What else happened. That it works again is told by `accounts.telling` to those whom it told of a lost access; whom it told of the rest, or
# macros did, are told here, and then no more: see `news.record_end`. Nor is what another macro told of the same event.
INSERT_NEWS = f"""{_TOLD}, fresh as (
select t.*
from news t
where {_BY_LOG_IN.format(which="t.event_kind = 'shifted' and m.token_id = t.from_token_id")}
  and {_BY_TELLING.format(which=_OF_THE_LOG_IN)}
  and {_BY_TELLING.format(which="t.event_kind = 'restricted' and n.kind = 'restricted' and n.closed_at is null")}
  and {_BY_TELLING.format(which=_OF_THE_END)}
  and not exists (
    select 1 from macros_newsnotice n
    where n.account_id = t.account_id and n.event = t.event_id and n.recipient = t.address and n.outcome <> 'dropped')
){JUDGED}, written as (
insert into macros_newsnotice (evaluation_id, action_id, macro_name, account_id, team_id, event, kind, recipient, via, at, outcome,
                               outcome_reason)
select %(evaluation)s, t.action_id, '', t.account_id, t.team_id, t.event_id, t.kind, t.address, t.via, %(now)s, 'waiting', ''
from judged t where t.due is null
order by t.account_id, t.action_id, t.address
on conflict do nothing returning id
){WRITTEN}"""  # noqa: S608  # constants

# What a message carries, and why it no longer holds, as a code; "" where it does.
STILL_WANTED = f"""
with carried as materialized (
  select n.*, null::bigint as token_id from macros_newsnotice n where n.id = any(%(notices)s)
){ONCE_MORE}
select n.id,
       case {NOT_WATCHED}
            when n.kind = 'restricted' and a.restriction = '' then 'not_restricted'
            when n.kind = 'shifted' and (a.state <> 'connected' or a.active_token_id is distinct from e.token_id) then 'moved_on'
            when n.kind = 'recovered' and (a.state <> 'connected' or e.kind = 'unrestricted' and a.restriction <> '')
              then 'stopped_again'
            when n.kind = 'few_people' and (a.state = 'deactivated' or not exists (
              select 1 from macros_shortage s where s.id = -n.event and s.over_at is null)
              or coalesce(ac.within, 0) = 0 and a.people_count >= ac.people) then 'people_again'
            when n.kind in ('shifted', 'few_people') and exists (
              select 1 from macros_mute s where s.account_id = a.id and s.email = '' and s.macro_id is null and s.ended_at is null
              ) then 'snoozed'
            {STILL_NAMED} end as reason
from carried n
     join accounts_account a on a.id = n.account_id
     left join accounts_accountevent e on e.id = n.event
     left join macros_macroaction ac on ac.id = n.action_id
     left join macros_macro m on m.id = ac.macro_id"""  # noqa: S608  # constants
