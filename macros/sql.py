"""The SQL of an evaluation: set-based, one statement for all watches, never a loop over accounts.

The same text finds notices for a run and shows what a macro would do in the coming days: a run looks at one day (`first` = `last`), the
preview at many. A threshold fires on the day on which the days left reach it, or on `first` when that day has passed.

Parameters: now (moment of the run), first, last (dates), zone, operators (addresses), and for a preview the macro as it is in the
form (see `DRAFT`).
"""

from users.recipients import FALLBACK_SQL, LEADS_SQL, REACHABLE_SQL, REFUSED_SQL

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

# Whether an address has stopped its copies of the macro of a row `c`, or is left out of what is told of its account on the day `fires_on`.
_OPTED_OUT = """
    select 1 from macros_optout o where o.macro_id = c.macro_id and o.email = {address} and o.ended_at is null
    union all
    select 1 from macros_silence s where s.account_id = c.account_id and s.email = {address} and s.ended_at is null
      and (s.macro_id is null or s.macro_id = c.macro_id) and (s.until is null or s.until > c.fires_on)"""
# The same as of now: a silence whose day has come is ended by the sweep.
_NOW = "'-infinity'::date as fires_on"

# Whom an action names. An entered address `e`, unless somebody has it who can no longer log in, or its mail server refuses it. "The people
# who linked", of a pool entry `p`: watching a token it is its own person; watching an account everybody in its pool, since each can
# save it. A system user is no person: the team that owns its token is told.
_ENTERED = f"""
    not exists (select 1 from users_user u where u.email = lower(e) and not u.is_active)
    and {REACHABLE_SQL.format(address="lower(e)")}"""  # noqa: S608  # constants
_REACHED = f"u.is_active and {REACHABLE_SQL.format(address='u.email')}"
_LINKER = f"""
    join tokens_token t on t.id = p.token_id
    join users_user u on u.id = t.consented_by_id and {_REACHED}"""
_OWNING_TEAM = f"""
    join tokens_token t on t.id = p.token_id and t.kind = 'system'
    join users_membership m on m.team_id = t.team_id join users_user u on u.id = m.user_id and {_REACHED}"""

# The same for sets: the addresses that each action of `act` names, and whether anybody stopped copies of its macro.
_NAMING = f""", naming as materialized (
  select act.*, array(select distinct lower(e) from unnest(act.emails) e where {_ENTERED}) as addresses,
         exists (select 1 from macros_optout o where o.macro_id = act.macro_id and o.ended_at is null) as stopped
  from act
)"""  # noqa: S608  # constants
# `u` who linked a token `t`, where mail reaches them; the addresses of such people of a pool, and of the people of {teams} that own tokens.
_PERSON = f"""
    left join users_user u on u.id = t.consented_by_id and u.is_active and u.email not in ({REFUSED_SQL})"""  # constants
_PEOPLE = "coalesce(array_agg(u.email) filter (where u.id is not null), '{}')"
_OF_TEAMS = f"""
    case when {{teams}} is null then '{{{{}}}}' else array(
      select u.email from users_membership m join users_user u on u.id = m.user_id where m.team_id = any({{teams}}) and {_REACHED}) end"""  # noqa: S608  # constants
_TEAMS = "array_agg(distinct t.team_id) filter (where t.kind = 'system' and t.team_id is not null)"

