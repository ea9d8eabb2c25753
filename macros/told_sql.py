"""The SQL of whom an action tells, whatever its kind: whom it names, who stands in, who is left out; and why a notice no longer holds.

Each statement of the other files is made of these steps, so that what is found, shown before, and asked again at sending is the same.
"""

from users.recipients import FALLBACK_SQL, REACHABLE_SQL, REFUSED_SQL

# Whether an address is left out of what the macro of a row `c` tells of its account, or of any, on the day `fires_on`.
OPTED_OUT = """
    select 1 from macros_mute s where s.account_id = c.account_id and s.email = {address} and s.ended_at is null
      and (s.macro_id is null or s.macro_id = c.macro_id) and (s.until is null or s.until > c.fires_on)
    union all
    select 1 from macros_mute s where s.account_id is null and s.macro_id is null and s.email = {address} and s.ended_at is null
      and s.until > c.fires_on"""
# Whether one of the addresses `named` of a row `c` is told nothing of any account: few are at a time, so they are one array, and mostly
# nobody is, which is asked once.
AWAY = """(exists (select 1 from macros_mute where account_id is null and ended_at is null)
    and c.named && array(select email::text from macros_mute where account_id is null and ended_at is null))"""
# The ids of the accounts that a macro `m` leaves out.
LEFT_OUT = """array(
    select x.account_id from macros_mute x where x.macro_id = m.id and x.email = '' and x.ended_at is null)"""
# Whether an account `a` is dark: only a person can help, or nothing serves it for an hour, whatever its log-ins wait for.
DARK = "(a.state = 'deactivated' or a.state = 'interrupted' and a.since <= %(now)s - interval '1 hour')"
# That accounts which are dark were told by any mail that left, those about a log-in itself included: whom these tell no macro tells again.
DARK_TOLD = f"""
  select n.account_id, a.cycle, (n.at at time zone %(zone)s)::date as on_date
  from accounts_accountnotice n
  join accounts_account a on a.id = n.account_id and {DARK} and n.at >= a.cycle_since
  join notifications_message m on m.id = n.message_id and m.state = 'sent'
  where n.dark"""  # noqa: S608  # a constant
# The same of one address and account, those of a row `t`, of mails that wait, too, and before it came back for a moment.
DARK_TOLD_TO = """exists (
    select 1 from accounts_accountnotice n join accounts_account a on a.id = n.account_id
    where n.account_id = t.account_id and n.recipient = t.address and n.dark and n.closed_at is null and (n.at >= a.cycle_since or exists (
      select 1 from accounts_accountevent e where e.account_id = a.id and e.kind = 'connected' and e.at > n.at)))"""
# Whom the mail about log-ins of a pool, which died, were removed, or whose person left, tells of their accounts.
MAILED_OF_LOG_INS = """
  select m.recipient, m.created_at, p.account_id, p.token_id
  from notifications_message m
  cross join lateral jsonb_array_elements_text(coalesce(m.payload->'tokens', jsonb_build_array(m.payload->'token'))) named(token_id)
  join accounts_accounttoken p on p.token_id = named.token_id::bigint
  join accounts_account a on a.id = p.account_id
  where m.kind in ('died', 'left') and {which}
    and (coalesce(m.payload->'teams', '[]') = '[]' or m.payload->'teams' @> to_jsonb(a.team_id))"""
# The same as of now: a silence whose day has come is ended by the sweep.
NOW = "'-infinity'::date as fires_on"

# Whom an action names. An entered address `e`, unless somebody has it who can no longer log in, or its mail server refuses it. "The people
# who linked", of a pool entry `p`: watching a token it is its own person; watching an account everybody in its pool, since each can
# save it. A system user is no person: the team that owns its token is told.
ENTERED = f"""
    lower(e) not in (select email from users_user where not is_active)
    and {REACHABLE_SQL.format(address="lower(e)")}"""  # noqa: S608  # constants
_REACHED = f"u.is_active and {REACHABLE_SQL.format(address='u.email')}"
LINKER = f"""
    join tokens_token t on t.id = p.token_id
    join users_user u on u.id = t.consented_by_id and {_REACHED}"""
OWNING_TEAM = f"""
    join tokens_token t on t.id = p.token_id and t.kind = 'system'
    join users_membership m on m.team_id = t.team_id join users_user u on u.id = m.user_id and not u.is_contact
     and {_REACHED}"""

# The same for sets: the addresses that each action of `act` names.
NAMING = f""", naming as materialized (
  select act.*, array(select distinct lower(e) from unnest(act.emails) e where {ENTERED}) as addresses from act
)"""  # noqa: S608  # constants
# `u` who linked a token `t`, where mail reaches them; the addresses of such people of a pool, and of the people of {teams} that own tokens.
PERSON = f"""
    left join users_user u on u.id = t.consented_by_id and u.is_active and u.email not in ({REFUSED_SQL})"""  # constants
