"""The SQL of "fewer than N people could carry it, now or within D days": counted as decision 0013 counts, for all accounts in one pass."""

from macros.sql import ONCE_MORE

_STORED = """
with rule as materialized (
  select ac.id, coalesce(ac.people, 0) as people, coalesce(ac.within, 0) as within, m.scope, m.channels, m.team_id,
         m.excluded, m.id as macro_id
  from macros_macroaction ac join macros_macro m on m.id = ac.macro_id
  where m.enabled and ac.kind = 'few_people'
), chosen as (
  select macro_id, account_id from macros_macroaccount
)"""
_DRAFT = """
with rule as materialized (
  select 0::bigint as id, %(people)s::int as people, %(within)s::int as within, %(scope)s::text as scope, %(channels)s::text[] as channels,
         %(team)s::bigint as team_id, %(excluded)s::bigint[] as excluded, 0 as macro_id
), chosen as (
  select 0 as macro_id, unnest(%(accounts)s::bigint[]) as account_id
)"""

# How many people are left of each account on the day that a rule looks ahead to: those whose log-ins live and have no earlier date.
_COUNTED = """
, carried as materialized (
  select w.within, p.account_id, least(count(distinct t.native_user_id),
         count(distinct coalesce(t.consented_by_id::text, 'native ' || t.native_user_id))) as people
  from (select distinct within from rule) w
  cross join accounts_accounttoken p
  join tokens_token t on t.id = p.token_id and t.state <> 'dead'
   and (t.deadline_kind <> 'date' or t.deadline > %(now)s + w.within * interval '1 day')
  where p.access = 'ok' and p.can_publish <> 'no'
  group by w.within, p.account_id
), counted as materialized (
  select r.id as action_id, a.id as account_id, r.people as wanted, coalesce(c.people, 0) as people, a.state
  from rule r
  join accounts_account a on (r.team_id is null or r.team_id = a.team_id) and not a.id = any(r.excluded) and a.paused_at is null
   and case r.scope when 'all' then true when 'channels' then a.channel = any(r.channels)
       else exists (select 1 from chosen c where c.macro_id = r.macro_id and c.account_id = a.id) end
  left join carried c on c.account_id = a.id and c.within = r.within
)"""

# What recovered, or is no longer looked after by the action. An account that is dark has not recovered.
CLOSE = f"""{_STORED}{_COUNTED}
update macros_shortage s set over_at = %(now)s
where s.over_at is null and not exists (
  select 1 from counted c
  where c.action_id = s.action_id and c.account_id = s.account_id and (c.people < c.wanted or c.state = 'deactivated'))"""  # noqa: S608  # constants

# What falls short now. That an account is dark is told otherwise; of one whose warnings are snoozed it is told when that is over; and
# within an hour an account that recovers and falls again is told once.
OPEN = f"""{_STORED}{_COUNTED}
insert into macros_shortage (action_id, account_id, people, began_at, over_at)
select c.action_id, c.account_id, c.people, %(now)s, null
from counted c
where c.people < c.wanted and c.state in ('connected', 'interrupted')
  and not exists (
    select 1 from macros_shortage s where s.action_id = c.action_id and s.account_id = c.account_id
      and (s.over_at is null or s.began_at > %(now)s - interval '1 hour'))
  and not exists (
    select 1 from macros_silence q where q.account_id = c.account_id and q.email = '' and q.ended_at is null)
order by c.account_id, c.action_id
on conflict do nothing
returning id, action_id, account_id"""  # noqa: S608  # constants

# Whom the actions tell. Such a notice has no event: its number is the shortage's, below 0.
INSERT = f"""
with carried as materialized (
  select h.id, h.action_id, h.account_id, null::bigint as token_id, ''::text as recipient
  from unnest(%(shortages)s::bigint[], %(actions)s::bigint[], %(accounts)s::bigint[]) h(id, action_id, account_id)
){ONCE_MORE}
insert into macros_newsnotice (evaluation_id, action_id, macro_name, account_id, team_id, event, kind, recipient, via, at, outcome,
                               outcome_reason)
select %(evaluation)s, t.action_id, '', t.account_id, t.team_id, -t.notice_id, 'few_people', t.address, t.via, %(now)s, 'waiting', ''
from told t
order by t.account_id, t.action_id, t.address
on conflict do nothing"""  # noqa: S608  # constants

# Of a draft: how many accounts fall short now.
COUNT = f"""{_DRAFT}{_COUNTED}
select count(*) from counted where people < wanted and state in ('connected', 'interrupted')"""  # noqa: S608  # constants
