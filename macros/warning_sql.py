"""The SQL of the warning ahead, and of an account that is dark: set-based, one statement for all watches, never a loop over accounts.

The same text finds notices for a run and shows what a macro would do in the coming days (`macros.preview_sql`): a run looks at one day
(`first` = `last`), the preview at many. A threshold fires on the day on which the days left reach it, or on `first` when that day has
passed.

Parameters: now (moment of the run), first, last (dates), zone, operators (addresses), and for a preview the macro as it is in the
form (see `DRAFT`).
"""

from macros.told_sql import (
    DARK,
    DARK_TOLD_TO,
    MAILED_OF_LOG_INS,
    NAMING,
    OF_TEAMS,
    PEOPLE,
    PERSON,
    TEAMS,
    TOLD,
)

# The rules; linkers is the column of notify_consenters. Later steps read: id, macro_id, days, emails, linkers, watch, scope, channels,
# team_id of `act`, and (macro_id, account_id) of `chosen`. Who is named reads id, macro_id, emails and linkers of `act`.
STORED = """
with act as materialized (
  select ac.id, ac.macro_id, ac.days::int[] as days, ac.emails, ac.linkers, ac.watch, m.scope, m.channels, m.team_id, m.excluded
  from macros_macroaction ac join macros_macro m on m.id = ac.macro_id
  where m.enabled and ac.kind = 'pre_deactivation'
), chosen as not materialized (
  select macro_id, account_id from macros_macroaccount
)"""

# The same for one macro that is being written; its action is the stored one (then what it has told is known) or 0.
DRAFT = """
with act as materialized (
  select %(action)s::bigint as id, %(macro)s::bigint as macro_id, %(days)s::int[] as days, %(emails)s::text[] as emails,
         %(linkers)s::boolean as linkers, %(watch)s::text as watch, %(scope)s::text as scope, %(channels)s::text[] as channels,
         %(team)s::bigint as team_id, %(excluded)s::bigint[] as excluded
), chosen as not materialized (
  select %(macro)s::bigint as macro_id, unnest(%(accounts)s::bigint[]) as account_id
)"""

# Each rule, its days from the tightest on; those not for chosen accounts; accounts chosen for a rule on tokens. What a rule watches is a
# boolean: of a text the planner would think that it leaves one of 200 rows. `unnest`: what the planner takes for more than `work_mem` holds
# it does not hash, and compares each pool entry with all.
_RULES = """
, rule as materialized (
  select id, macro_id, array(select d from unnest(days) d order by d) as days, scope, channels, team_id, watch = 'token' as of_token,
         linkers, addresses, excluded
  from naming
), wide_rule as materialized (select * from rule where scope <> 'chosen'
), watched as materialized (
  select unnest(array_agg(c.account_id)) as account_id
  from chosen c join rule r on r.macro_id = c.macro_id and r.of_token and r.scope = 'chosen'
)"""

# First local midnight after the widest window: the index on the deadline stays usable.
_UNTIL = """
, widest as (
  select coalesce(max(d), 0) as days from act, unnest(act.days) d
), until as (
  select ((%(last)s::date + 1 + widest.days)::timestamp at time zone %(zone)s) as at, widest.days * interval '1 day' as window
  from widest
)"""

# known_since: when the deadline became known, which no renewal moves (a date of issue moves with each, at the hour of the consent, and
# would silence every warning). It is the start of the account's cycle, or earlier: that of the token which sets the date, or its issue.
# A token whose date of issue nobody told may be of any age. An account that no rule is for is left out before its pool is read.
RULED = "(exists (select 1 from wide_rule) or exists (select 1 from chosen c where c.account_id = a.id))"
RULED_ENTRY = """(p.account_id in (select account_id from watched)
           or exists (select 1 from wide_rule where of_token))"""
_ENDING = f"""
  select false as dark, a.id as account_id, a.channel, a.team_id, a.deadline, a.cycle,
         (a.deadline at time zone %(zone)s)::date as ends_on, a.cycle_since
  from accounts_account a cross join until
  where a.deadline_kind = 'date' and a.deadline > %(now)s and a.deadline < until.at and a.state in ('connected', 'interrupted')
    and exists (select 1 from rule where not of_token) and {RULED}"""  # noqa: S608  # constants

# Whatever made it dark. An account that never had a token was never connected, so it did not go dark. Without days nothing is told.
_DARK = f"""
  select true, a.id, a.channel, a.team_id, null::timestamptz, a.cycle, %(first)s::date, '-infinity'::timestamptz
  from accounts_account a
  where {DARK} and {RULED} and exists (select 1 from act where days <> '{{}}')
    and (exists (select 1 from accounts_accounttoken p where p.account_id = a.id)
         or exists (select 1 from accounts_accountevent e where e.account_id = a.id and e.kind = 'connected'))"""  # noqa: S608  # constants

