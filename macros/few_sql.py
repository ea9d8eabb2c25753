"""The SQL of "fewer than N people could carry it, now or within D days": counted as decision 0013 counts, for all accounts in one pass, or
for those of `only`, whose people came or went.
"""

from macros.told_sql import ONCE_MORE

_STORED = """
with rule as materialized (
  select ac.id, coalesce(ac.people, 0) as people, coalesce(ac.within, 0) as within, m.scope, m.channels, m.team_id,
         m.excluded, m.id as macro_id
  from macros_macroaction ac join macros_macro m on m.id = ac.macro_id
  where m.enabled and ac.kind = 'few_people'
), chosen as (
  select macro_id, account_id from macros_macroaccount
)"""
# Of a draft: as it is now, and once more as it would be after so many days (`later`) in which nobody re-authenticates.
_DRAFT = """
with rule as materialized (
  select n.id::bigint as id, %(people)s::int as people, %(within)s::int + n.later as within, %(scope)s::text as scope,
         %(channels)s::text[] as channels, %(team)s::bigint as team_id, %(excluded)s::bigint[] as excluded, 0 as macro_id
  from (values (0, 0), (1, %(later)s::int)) n(id, later)
), chosen as (
  select 0 as macro_id, unnest(%(accounts)s::bigint[]) as account_id
)"""

# How many people are left of each account on the day that a rule looks ahead to: those whose log-ins live and have no earlier date.
_PEOPLE_LEFT = """
, carried as materialized (
  select w.within, p.account_id, least(count(distinct t.native_user_id),
         count(distinct coalesce(t.consented_by_id::text, 'native ' || t.native_user_id))) as people
  from (select distinct within from rule) w
  cross join accounts_accounttoken p
  join tokens_token t on t.id = p.token_id and t.state <> 'dead'
   and (t.deadline_kind <> 'date' or t.deadline > %(now)s + w.within * interval '1 day')
  where p.access = 'ok' and p.can_publish <> 'no' {of_pool}
  group by w.within, p.account_id
), counted as materialized (
  select r.id as action_id, a.id as account_id, r.people as wanted, coalesce(c.people, 0) as people, a.state
  from rule r
  join accounts_account a on (r.team_id is null or r.team_id = a.team_id) and not a.id = any(r.excluded) and a.paused_at is null
   {of_account}
   and case r.scope when 'all' then true when 'channels' then a.channel = any(r.channels)
       else exists (select 1 from chosen c where c.macro_id = r.macro_id and c.account_id = a.id) end
  left join carried c on c.account_id = a.id and c.within = r.within
)"""

_OF_ALL = _PEOPLE_LEFT.format(of_pool="", of_account="")
_OF_SOME = _PEOPLE_LEFT.format(
    of_pool="and p.account_id = any(%(only)s::bigint[])", of_account="and a.id = any(%(only)s::bigint[])"
)

# What recovered, or is no longer looked after by the action. An account that is dark has not recovered.
_CLOSE = """
update macros_shortage s set over_at = %(now)s
where s.over_at is null {of_account} and not exists (
  select 1 from counted c
  where c.action_id = s.action_id and c.account_id = s.account_id and (c.people < c.wanted or c.state = 'deactivated'))"""
CLOSE = _STORED + _OF_ALL + _CLOSE.format(of_account="")
CLOSE_SOME = _STORED + _OF_SOME + _CLOSE.format(of_account="and s.account_id = any(%(only)s::bigint[])")

# What falls short now, of rows `c`. That an account is dark is told otherwise; of one whose warnings are snoozed it is told when that is
# over; and within an hour an account that recovers and falls again is told once.
_SHORT = """c.people < c.wanted and c.state in ('connected', 'interrupted')
  and not exists (
    select 1 from macros_silence q where q.account_id = c.account_id and q.email = '' and q.ended_at is null)
  and not exists (
    select 1 from macros_shortage s where s.action_id = c.action_id and s.account_id = c.account_id and s.over_at is null)"""
_OPEN = f"""
insert into macros_shortage (action_id, account_id, people, began_at, over_at)
select c.action_id, c.account_id, c.people, %(now)s, null
from counted c
where {_SHORT}
  and not exists (
    select 1 from macros_shortage s where s.action_id = c.action_id and s.account_id = c.account_id
      and s.began_at > %(now)s - interval '1 hour')
order by c.account_id, c.action_id
on conflict do nothing
returning id, action_id, account_id"""  # noqa: S608  # constants
OPEN = _STORED + _OF_ALL + _OPEN
OPEN_SOME = _STORED + _OF_SOME + _OPEN

# What fell short once more within the hour: by which shortage it is looked at again, and when.
LATER = f"""{_STORED}{_OF_SOME}
select max(s.id), max(s.began_at) + interval '1 hour'
from counted c join macros_shortage s on s.action_id = c.action_id and s.account_id = c.account_id
where s.began_at > %(now)s - interval '1 hour' and {_SHORT}
group by s.action_id, s.account_id"""  # noqa: S608  # constants

# What is to be told at once: what was opened just now or is looked at again (`shortages`), and what fell once more, of which nobody was
# told. Each with whether `accounts.telling` still finds out whom it tells itself.
TO_TELL = """
select s.id, s.action_id, s.account_id, exists (
    select 1 from accounts_accountnews n where n.account_id = s.account_id and n.at > %(now)s - interval '3 minutes')
from macros_shortage s
join accounts_account a on a.id = s.account_id and a.state in ('connected', 'interrupted')
where s.over_at is null and not exists (
    select 1 from macros_silence q where q.account_id = s.account_id and q.email = '' and q.ended_at is null)
  and (
  s.id = any(%(shortages)s::bigint[])
  or s.account_id = any(%(only)s::bigint[]) and not exists (
    select 1 from macros_newsnotice n where n.account_id = s.account_id and n.action_id = s.action_id and n.event = -s.id
      and n.outcome <> 'dropped'))
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
INSERT = _CARRIED + _INSERT + _IN_ORDER
# At once, but for those whose own log-in stopped, or lost the account: that mail asks them to be its backup again.
INSERT_AT_ONCE = f"""{_CARRIED}, asked as materialized (
  select m.recipient, p.account_id
  from notifications_message m
  join accounts_accounttoken p on p.token_id = case when m.kind = 'died' then (m.payload->>'token')::bigint end
  join tokens_token d on d.id = p.token_id and d.state = 'dead'
  where m.kind = 'died' and m.created_at > %(now)s - interval '2 hours' and m.state not in ('failed', 'cancelled')
    and p.account_id = any(%(accounts)s::bigint[])
  union all
  select n.recipient, n.account_id from accounts_accountnotice n
  where n.account_id = any(%(accounts)s::bigint[]) and n.kind = 'access' and n.own and n.closed_at is null
){_INSERT}
where not exists (select 1 from asked k where k.account_id = t.account_id and k.recipient = t.address){_IN_ORDER}"""  # noqa: S608  # constants

# Of a draft: how many accounts fall short now; of how many of them the stored action `action` has told; how many fall short later.
COUNT = f"""{_DRAFT}{_OF_ALL}
select count(*) filter (where action_id = 0),
       count(*) filter (where action_id = 0 and exists (
         select 1 from macros_shortage s where s.action_id = %(action)s and s.account_id = c.account_id and s.over_at is null)),
       count(*) filter (where action_id = 1)
from counted c
where c.people < c.wanted and c.state in ('connected', 'interrupted')
  and not exists (select 1 from macros_silence q where q.account_id = c.account_id and q.email = '' and q.ended_at is null)"""  # noqa: S608  # constants
