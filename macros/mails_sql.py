"""The SQL of the mails that carry notices: which are written, what of them still holds when they are made, what they have told."""

from macros.told_sql import NOT_WATCHED, ONCE_MORE, STILL_NAMED

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

STILL_TOLD = f"""
with carried as materialized (select * from macros_notice where id = any(%(notices)s)){ONCE_MORE}
select distinct notice_id from told where address = any(%(readers)s)"""  # noqa: S608  # constants

# Messages: each its id, evaluation and recipient, and the team whose notices alone it carries, 0 for one that was deleted, or null for a
# mail about several teams; and the notices `n` of one. A notice whose team was deleted has none.
_MAILS = """
    unnest(%(messages)s::bigint[], %(evaluations)s::bigint[], %(recipients)s::text[], %(teams)s::bigint[])
    as mail(message_id, evaluation_id, recipient, team_id)"""
_CARRIES = """
    n.evaluation_id = mail.evaluation_id and n.recipient = mail.recipient
    and (mail.team_id is null or coalesce(n.team_id, 0) = mail.team_id) and n.outcome <> 'dropped'"""

# What messages that are sent have told; returns the accounts that they told as deactivated.
MAILED = f"""
with told as (
  update macros_notice n set outcome = 'mailed', outcome_reason = '', told_at = %(now)s from {_MAILS} where {_CARRIES}
  returning mail.message_id, n.account_id, n.threshold
)
select message_id, account_id from told where threshold = 0"""  # noqa: S608  # constants

# What messages carry, each the most urgent first: notices of the first accounts (%(most)s) of each, and those that no longer hold, with
# why, as a code; "" where they do. Each row says of its message how many accounts still hold, and whether it may be stopped. A mail that
# leaves after a date says nothing of that date: that the account is dark is told once it is.
STILL_WANTED = f"""
with carried as materialized (
  select mail.message_id, n.* from {_MAILS} join macros_notice n on {_CARRIES}
){ONCE_MORE}
, judged as (
  select n.message_id, n.id, n.account_id, n.action_id is not null and n.via <> 'operator' as names_reader,
       row_number() over (order by n.threshold <> 0, coalesce(case when n.token_id is null then a.deadline else t.deadline end, 'epoch'),
                                   a.name collate "C", n.id) as urgency,
       case {NOT_WATCHED}
            when n.threshold = 0 and (a.state not in ('deactivated', 'interrupted') or a.cycle <> n.cycle) then 'works_again'
            when n.threshold > 0 and n.token_id is null and a.cycle <> n.cycle then 'deadline_moved'
            when n.threshold > 0 and n.token_id is not null and (t.state = 'dead' or not exists (
                select 1 from accounts_accounttoken p
                where p.account_id = a.id and p.token_id = t.id and p.access = 'ok')) then 'log_in_ended'
            when n.threshold > 0 and n.token_id is not null and t.cycle <> n.cycle then 'log_in_deadline_moved'
            when n.threshold > 0 and case when n.token_id is null then a.deadline else t.deadline end <= %(now)s then 'date_passed'
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
