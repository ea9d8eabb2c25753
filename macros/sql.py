"""The SQL of an evaluation: set-based, one statement per watch, never a loop over accounts.

The same text finds notices for a run and shows what a macro would do in the coming days: a run looks at one day (`first` = `last`), the
preview at many. A threshold fires on the day on which the days left reach it, or on `first` when that day has passed.

Parameters: now (moment of the run), first, last (dates), zone, and for a preview the macro as it stands in the form (see `DRAFT`).
"""

# The rules. Later steps read: id, days, emails, linkers, watch, scope, channels, team_id of `act`, and (action_id, account_id) of `chosen`.
STORED = """
with act as materialized (
  select ac.id, ac.days::int[] as days, ac.emails, ac.linkers, ac.watch, m.scope, m.channels, m.team_id
  from macros_macroaction ac join macros_macro m on m.id = ac.macro_id
  where m.enabled and ac.kind = 'pre_deactivation'
), chosen as (
  select act.id as action_id, ma.account_id
  from act join macros_macroaction ac on ac.id = act.id join macros_macroaccount ma on ma.macro_id = ac.macro_id
  where act.scope = 'chosen'
)"""

# The same for one macro that is being written; its action is the stored one (then what it has told is known) or 0.
DRAFT = """
with act as materialized (
  select %(action)s::bigint as id, %(days)s::int[] as days, %(emails)s::text[] as emails, %(linkers)s::boolean as linkers,
         %(watch)s::text as watch, %(scope)s::text as scope, %(channels)s::text[] as channels, %(team)s::bigint as team_id
), chosen as (
  select %(action)s::bigint as action_id, unnest(%(accounts)s::bigint[]) as account_id
)"""

# First local midnight after the widest window: the index on the deadline stays usable.
_UNTIL = """
, until as (
  select ((%(last)s::date + 1 + coalesce((select max(d) from act, unnest(act.days) d), 0))::timestamp at time zone %(zone)s) as at
)"""

# known_since: when the deadline became known, which no renewal moves (a date of issue moves with each, at the hour of the consent, and
# would silence every warning). It is the start of the account's cycle, or earlier: that of the token which sets the date, or its issue.
# A token whose date of issue nobody told may be of any age.
_DUE_ACCOUNTS = """
, due as materialized (
  select a.id as account_id, null::bigint as token_id, a.channel, a.team_id, a.deadline, a.cycle,
         (a.deadline at time zone %(zone)s)::date as ends_on,
         least(a.cycle_since,
               (select min(least(t.cycle_since, coalesce(t.issued_at, '-infinity')))
                from accounts_accounttoken p join tokens_token t on t.id = p.token_id
                where p.account_id = a.id and t.deadline = a.deadline and t.state <> 'dead')) as known_since
  from accounts_account a, until
  where a.deadline_kind = 'date' and a.deadline > %(now)s and a.deadline < until.at and a.state in ('connected', 'interrupted')
), rule as (select * from act where watch = 'account')"""

_DUE_TOKENS = """
, due as materialized (
  select p.account_id, t.id as token_id, a.channel, a.team_id, t.deadline, t.cycle,
         (t.deadline at time zone %(zone)s)::date as ends_on,
         least(t.cycle_since, coalesce(t.issued_at, '-infinity')) as known_since
  from until, tokens_token t
  join accounts_accounttoken p on p.token_id = t.id and p.access = 'ok'
  join accounts_account a on a.id = p.account_id
  where t.deadline_kind = 'date' and t.state <> 'dead' and t.deadline > %(now)s and t.deadline < until.at
    and a.state in ('connected', 'interrupted')
), rule as (select * from act where watch = 'token')"""

# Whatever made it dark. An account that never had a token was never connected, so it did not go dark.
_DUE_DARK = """
, due as materialized (
  select a.id as account_id, null::bigint as token_id, a.channel, a.team_id, null::timestamptz as deadline, a.cycle,
         null::date as ends_on, null::timestamptz as known_since
  from accounts_account a
  where a.state = 'deactivated'
    and (exists (select 1 from accounts_accounttoken p where p.account_id = a.id)
         or exists (select 1 from accounts_accountevent e where e.account_id = a.id and e.kind = 'connected'))
), rule as (select * from act)"""

# Three branches: an OR of the scopes becomes a nested loop over everything.
_TARGET = """
, target as (
  select r.id as action_id, r.days, r.emails, r.linkers, due.*
  from due join chosen c on c.account_id = due.account_id join rule r on r.id = c.action_id
  where r.scope = 'chosen' and (r.team_id is null or r.team_id = due.team_id)
  union all
  select r.id, r.days, r.emails, r.linkers, due.* from rule r join due
    on r.scope = 'channels' and due.channel = any(r.channels) and (r.team_id is null or r.team_id = due.team_id)
  union all
  select r.id, r.days, r.emails, r.linkers, due.* from rule r join due
    on r.scope = 'all' and (r.team_id is null or r.team_id = due.team_id)
)"""

# Days are calendar days in the project's zone, so that "10 days" never comes as 9. Of the thresholds that fire on one day
# (all those that were missed fire on the first), the tightest counts. A threshold of d days is none where the deadline, when it comes, was
# known for d times 24 hours or less: of an authorisation that lasts just d days nobody is warned as it begins.
_CROSSED = """
, crossed as (
  select t.action_id, t.emails, t.linkers, t.account_id, t.token_id, t.team_id, t.deadline, t.cycle, f.fires_on, f.threshold
  from target t cross join lateral (
    select distinct on (1) greatest(%(first)s::date, t.ends_on - d) as fires_on, d as threshold
    from unnest(t.days) d
    where greatest(%(first)s::date, t.ends_on - d) <= %(last)s::date
      and t.known_since + d * interval '1 day' < t.deadline
    order by 1, 2) f
)"""

