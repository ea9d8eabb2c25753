"""The SQL of escalation: who further is told where nothing happened so many days after the first warning.

Of a macro that warns of nothing ahead the first warning is that an account is deactivated, whichever mail says so.
Nothing happened: the deadline is the same (a re-authentication begins another cycle), and nobody said that they are on it.
"""

from macros.told_sql import DARK, DARK_TOLD, NAMING
from macros.warning_sql import FINDING_ONCE_CROSSED

# In each cycle an action tells once, with the tightest threshold that was told; 0 where the account is dark, which is a cycle of its own.
INSERT = f"""
with act as materialized (
  select ac.id, ac.macro_id, ac.emails, ac.linkers, ac.after, w.watch = 'token' as of_token,
         (select max(d) from unnest(w.days) d) as widest, m.team_id, m.excluded, m.scope, m.channels
  from macros_macroaction ac
  join macros_macro m on m.id = ac.macro_id and m.enabled
  left join macros_macroaction w on w.macro_id = m.id and w.kind = 'pre_deactivation'
  where ac.kind = 'escalated'
){NAMING}, notice as materialized (  -- of deadlines that are still the same, by whichever macro: what one told no other tells again
  select n.account_id, n.token_id, n.cycle, n.threshold,
         min(coalesce((n.told_at at time zone %(zone)s)::date, v.on_date)) as first_on  -- a mail may leave days after it was written
  from macros_notice n join macros_evaluation v on v.id = n.evaluation_id
  join accounts_account a on a.id = n.account_id left join tokens_token t on t.id = n.token_id
  where n.outcome <> 'dropped' and not (n.outcome = 'waiting' and exists (  -- our own mail server does not take it
      select 1 from notifications_message m
      where m.recipient = n.recipient and m.state in ('queued', 'sending') and m.waits_since is not null))
    and n.cycle = coalesce(t.cycle, a.cycle) and exists (select 1 from act)
  group by n.account_id, n.token_id, n.cycle, n.threshold
  union all
  select d.account_id, null, d.cycle, 0, min(d.on_date) from ({DARK_TOLD} and exists (select 1 from act)) d group by d.account_id, d.cycle
), warned as (
  select act.id as action_id, n.account_id, n.token_id, n.cycle, min(n.threshold) as threshold, min(n.first_on) as first_on
  from act join notice n on n.threshold = 0 or n.threshold <= act.widest and act.of_token = (n.token_id is not null)
  group by act.id, n.account_id, n.token_id, n.cycle
), crossed as materialized (
  select w.action_id, act.macro_id, w.account_id, w.token_id, a.team_id, coalesce(t.deadline, a.deadline) as deadline, w.cycle,
         %(first)s::date as fires_on, w.threshold,
         act.stopped or exists (
           select 1 from macros_silence s where s.account_id = a.id and s.email <> '' and s.ended_at is null) as stopped,
         act.addresses as named
  from warned w join naming act on act.id = w.action_id
  join accounts_account a on a.id = w.account_id and a.paused_at is null
  left join tokens_token t on t.id = w.token_id
  where w.first_on + act.after <= %(first)s::date
    and (w.token_id is null and a.cycle = w.cycle or t.cycle = w.cycle and t.state <> 'dead')
    and {DARK} = (w.threshold = 0)
    and (act.team_id is null or act.team_id = a.team_id) and not a.id = any(act.excluded)
    and case act.scope when 'all' then true when 'channels' then a.channel = any(act.channels)
        else exists (select 1 from macros_macroaccount c where c.macro_id = act.macro_id and c.account_id = a.id) end
    and not exists (
      select 1 from macros_acknowledgement k
      where k.account_id = a.id and k.token_id is not distinct from w.token_id and k.cycle = w.cycle)
    and not exists (
      select 1 from macros_notice e
      where e.action_id = w.action_id and e.account_id = a.id and e.token_id is not distinct from w.token_id and e.cycle = w.cycle
        and e.outcome <> 'dropped')
    and not (w.threshold > 0 and exists (
      select 1 from macros_silence s where s.account_id = a.id and s.email = '' and s.ended_at is null))
){FINDING_ONCE_CROSSED}"""  # noqa: S608  # constants
