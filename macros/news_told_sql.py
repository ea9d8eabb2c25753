"""The SQL of what happened to the accounts of a draft of a macro, as far as it would have been told at once: for its preview."""

# Each event with which kind of action it is news for, else "", and what else ends a state. Of each account in order. What works again had
# stopped, or was restricted, for longer than a minute: else that was told to nobody. Who links an account reads that it is restricted. A
# shift was not told while the account was snoozed for everybody. See `news_sql.LOOK`, which asks the same of what is fresh.
HAPPENED = """
select e.account_id, extract(epoch from e.at)::float8, e.kind,
  case
    when e.at <= %(since)s or k.kind is null or not k.kind = any(%(kinds)s) then ''
    when e.kind = 'deactivated' and e.cause = 'resumed' and not coalesce((
      select p.kind <> 'deactivated' from accounts_accountevent p
      where p.account_id = e.account_id and p.id < e.id and p.kind in ('connected', 'deactivated', 'interrupted')
      order by p.at desc, p.id desc limit 1), false) then ''
    when e.kind = 'shifted' and (e.from_token_id is null or exists (
      select 1 from macros_silence s where s.account_id = e.account_id and s.email = '' and s.started_at <= e.at
        and coalesce(s.ended_at, 'infinity') > e.at)) then ''
    when e.kind = 'connected' and not coalesce((
      select p.kind = 'deactivated' and e.at - p.at > interval '1 minute' from accounts_accountevent p
      where p.account_id = e.account_id and p.id < e.id and p.kind in ('connected', 'deactivated', 'paused')
      order by p.at desc, p.id desc limit 1), false) then ''
    when e.kind = 'unrestricted' and not coalesce((
      select e.at - p.at > interval '1 minute' from accounts_accountevent p
      where p.account_id = e.account_id and p.id < e.id and p.kind = 'restricted' order by p.at desc, p.id desc limit 1), false) then ''
    when e.kind = 'restricted' and e.at - a.created_at <= interval '1 minute' then ''
    else k.kind end
from accounts_accountevent e
left join (values ('deactivated', 'deactivated'), ('shifted', 'shifted'), ('connected', 'recovered'), ('unrestricted', 'recovered'),
                  ('restricted', 'restricted')) k(of_event, kind) on k.of_event = e.kind
join accounts_account a on a.id = e.account_id and (%(team)s::bigint is null or a.team_id = %(team)s)
where e.at > %(since)s - interval '1 hour'
  and e.kind in ('deactivated', 'shifted', 'connected', 'unrestricted', 'restricted', 'interrupted', 'paused')
  and case %(scope)s when 'all' then true when 'channels' then a.channel = any(%(channels)s::text[])
      else a.id = any(%(accounts)s::bigint[]) end
  and not a.id = any(%(excluded)s::bigint[])
order by e.account_id, e.at, e.id"""