_CROSSED_DARK = """
, crossed as (
  select t.action_id, t.emails, t.linkers, t.account_id, t.token_id, t.team_id, t.deadline, t.cycle,
         %(first)s::date as fires_on, 0 as threshold
  from target t
)"""

# The recipient must not be called like the notice's column: the comparison below would be with itself and mute everybody.
# "The people who linked": watching a token it is its own person; watching an account everybody in its pool, since each can save it.
# A system user is no person: the team that owns its token is told.
_TOLD = """
, told as (
  select c.*, r.address
  from crossed c cross join lateral (
    select lower(e) as address from unnest(c.emails) e
    union
    select u.email
    from accounts_accounttoken p join tokens_token t on t.id = p.token_id join users_user u on u.id = t.consented_by_id
    where c.linkers and p.account_id = c.account_id and (c.token_id is null or p.token_id = c.token_id) and u.is_active
    union
    select u.email
    from accounts_accounttoken p join tokens_token t on t.id = p.token_id
         join users_membership m on m.team_id = t.team_id join users_user u on u.id = m.user_id
    where c.linkers and t.kind = 'system' and p.account_id = c.account_id and (c.token_id is null or p.token_id = c.token_id)
      and u.is_active) r
), found as (
  select t.* from told t
  where not exists (
    select 1 from macros_notice n
    where n.action_id = t.action_id and n.account_id = t.account_id and n.token_id is not distinct from t.token_id
      and n.cycle = t.cycle and n.recipient = t.address and n.threshold <= t.threshold and n.outcome <> 'dropped')
)"""

_INSERT = """
insert into macros_notice (evaluation_id, action_id, account_id, token_id, team_id, cycle, threshold, recipient, deadline,
                           outcome, outcome_reason)
select %(evaluation)s, action_id, account_id, token_id, team_id, cycle, threshold, address, deadline, 'waiting', ''
from found
on conflict do nothing"""

_COUNT = """
select address, team_id, count(*) from found group by address, team_id"""

# For the preview: the first accounts, then one row per mail (one per day, team and address).
_LIST = """
, day as (
  select fires_on, account_id, min(threshold) as threshold, min(deadline) as ends, count(distinct address) as people
  from found group by fires_on, account_id
)
select fires_on, threshold, account_id, people, ends from day order by fires_on, threshold, account_id limit %(limit)s"""

_TOTAL = """
select fires_on, team_id, address, array_agg(distinct account_id) from found group by fires_on, team_id, address"""

MESSAGES = """
insert into notifications_message (kind, recipient, team_id, dedupe_key, payload, state, attempts, lost_claims, failures,
                                   next_attempt_at, created_at, queued_at, message_id, subject, text, html, error)
select %(kind)s, n.recipient, n.team_id, concat_ws(':', 'macro', n.evaluation_id, n.team_id, n.recipient),
       jsonb_build_object('evaluation', n.evaluation_id), 'queued', 0, 0, 0, %(now)s, %(now)s, %(now)s, '', '', '', '', ''
from macros_notice n where n.evaluation_id = %(evaluation)s
group by n.evaluation_id, n.team_id, n.recipient
on conflict do nothing"""

_WATCHES = {
    "account": _UNTIL + _DUE_ACCOUNTS + _TARGET + _CROSSED + _TOLD,
    "token": _UNTIL + _DUE_TOKENS + _TARGET + _CROSSED + _TOLD,
    "dark": _DUE_DARK + _TARGET + _CROSSED_DARK + _TOLD,
}

INSERTS = {watch: STORED + text + _INSERT for watch, text in _WATCHES.items()}
COUNTS = {watch: STORED + text + _COUNT for watch, text in _WATCHES.items()}
LISTS = {watch: DRAFT + text + _LIST for watch, text in _WATCHES.items()}
TOTALS = {watch: DRAFT + text + _TOTAL for watch, text in _WATCHES.items()}

# Why the accounts that the draft applies to would not be mailed. `due` are those that would.
_QUIET = """
select case when a.state = 'paused' then 'paused'
            when a.state = 'deactivated' then 'told'
            when a.deadline_kind = 'never' then 'never'
            when a.deadline_kind = 'unknown' then 'unknown'
            when a.deadline_kind = 'date' and exists (
              select 1 from accounts_accounttoken p join tokens_token t on t.id = p.token_id
              where p.account_id = a.id and p.access = 'ok' and t.state <> 'dead' and t.deadline < a.deadline
                and (t.deadline at time zone %(zone)s)::date - (select max(d) from unnest(act.days) d) <= %(last)s::date)
              then 'covered'
            else 'later' end as why, count(*)
from act join accounts_account a
  on (act.team_id is null or a.team_id = act.team_id)
 and (act.scope = 'all' or (act.scope = 'channels' and a.channel = any(act.channels))
      or (act.scope = 'chosen' and a.id = any(%(accounts)s::bigint[])))
where not a.id = any(%(due)s::bigint[])
group by 1 order by 2 desc, 1"""
QUIET = DRAFT + _QUIET