PEOPLE = "coalesce(array_agg(u.email) filter (where u.id is not null), '{}')"
OF_TEAMS = f"""
    case when {{teams}} is null then '{{{{}}}}' else array(
      select u.email from users_membership m join users_user u on u.id = m.user_id where m.team_id = any({{teams}})
        and not u.is_contact and {_REACHED}) end"""  # noqa: S608  # constants
TEAMS = "array_agg(t.team_id) filter (where t.kind = 'system' and t.team_id is not null)"

# For a row `c` of `crossed`: whether a table of these holds the same fact.
SAME = """
    select 1 from {table} d
    where d.action_id = c.action_id and d.account_id = c.account_id and coalesce(d.token_id, 0) = coalesce(c.token_id, 0)"""

# Who an action tells of an account, for rows `crossed` with action_id, macro_id, account_id, token_id, team_id, the addresses `named`, and
# whether anybody is left out of the account (`leaves_out`); asked once more when a mail is made. What resolves to nobody falls back, so
# that no account goes dark untold. Who is left out is told neither directly nor as a team lead. An operator, the last in line, is.
# `unnest` stands among the columns: as a table, it would be kept for each row.
TOLD = f"""
, alone as materialized (
  select c.* from crossed c
  where cardinality(c.named) = 0 or (c.leaves_out or {AWAY}) and not exists (
    select 1 from unnest(c.named) r(address) where not exists ({OPTED_OUT.format(address="r.address")}))
), stand_in as materialized (
  select c.*, f.address, f.via
  from alone c cross join lateral ({FALLBACK_SQL}) f
  where f.via = 'operator' or not exists ({OPTED_OUT.format(address="f.address")})
), told as (
  select c.* from (select c.*, unnest(c.named) as address, '' as via from crossed c) c
  where not ((c.leaves_out or {AWAY}) and exists ({OPTED_OUT.format(address="c.address")}))
  union all
  select * from stand_in
  union all
  select c.*, o.address, 'operator'
  from alone c cross join unnest(%(operators)s::text[]) as o(address)
  where not exists ({SAME.format(table="stand_in")})
)"""  # noqa: S608  # constants

# Of notices `carried`: those that would still be found for their recipient, by the macro, the pool and the people as they stand now. Each
# account is looked up by its id, also where PostgreSQL takes the table for empty and would compare each notice with all of it.
ONCE_MORE = f"""
, act as materialized (
  select ac.id, ac.macro_id, ac.emails, ac.linkers from macros_macroaction ac where ac.id in (select c.action_id from carried c)
){NAMING}, crossed as materialized (
  select n.id as notice_id, n.action_id, act.macro_id, n.account_id, n.token_id, n.recipient, a.team_id, {NOW},
         exists (
           select 1 from macros_mute s where s.account_id = n.account_id and s.email <> '' and s.ended_at is null) as leaves_out,
         act.addresses || case when act.linkers then (
           select {PEOPLE} || {OF_TEAMS.format(teams=TEAMS)}
           from accounts_accounttoken p cross join lateral (select * from tokens_token where id = p.token_id offset 0) t {PERSON}
           where p.account_id = n.account_id and (n.token_id is null or p.token_id = n.token_id)
         ) else '{{}}' end as named
  from carried n join naming act on act.id = n.action_id
  cross join lateral (select team_id from accounts_account where id = n.account_id offset 0) a
){TOLD}"""  # noqa: S608  # a constant

# Why a notice `n` no longer holds, by its account `a` and macro `m`; and, where its fact does, by its reader.
NOT_WATCHED = f"""when n.action_id is null then case when n.was_of is null then 'macro_deleted' else 'told_no_longer' end
            when not m.enabled then 'macro_off'
            when m.team_id <> a.team_id then 'other_team'
            when m.scope = 'chosen' and not exists (
                select 1 from macros_macroaccount ma where ma.macro_id = m.id and ma.account_id = a.id)
              or m.scope = 'channels' and not a.channel = any(m.channels) or a.id = any({LEFT_OUT}) then 'not_applied'
            when a.paused_at is not null or a.state = 'paused' then 'paused'"""  # noqa: S608  # a constant
STILL_NAMED = """when exists (select 1 from told where told.notice_id = n.id and told.address = n.recipient) then ''
            when exists (
                select 1 from macros_mute s where s.account_id = n.account_id and s.email = n.recipient and s.ended_at is null
                  and (s.macro_id is null or s.macro_id = m.id)) then 'reader_left_out'
            when exists (
                select 1 from macros_mute s
                where s.account_id is null and s.email = n.recipient and s.ended_at is null) then 'reader_away'
            when n.via = '' then 'not_told_direct'
            else 'not_told_' || n.via"""
