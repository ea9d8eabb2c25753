"""The SQL of whom the macros on an account would tell if it went dark now."""

from macros.told_sql import ENTERED, LINKER, NOW, OPTED_OUT, OWNING_TEAM
from users.recipients import LEADS_SQL

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
    join macros_macroaction ac on ac.macro_id = m.id and ac.kind in ('pre_deactivation', 'deactivated')
    cross join lateral (select ac.id as action_id, m.id as macro_id, ac.emails, ac.linkers, a.id as account_id, a.team_id, {NOW}) c"""  # noqa: S608  # a constant
_NAMED = f"""
    select lower(e) as address from unnest(c.emails) e where {ENTERED}
    union
    select u.email from accounts_accounttoken p {LINKER} where c.linkers and p.account_id = c.account_id
    union
    select u.email from accounts_accounttoken p {OWNING_TEAM} where c.linkers and p.account_id = c.account_id"""  # noqa: S608  # constants

# Whether a rule on an account tells somebody whom it names; whether it tells a lead of the account's team, where it is to stand in.
TELLS_DIRECTLY = f"""exists (select 1 {_RULES_ON} cross join lateral ({_NAMED}) r
    where a.id = {{account}} and not exists ({OPTED_OUT.format(address="r.address")}))"""  # constants
TELLS_A_LEAD = f"""exists (select 1 {_RULES_ON} cross join lateral ({LEADS_SQL}) f
    where a.id = {{account}} and not exists ({OPTED_OUT.format(address="f.address")}))"""  # constants

# The macros that are on: whether each names an address that mail reaches and that snoozed nothing, so that it tells of whatever
# it watches; whether it tells the people who linked.
WHOM_MACROS_NAME = f"""
select m.id,
       bool_or(exists (select 1 from unnest(ac.emails) e where {ENTERED} and not exists ({OPTED_OUT.format(address="lower(e)")}))),
       bool_or(ac.linkers)
from macros_macro m join macros_macroaction ac on ac.macro_id = m.id and ac.kind in ('pre_deactivation', 'deactivated')
     cross join lateral (select m.id as macro_id, 0 as account_id, {NOW}) c
where m.enabled
group by m.id
order by m.id"""  # noqa: S608  # constants
