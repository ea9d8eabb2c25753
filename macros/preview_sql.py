"""The SQL that shows what a macro would do in the coming days: the steps of the evaluation itself, of a macro as it is in the form."""

from macros.told_sql import DARK, DARK_TOLD, SAME, TOLD
from macros.warning_sql import CROSSED, DRAFT, FOUND, ON_SEVERAL_DAYS, RULED, RULED_ENTRY, STEPS

# Whether a draft is for an account `a`.
_APPLIED = """(act.scope = 'all' or (act.scope = 'channels' and a.channel = any(act.channels))
        or (act.scope = 'chosen' and a.id = any(%(accounts)s::bigint[])))"""
# For the preview, of the accounts that cross a threshold and those that are dark, told in one pass: how many mails, on which day the first,
# of how many accounts others are told, of how many nobody; of how many further addresses would be told, since nothing happened after their
# first warning, which may have been mailed before; the first accounts; why the others stay quiet. Both lists are JSON.
_PREVIEW = f"""
, due_account as materialized (
  select distinct account_id from found
), untold as materialized (
  select distinct account_id from crossed c where not exists ({SAME.format(table="told")})
), day as (
  select fires_on, threshold, account_id, people, ends
  from (select fires_on, account_id, min(threshold) as threshold, min(deadline) as ends, count(distinct address) as people
        from found group by fires_on, account_id) each_day
  order by fires_on, threshold, account_id limit %(limit)s
), first_warned as (
  select account_id, token_id, cycle, threshold, fires_on, deadline from found
  union all
  select n.account_id, n.token_id, n.cycle, n.threshold, v.on_date, case when n.threshold > 0 then coalesce(t.deadline, a.deadline) end
  from act join macros_notice n on n.outcome <> 'dropped' and (n.threshold = 0 or
      n.threshold <= (select max(d) from unnest(act.days) d) and (act.watch = 'token') = (n.token_id is not null))
  join macros_evaluation v on v.id = n.evaluation_id
  join accounts_account a on a.id = n.account_id and a.paused_at is null and not a.id = any(act.excluded)
   and (act.team_id is null or act.team_id = a.team_id) and {_APPLIED}
  left join tokens_token t on t.id = n.token_id
  where %(after)s::int is not null and (n.token_id is null and a.cycle = n.cycle or t.cycle = n.cycle and t.state <> 'dead')
    and {DARK} = (n.threshold = 0)
    and (n.threshold = 0 or a.id not in (select account_id from silenced where quiet_until > %(last)s::date))
  union all
  select d.account_id, null, d.cycle, 0, d.on_date, null
  from act join ({DARK_TOLD} and %(after)s::int is not null) d on true
  join accounts_account a on a.id = d.account_id and a.paused_at is null and not a.id = any(act.excluded)
   and (act.team_id is null or act.team_id = a.team_id) and {_APPLIED}
), waits as (
  select w.account_id
  from first_warned w
  where not exists (
      select 1 from macros_acknowledgement k
      where k.account_id = w.account_id and k.token_id is not distinct from w.token_id and k.cycle = w.cycle)
    and not exists (
      select 1 from macros_macroaction ac join macros_notice e on e.action_id = ac.id and e.outcome <> 'dropped'
      where ac.macro_id = %(macro)s and ac.kind = 'escalated' and e.account_id = w.account_id
        and e.token_id is not distinct from w.token_id and e.cycle = w.cycle)
  group by w.account_id, w.token_id, w.cycle, w.threshold = 0
  having min(w.fires_on) + %(after)s::int <= least(%(last)s::date, (max(w.deadline) at time zone %(zone)s)::date)
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
       (select count(distinct account_id) from waits),
       (select coalesce(jsonb_agg(day), '[]') from day),
       (select coalesce(jsonb_agg(jsonb_build_array(why, number) order by number desc, why), '[]') from quiet)"""  # noqa: S608  # constants


def _drafted(*, account: str, entry: str, applied: str) -> str:
    """Return the statement of a preview: which accounts `a`, pool entries `p` and accounts of the macro it looks at."""
    steps = STEPS.replace(RULED, account).replace(RULED_ENTRY, entry)
    told = CROSSED.format(on=ON_SEVERAL_DAYS) + TOLD + FOUND
    return DRAFT + steps + told + _PREVIEW.replace(_APPLIED, applied)


# The accounts of a draft are an array, in which nothing is looked up. Of chosen accounts theirs alone are read, of a wider draft all.
_CHOSEN = "= any(%(accounts)s::bigint[])"
PREVIEW = _drafted(account="true", entry=RULED_ENTRY, applied=_APPLIED)
PREVIEW_OF_CHOSEN = _drafted(
    account=f"a.id {_CHOSEN}", entry=f"p.account_id {_CHOSEN}", applied=f"a.id {_CHOSEN}"
)
# On which days a draft tells one address of its account, at which threshold, how it comes to that address, and whether that is news.
_FOR = """
select t.fires_on, t.threshold, t.via, exists (
    select 1 from found f where f.address = t.address and f.threshold = t.threshold and f.fires_on = t.fires_on) as is_news
from told t where t.address = %(address)s
order by 4 desc, 1, 2 limit 1"""
_OF_CHOSEN = STEPS.replace(RULED, f"a.id {_CHOSEN}").replace(RULED_ENTRY, f"p.account_id {_CHOSEN}")
DUE_FOR = DRAFT + _OF_CHOSEN + CROSSED.format(on=ON_SEVERAL_DAYS) + TOLD + FOUND + _FOR