# Each rule, its days from the tightest on; those not for chosen accounts; accounts chosen for a rule on tokens. What a rule watches is a
# boolean: of a text the planner would think that it leaves one of 200 rows. `unnest`: what the planner takes for more than `work_mem` holds
# it does not hash, and compares each pool entry with all.
_RULES = """
, rule as materialized (
  select id, macro_id, array(select d from unnest(days) d order by d) as days, scope, channels, team_id, watch = 'token' as of_token,
         linkers, addresses, stopped, excluded
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
_RULED = "(exists (select 1 from wide_rule) or exists (select 1 from chosen c where c.account_id = a.id))"
_RULED_ENTRY = """(p.account_id in (select account_id from watched)
           or exists (select 1 from wide_rule where of_token))"""
_ENDING = f"""
  select false as dark, a.id as account_id, a.channel, a.team_id, a.deadline, a.cycle,
         (a.deadline at time zone %(zone)s)::date as ends_on, a.cycle_since
  from accounts_account a cross join until
  where a.deadline_kind = 'date' and a.deadline > %(now)s and a.deadline < until.at and a.state in ('connected', 'interrupted')
    and exists (select 1 from rule where not of_token) and {_RULED}"""  # noqa: S608  # constants

# Whatever made it dark. An account that never had a token was never connected, so it did not go dark.
_DARK = f"""
  select true, a.id, a.channel, a.team_id, null::timestamptz, a.cycle, %(first)s::date, '-infinity'::timestamptz
  from accounts_account a
  where a.state = 'deactivated' and {_RULED}
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
      and {_RULED_ENTRY}
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
         {_PEOPLE} as people, {_TEAMS} as owners
  from linked d
  left join lateral (select * from tokens_token where id = d.token_id offset 0) t on true {_PERSON}
  group by d.dark, d.account_id, d.channel, d.team_id, d.deadline, d.cycle, d.ends_on, d.cycle_since
), ends as materialized (
  select dark, account_id, null::bigint as token_id, channel, team_id, deadline, cycle, ends_on,
         least(cycle_since, known_since) as known_since, people || {_OF_TEAMS.format(teams="owners")} as people
  from pool
  union all
  select false, t.account_id, t.id, t.channel, t.team_id, t.deadline, t.cycle, t.ends_on, t.known_since,
         case when u.id is null then '{{}}' else array[u.email] end || {_OF_TEAMS.format(teams="t.owners")}
  from ending_token t {_PERSON}
), due as materialized (
  select ends.*, case when not dark then z.quiet_until end as quiet_until, coalesce(z.leaves_out, false) as leaves_out
  from ends left join silenced z on z.account_id = ends.account_id
), due_chosen as (
  select c.macro_id, due.* from due join chosen c on c.account_id = due.account_id offset 0
), target as (
  select r.id as action_id, r.macro_id, case when due.dark then '{{0}}' else r.days end as days, r.linkers, r.addresses,
         r.stopped or due.leaves_out as stopped, due.account_id, due.token_id, due.team_id, due.deadline, due.cycle,
         due.ends_on, due.known_since, due.people, due.quiet_until
  from due_chosen due join rule r on r.macro_id = due.macro_id
  where r.scope = 'chosen' and (due.dark or r.of_token = (due.token_id is not null)) and (r.team_id is null or r.team_id = due.team_id)
    and not due.account_id = any(r.excluded)
  union all
  select r.id, r.macro_id, case when due.dark then '{{0}}' else r.days end, r.linkers, r.addresses,
         r.stopped or due.leaves_out as stopped, due.account_id, due.token_id, due.team_id, due.deadline, due.cycle,
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
_ON_SEVERAL_DAYS = f"""
    select distinct on (1) greatest(%(first)s::date, t.ends_on - d, t.quiet_until) as fires_on, d as threshold
    from unnest(t.days) d where {_FIRES} order by 1, 2"""  # noqa: S608
_CROSSED = """
, crossed as materialized (
  select t.action_id, t.macro_id, t.account_id, t.token_id, t.team_id, t.deadline, t.cycle, f.fires_on, f.threshold, t.stopped,
         t.addresses || case when t.linkers then t.people else '{{}}' end as named
  from target t cross join lateral ({on}) f
)"""

# For a row `c` of `crossed`: whether a table of these holds the same fact.
_SAME = """
    select 1 from {table} d
    where d.action_id = c.action_id and d.account_id = c.account_id and coalesce(d.token_id, 0) = coalesce(c.token_id, 0)"""

# Who an action tells of an account, for rows `crossed` with action_id, macro_id, account_id, token_id, team_id, the addresses `named`, and
# whether anybody `stopped` copies of the macro; asked once more when a mail is made. What resolves to nobody falls back, so that no account
# goes dark untold. Whoever stopped their copies is told neither directly nor as a team lead. An operator, the last in line, is.
_TOLD = f"""
, alone as materialized (
  select c.* from crossed c
  where c.named = '{{}}' or c.stopped and not exists (
    select 1 from unnest(c.named) r(address) where not exists ({_OPTED_OUT.format(address="r.address")}))
), stand_in as materialized (
  select c.*, f.address, f.via
  from alone c cross join lateral ({FALLBACK_SQL}) f
  where f.via = 'operator' or not exists ({_OPTED_OUT.format(address="f.address")})
), told as (
  select c.*, r.address, '' as via
  from crossed c cross join unnest(c.named) r(address)
  where not (c.stopped and exists ({_OPTED_OUT.format(address="r.address")}))
  union all
  select * from stand_in
  union all
  select c.*, o.address, 'operator'
  from alone c cross join unnest(%(operators)s::text[]) as o(address)
  where not exists ({_SAME.format(table="stand_in")})
)"""  # noqa: S608  # constants

# The rules on one account, as rows `c`: what an evaluation would ask if it went dark. {account} stands for its id, as a column. Those of
# chosen accounts are found by the account: an OR of the scopes would look through all macros.
_RULES_ON = f"""
    from accounts_account a
    cross join lateral (
        select ma.macro_id from macros_macroaccount ma join macros_macro m on m.id = ma.macro_id and m.scope = 'chosen'
        where ma.account_id = a.id
        union all
        select m.id from macros_macro m where m.scope = 'all' or (m.scope = 'channels' and a.channel = any(m.channels))) on_it
    join macros_macro m on m.id = on_it.macro_id and m.enabled and (m.team_id is null or m.team_id = a.team_id)
      and not a.id = any(m.excluded)
    join macros_macroaction ac on ac.macro_id = m.id and ac.kind = 'pre_deactivation'
    cross join lateral (select ac.id as action_id, m.id as macro_id, ac.emails, ac.linkers, a.id as account_id, a.team_id, {_NOW}) c"""  # noqa: S608  # a constant
_NAMED = f"""
    select lower(e) as address from unnest(c.emails) e where {_ENTERED}
    union
    select u.email from accounts_accounttoken p {_LINKER} where c.linkers and p.account_id = c.account_id
    union
    select u.email from accounts_accounttoken p {_OWNING_TEAM} where c.linkers and p.account_id = c.account_id"""  # noqa: S608  # constants

# Whether a rule on an account tells somebody whom it names; whether it tells a lead of the account's team, where it is to stand in.
TELLS_DIRECTLY = f"""exists (select 1 {_RULES_ON} cross join lateral ({_NAMED}) r
    where a.id = {{account}} and not exists ({_OPTED_OUT.format(address="r.address")}))"""  # constants
TELLS_A_LEAD = f"""exists (select 1 {_RULES_ON} cross join lateral ({LEADS_SQL}) f
    where a.id = {{account}} and not exists ({_OPTED_OUT.format(address="f.address")}))"""  # constants

# The macros that are on: whether each names an address that mail reaches and that has not stopped its copies, so that it tells of whatever
# it watches; whether it tells the people who linked.
WHOM_MACROS_NAME = f"""
select m.id, exists (select 1 from unnest(ac.emails) e where {_ENTERED} and not exists ({_OPTED_OUT.format(address="lower(e)")})),
       ac.linkers
from macros_macro m join macros_macroaction ac on ac.macro_id = m.id and ac.kind = 'pre_deactivation'
     cross join lateral (select m.id as macro_id, 0 as account_id, {_NOW}) c
where m.enabled
order by m.id"""  # noqa: S608  # constants

# What was told of this cycle already is no news, whichever macro told it; nor is what is no more urgent than when somebody said that they
# are on it. A person gets one mail, whatever the teams; an address that
# nobody logs in with gets one for each team. The recipient must not be called like the notice's column: the comparison would be with
# itself and mute everybody.
_FOUND = """
, found as (
  select t.*, case when u.id is null then t.team_id end as mail_team
  from told t left join users_user u on u.email = t.address and u.is_active
  where not exists (
    select 1 from macros_notice n
    where n.account_id = t.account_id and n.token_id is not distinct from t.token_id
      and n.cycle = t.cycle and n.recipient = t.address and n.threshold <= t.threshold and n.outcome <> 'dropped')
  and not exists (
    select 1 from macros_acknowledgement k
    where k.account_id = t.account_id and k.token_id is not distinct from t.token_id and k.cycle = t.cycle and k.days <= t.threshold)
)"""

# Sorted, because a sort takes all rows before the first one is written. Where the planner believes the table of notices empty, as it was
# when it was analysed last, each row is compared with the whole table: without the sort with what this statement has written itself, too.
_INSERT = """
insert into macros_notice (evaluation_id, action_id, account_id, token_id, team_id, cycle, threshold, recipient, via, deadline,
                           outcome, outcome_reason)
select %(evaluation)s, action_id, account_id, token_id, team_id, cycle, threshold, address, via, deadline, 'waiting', ''
from found
order by account_id, token_id, action_id, address
on conflict do nothing"""

_COUNT = """
select address, mail_team, count(distinct (action_id, account_id, token_id)) from found group by address, mail_team"""

# Whether a draft is for an account `a`.
_APPLIED = """(act.scope = 'all' or (act.scope = 'channels' and a.channel = any(act.channels))
        or (act.scope = 'chosen' and a.id = any(%(accounts)s::bigint[])))"""
# For the preview, of the accounts that cross a threshold and those that are dark, told in one pass: how many mails, on which day the first,
# of how many accounts others are told, of how many nobody; the first accounts; why the others stay quiet. Both lists are JSON.
_PREVIEW = f"""
, due_account as materialized (
  select distinct account_id from found
), untold as materialized (
  select distinct account_id from crossed c where not exists ({_SAME.format(table="told")})
), day as (
  select fires_on, threshold, account_id, people, ends
  from (select fires_on, account_id, min(threshold) as threshold, min(deadline) as ends, count(distinct address) as people
        from found group by fires_on, account_id) each_day
  order by fires_on, threshold, account_id limit %(limit)s
), quiet as (
  select case when a.state = 'paused' then 'paused'
              when a.id = any(act.excluded) then 'left_out'
              when a.id in (select account_id from untold) then 'nobody'
              when a.state = 'deactivated' then 'told'
              when a.id in (select account_id from silenced where quiet_until is not null) then 'snoozed'
              when a.deadline_kind = 'never' then 'never'
              when a.deadline_kind = 'unknown' then 'unknown'
              when a.deadline_kind = 'date' and exists (
                select 1 from accounts_accounttoken p join tokens_token t on t.id = p.token_id
                where p.account_id = a.id and p.access = 'ok' and t.state <> 'dead' and t.deadline < a.deadline
                  and (t.deadline at time zone %(zone)s)::date - (select max(d) from unnest(act.days) d) <= %(last)s::date)
                then 'covered'
              else 'later' end as why, count(*) as number
  from act join accounts_account a
    on (act.team_id is null or a.team_id = act.team_id)
   and {_APPLIED}
  where not exists (select 1 from due_account d where d.account_id = a.id)
  group by 1
)
select (select count(*) from (select distinct fires_on, mail_team, address from found) mail),
       (select min(fires_on) from found),
       (select count(distinct account_id) from found where via <> ''),
       (select count(*) from untold u where not exists (select 1 from due_account d where d.account_id = u.account_id)),
       (select count(*) from (
          select account_id from found where threshold > 0 group by account_id
          having min(fires_on) + %(after)s::int <= least(%(last)s::date, (max(deadline) at time zone %(zone)s)::date)) waited),
       (select coalesce(jsonb_agg(day), '[]') from day),
       (select coalesce(jsonb_agg(jsonb_build_array(why, number) order by number desc, why), '[]') from quiet)"""  # noqa: S608  # constants

# The team of a mail decides which staff may read it, so one that names accounts of several teams has none.
_MESSAGES = """
insert into notifications_message (kind, recipient, team_id, dedupe_key, payload, state, attempts, lost_claims, failures,
                                   next_attempt_at, created_at, queued_at, message_id, subject, text, html, error)
select %(kind)s, n.recipient, case when count(distinct n.team_id) = 1 then min(n.team_id) end,
       concat_ws(':', '{kind}', n.evaluation_id, n.mail_team, n.recipient),
       case when n.mail_team is null then jsonb_build_object('{key}', n.evaluation_id, 'teams', 'all')
            else jsonb_build_object('{key}', n.evaluation_id) end,
       'queued', 0, 0, 0, %(now)s, %(now)s, %(now)s, '', '', '', '', ''
from (select n.evaluation_id, n.recipient, n.team_id, case when u.id is null then n.team_id end as mail_team
      from {table} n left join users_user u on u.email = n.recipient and u.is_active
      where n.evaluation_id = %(evaluation)s) n
group by n.evaluation_id, n.mail_team, n.recipient
on conflict do nothing"""
MESSAGES = _MESSAGES.format(kind="macro", key="evaluation", table="macros_notice")
NEWS_MESSAGES = _MESSAGES.format(kind="macro_news", key="news", table="macros_newsnotice")

# Of notices `carried`: those that would still be found for their recipient, by the macro, the pool and the people as they stand now.
ONCE_MORE = f"""
, act as materialized (
  select ac.id, ac.macro_id, ac.emails, ac.linkers from macros_macroaction ac where ac.id in (select c.action_id from carried c)
){_NAMING}, crossed as materialized (
  select n.id as notice_id, n.action_id, act.macro_id, n.account_id, n.token_id, n.recipient, a.team_id, {_NOW},
         act.stopped or exists (
           select 1 from macros_silence s where s.account_id = n.account_id and s.email <> '' and s.ended_at is null) as stopped,
         act.addresses || case when act.linkers then (
           select {_PEOPLE} || {_OF_TEAMS.format(teams=_TEAMS)}
           from accounts_accounttoken p cross join lateral (select * from tokens_token where id = p.token_id offset 0) t {_PERSON}
           where p.account_id = n.account_id and (n.token_id is null or p.token_id = n.token_id)
         ) else '{{}}' end as named
  from carried n join naming act on act.id = n.action_id join accounts_account a on a.id = n.account_id
){_TOLD}"""  # noqa: S608  # a constant
STILL_TOLD = f"""
with carried as materialized (select * from macros_notice where id = any(%(notices)s)){ONCE_MORE}
select distinct notice_id from told where address = recipient"""  # noqa: S608  # constants

# Messages: each its id, evaluation and recipient, and the team whose notices alone it carries, or null; and the notices `n` of one.
_MAILS = """
    unnest(%(messages)s::bigint[], %(evaluations)s::bigint[], %(recipients)s::text[], %(teams)s::bigint[])
    as mail(message_id, evaluation_id, recipient, team_id)"""
_CARRIES = """
    n.evaluation_id = mail.evaluation_id and n.recipient = mail.recipient and n.team_id = coalesce(mail.team_id, n.team_id)
    and n.outcome <> 'dropped'"""

# What messages that are sent have told; returns the accounts that they told as deactivated.
MAILED = f"""
with told as (
  update macros_notice n set outcome = 'mailed', outcome_reason = '' from {_MAILS} where {_CARRIES}
  returning mail.message_id, n.account_id, n.threshold
)
select message_id, account_id from told where threshold = 0"""  # noqa: S608  # constants

# Why a notice `n` no longer holds, by its account `a` and macro `m`; and, where its fact does, by its reader.
NOT_WATCHED = """when n.action_id is null then 'macro_deleted'
            when not m.enabled then 'macro_off'
            when m.team_id <> a.team_id then 'other_team'
            when m.scope = 'chosen' and not exists (
                select 1 from macros_macroaccount ma where ma.macro_id = m.id and ma.account_id = a.id)
              or m.scope = 'channels' and not a.channel = any(m.channels) or a.id = any(m.excluded) then 'not_applied'
            when a.paused_at is not null or a.state = 'paused' then 'paused'"""
STILL_NAMED = """when exists (select 1 from told where told.notice_id = n.id and told.address = n.recipient) then ''
            when exists (
                select 1 from macros_optout o
                where o.macro_id = m.id and o.email = n.recipient and o.ended_at is null) then 'reader_stopped'
            when exists (
                select 1 from macros_silence s where s.account_id = n.account_id and s.email = n.recipient and s.ended_at is null
                  and (s.macro_id is null or s.macro_id = m.id)) then 'reader_left_out'
            when n.via = '' then 'not_told_direct'
            else 'not_told_' || n.via"""

# What messages carry, each the most urgent first: notices of the first accounts (%(most)s) of each, and those that no longer hold, with
# why, as a code; "" where they do. Each row says of its message how many accounts still hold, and whether it may be stopped.
STILL_WANTED = f"""
with carried as materialized (
  select mail.message_id, n.* from {_MAILS} join macros_notice n on {_CARRIES}
){ONCE_MORE}
, judged as (
  select n.message_id, n.id, n.account_id, n.action_id is not null and n.via <> 'operator' as names_reader,
       row_number() over (order by n.threshold <> 0, coalesce(case when n.token_id is null then a.deadline else t.deadline end, 'epoch'),
                                   a.name collate "C", n.id) as urgency,
       case {NOT_WATCHED}
            when n.threshold = 0 and (a.state <> 'deactivated' or a.cycle <> n.cycle) then 'works_again'
            when n.threshold > 0 and n.token_id is null and a.cycle <> n.cycle then 'deadline_moved'
            when n.threshold > 0 and n.token_id is not null and (t.state = 'dead' or not exists (
                select 1 from accounts_accounttoken p
                where p.account_id = a.id and p.token_id = t.id and p.access = 'ok')) then 'log_in_ended'
            when n.threshold > 0 and n.token_id is not null and t.cycle <> n.cycle then 'log_in_deadline_moved'
            when n.threshold > 0 and exists (
                select 1 from macros_silence s where s.account_id = a.id and s.email = '' and s.ended_at is null) then 'snoozed'
            when exists (
                select 1 from macros_acknowledgement k where k.account_id = a.id and k.token_id is not distinct from n.token_id
                  and k.cycle = n.cycle and k.days <= n.threshold) then 'acknowledged'
            {STILL_NAMED} end as reason
from carried n
     join accounts_account a on a.id = n.account_id
     left join macros_macroaction ac on ac.id = n.action_id
     left join macros_macro m on m.id = ac.macro_id
     left join tokens_token t on t.id = n.token_id
), first as (
  select *, min(urgency) over (partition by message_id, account_id, reason = '') as account_urgency from judged
), placed as (
  select *, dense_rank() over (partition by message_id, reason = '' order by account_urgency) as place from first
), counted as (
  select *, coalesce(max(place) filter (where reason = '') over (partition by message_id), 0) as accounts,
         bool_or(names_reader) over (partition by message_id) as may_stop from placed
)
select message_id, id, account_id, reason, accounts, may_stop from counted
where reason <> '' or place <= %(most)s
order by urgency"""  # noqa: S608  # constants

# For escalation, which has rows `crossed` of its own.
NAMING = _NAMING
FINDING_ONCE_CROSSED = _TOLD + _FOUND + _INSERT

_STEPS = _NAMING + _RULES + _UNTIL + _TARGET
_FINDING = STORED + _STEPS + _CROSSED.format(on=_ON_ONE_DAY) + _TOLD + _FOUND
INSERT = _FINDING + _INSERT
COUNT = _FINDING + _COUNT


def _drafted(*, account: str, entry: str, applied: str) -> str:
    """Return the statement of a preview: which accounts `a`, pool entries `p` and accounts of the macro it looks at."""
    steps = _STEPS.replace(_RULED, account).replace(_RULED_ENTRY, entry)
    told = _CROSSED.format(on=_ON_SEVERAL_DAYS) + _TOLD + _FOUND
    return DRAFT + steps + told + _PREVIEW.replace(_APPLIED, applied)


# The accounts of a draft are an array, in which nothing is looked up. Of chosen accounts theirs alone are read, of a wider draft all.
_CHOSEN = "= any(%(accounts)s::bigint[])"
PREVIEW = _drafted(account="true", entry=_RULED_ENTRY, applied=_APPLIED)
PREVIEW_OF_CHOSEN = _drafted(
    account=f"a.id {_CHOSEN}", entry=f"p.account_id {_CHOSEN}", applied=f"a.id {_CHOSEN}"
)
# On which days a draft tells one address of its account, at which threshold, how it comes to that address, and whether that is news.
_FOR = """
select t.fires_on, t.threshold, t.via, exists (
    select 1 from found f where f.address = t.address and f.threshold = t.threshold and f.fires_on = t.fires_on) as is_news
from told t where t.address = %(address)s
order by 4 desc, 1, 2 limit 1"""
_OF_CHOSEN = _STEPS.replace(_RULED, f"a.id {_CHOSEN}").replace(_RULED_ENTRY, f"p.account_id {_CHOSEN}")
DUE_FOR = DRAFT + _OF_CHOSEN + _CROSSED.format(on=_ON_SEVERAL_DAYS) + _TOLD + _FOUND + _FOR