_ENDING_TOKENS = f"""
  select t.*, a.channel, a.team_id, (t.deadline at time zone %(zone)s)::date as ends_on from (
    select p.account_id, t.id, t.deadline, t.cycle, least(t.cycle_since, coalesce(t.issued_at, '-infinity')) as known_since,
           t.consented_by_id, case when t.kind = 'system' and t.team_id is not null then array[t.team_id] end as owners
    from until, tokens_token t
    join accounts_accounttoken p on p.token_id = t.id and p.access = 'ok'
    where t.deadline_kind = 'date' and t.state <> 'dead' and t.deadline > %(now)s and t.deadline < until.at
      and exists (select 1 from rule where of_token)
      and {RULED_ENTRY}
    order by p.account_id offset 0
  ) t cross join lateral (
    select channel, team_id from accounts_account where id = t.account_id and state in ('connected', 'interrupted') offset 0
  ) a"""  # noqa: S608  # constants

# Accounts of which nobody is warned until a day, or of which somebody is left out.
_SILENCED = """
, silenced as materialized (
  select account_id, max(until) filter (where email = '') as quiet_until, bool_or(email <> '') as leaves_out
  from macros_silence where ended_at is null and (until is null or until > %(first)s::date)
  group by account_id
)"""

# What is due, once, with all that rules need of it: the people of its pool are an array, so that nothing is joined with a set whose size
# the planner cannot know. Rows are looked up by their ids in order, so that each page is read once; `offset 0` has not all of them read. Of
# what is dark all rules tell, as if on the day of their threshold 0. The rules, whose number the planner may not know yet, come last.
_TARGET = f"""{_SILENCED}
, ending_account as ({_ENDING} union all {_DARK}), ending_token as ({_ENDING_TOKENS}), linked as (
  select d.*, p.token_id
  from ending_account d left join lateral (select token_id from accounts_accounttoken where account_id = d.account_id offset 0) p on true
  order by p.token_id offset 0
), pool as (
  select d.dark, d.account_id, d.channel, d.team_id, d.deadline, d.cycle, d.ends_on, d.cycle_since,
         min(least(t.cycle_since, coalesce(t.issued_at, '-infinity')))
           filter (where t.deadline = d.deadline and t.state <> 'dead') as known_since,
         {PEOPLE} as people, {TEAMS} as owners
  from linked d
  left join lateral (select * from tokens_token where id = d.token_id offset 0) t on true {PERSON}
  group by d.dark, d.account_id, d.channel, d.team_id, d.deadline, d.cycle, d.ends_on, d.cycle_since
), ends as (
  select dark, account_id, null::bigint as token_id, channel, team_id, deadline, cycle, ends_on,
         least(cycle_since, known_since) as known_since, people || {OF_TEAMS.format(teams="owners")} as people
  from pool
  union all
  select false, t.account_id, t.id, t.channel, t.team_id, t.deadline, t.cycle, t.ends_on, t.known_since,
         case when u.id is null then '{{}}' else array[u.email] end || {OF_TEAMS.format(teams="t.owners")}
  from ending_token t {PERSON}
), due as materialized (
  select ends.*, case when not dark then z.quiet_until end as quiet_until, coalesce(z.leaves_out, false) as leaves_out
  from ends left join silenced z on z.account_id = ends.account_id
), due_chosen as (
  select c.macro_id, due.* from due join chosen c on c.account_id = due.account_id offset 0
), target as (
  select r.id as action_id, r.macro_id, case when due.dark then '{{0}}' else r.days end as days, r.linkers, r.addresses,
         due.leaves_out, due.account_id, due.token_id, due.team_id, due.deadline, due.cycle,
         due.ends_on, due.known_since, due.people, due.quiet_until
  from due_chosen due join rule r on r.macro_id = due.macro_id
  where r.scope = 'chosen' and (due.dark or r.of_token = (due.token_id is not null)) and (r.team_id is null or r.team_id = due.team_id)
    and not due.account_id = any(r.excluded)
  union all
  select r.id, r.macro_id, case when due.dark then '{{0}}' else r.days end, r.linkers, r.addresses,
         due.leaves_out, due.account_id, due.token_id, due.team_id, due.deadline, due.cycle,
         due.ends_on, due.known_since, due.people, due.quiet_until
  from wide_rule r join due on (due.dark or r.of_token = (due.token_id is not null)) and (r.team_id is null or r.team_id = due.team_id)
       and (r.scope = 'all' or due.channel = any(r.channels)) and not due.account_id = any(r.excluded)
)"""  # noqa: S608  # constants

# Days are calendar days in the project's zone, so that "10 days" never comes as 9. Of the thresholds that fire on one day
# (all those that were missed fire on the first), the tightest counts. A threshold of d days is none where the deadline, when it comes, was
# known for d times 24 hours or less: of an authorisation that lasts just d days nobody is warned as it begins. Nor are wider ones then.
# Where nobody is warned until a day, it fires then, unless that is too late.
_FIRES = """
    greatest(%(first)s::date, t.ends_on - d, t.quiet_until) <= %(last)s::date and coalesce(t.quiet_until <= t.ends_on, true)
      and t.known_since + d * interval '1 day' < coalesce(t.deadline, 'infinity')"""
_ON_ONE_DAY = f"""
    select %(first)s::date as fires_on, d as threshold
    from (select t.days[width_bucket(t.ends_on - %(first)s::date - 1, t.days) + 1] as d offset 0) tightest
    where {_FIRES}"""  # noqa: S608
ON_SEVERAL_DAYS = f"""
    select distinct on (1) greatest(%(first)s::date, t.ends_on - d, t.quiet_until) as fires_on, d as threshold
    from unnest(t.days) d where {_FIRES} order by 1, 2"""  # noqa: S608
CROSSED = """
, crossed as materialized (
  select t.action_id, t.macro_id, t.account_id, t.token_id, t.team_id, t.deadline, t.cycle, f.fires_on, f.threshold, t.leaves_out,
         t.addresses || case when t.linkers then t.people else '{{}}' end as named
  from target t cross join lateral ({on}) f
)"""

# What was told of this cycle already is no news, whichever macro told it, or that it is dark any mail; nor is what is no more urgent than
# when somebody said that they are on it. Of what is dark for now the date is warned of still. A person gets one mail, whatever the teams;
# an address that nobody logs in with gets one for each team. The recipient must not be called like the notice's column: the comparison
# would be with itself and mute everybody.
FOUND = f"""
, mailed as materialized ({MAILED_OF_LOG_INS.format(which="m.state in ('queued', 'sending', 'held')")}
), found as (
  select t.*, case when u.id is null then t.team_id end as mail_team
  from told t left join users_user u on u.email = t.address and u.is_active
  where not exists (
    select 1 from macros_notice n
    where n.account_id = t.account_id and n.token_id is not distinct from t.token_id
      and n.cycle = t.cycle and n.recipient = t.address and n.outcome <> 'dropped'
      and case when t.threshold = 0 then n.threshold = 0 else n.threshold between 1 and t.threshold end)
  and not (t.threshold = 0 and ({DARK_TOLD_TO} or exists (
    select 1 from mailed m where m.account_id = t.account_id and m.recipient = t.address)))
  and not exists (
    select 1 from macros_acknowledgement k
    where k.account_id = t.account_id and k.token_id is not distinct from t.token_id and k.cycle = t.cycle and k.days <= t.threshold)
)"""  # noqa: S608  # constants

# Sorted, because a sort takes all rows before the first one is written. Where the planner believes the table of notices empty, as it was
# when it was analysed last, each row is compared with the whole table: without the sort with what this statement has written itself, too.
# An address that is named twice is told once.
_INSERT = """
insert into macros_notice (evaluation_id, action_id, account_id, token_id, team_id, cycle, threshold, recipient, via, deadline,
                           outcome, outcome_reason)
select distinct on (account_id, token_id, action_id, threshold, address)
       %(evaluation)s, action_id, account_id, token_id, team_id, cycle, threshold, address, via, deadline, 'waiting', ''
from found
order by account_id, token_id, action_id, threshold, address, via"""

# Added where somebody else wrote one of the rows meanwhile: it costs a look at each index for each row.
LEAVE_OUT_WHAT_IS_THERE = "\non conflict do nothing"

_COUNT = """
select address, mail_team, count(distinct (action_id, account_id, token_id, threshold)) from found group by address, mail_team"""

# For escalation, which has rows `crossed` of its own.
FINDING_ONCE_CROSSED = TOLD + FOUND + _INSERT

STEPS = NAMING + _RULES + _UNTIL + _TARGET
_FINDING = STORED + STEPS + CROSSED.format(on=_ON_ONE_DAY) + TOLD + FOUND
INSERT = _FINDING + _INSERT
COUNT = _FINDING + _COUNT
