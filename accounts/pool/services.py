"""Settling: what the pool of an account decides.

The only writer of an account's active token, state, reason, since, deadline, usable count, count of people and cycle, and of the mark on
pool entries that the account's team does not take. Set-based, in the transaction that changed a token, a pool or a team. The accounts are
locked first, and the facts are read in later statements: in one statement the snapshot would be older than the lock, and a token that has
just died could become active.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import Account, AccountEvent, AccountNews, AccountToken
from accounts.pool.health import OUTSIDE
from tokens.models import Token
from users.models import User

# `fact` and `choice` are materialized: where PostgreSQL takes the tables for empty, it would work them out again for each account.
# `offset 0` makes PostgreSQL look up each of the tokens concerned: for ten thousand accounts it would rather read all tokens of the
# installation.

# Entries whose mark differs from what their team says. An imported log-in has no person here, and belongs to the account's team.
_OUTSIDE = """
  select a.members_only and (
    case when t.kind = 'system' then t.team_id is distinct from a.team_id
         when t.consented_by_id is null then false
         else not exists (select 1 from users_membership m where m.team_id = a.team_id and m.user_id = t.consented_by_id) end
  ) as outside
  from tokens_token t where t.id = p.token_id"""
_IS_WRONG = "where w.outside <> (p.access_reason = 'outside_team') and (p.access = 'ok' or not w.outside)"
_WALLED = f"""
select p.id, p.account_id
from accounts_accounttoken p
join (
  select a.id, a.team_id, team.members_only from accounts_account a join users_team team on team.id = a.team_id
) a on a.id = p.account_id
cross join lateral ({_OUTSIDE}) w
{_IS_WRONG} and (a.members_only or p.access_reason = 'outside_team')
"""  # noqa: S608  # constants of this module only

# The same of some accounts. Each entry is looked up by its account, and each log-in by its entry: where PostgreSQL has statistics of tables
# that held nothing when it looked, it compared every entry with every account and every other entry, 12 s for 300 accounts.
_WALL = f"""
with mine as materialized (
  select a.id, a.team_id, team.members_only
  from accounts_account a join users_team team on team.id = a.team_id where a.id = any(%(accounts)s)
), wrong as materialized (
  select p.id, w.outside
  from mine a cross join lateral (
    select id, token_id, access, access_reason from accounts_accounttoken
    where account_id = a.id and (a.members_only or access_reason = 'outside_team') offset 0
  ) p cross join lateral ({_OUTSIDE} offset 0) w
  {_IS_WRONG}
)
update accounts_accounttoken p set access = case when w.outside then 'lost' else 'ok' end,
                                   access_reason = case when w.outside then 'outside_team' else '' end
from wrong w where w.id = p.id
"""  # noqa: S608  # constants of this module only; every value is a parameter

_FACTS = """
with mine as materialized (
  select id, active_token_id, state, since, deadline_kind, deadline, cycle_deadline, paused_at
  from accounts_account where (%(accounts)s::bigint[] is null or id = any(%(accounts)s))
), living as materialized (
  select p.account_id, p.token_id, p.rank, t.kind, t.deadline, t.deadline_kind, t.proven_at,
         t.state = 'valid' and p.doubt <> 'stopped' as usable,
         t.doubted_at is not null or p.doubt = 'doubted' as doubted, t.demoted_at is not null as demoted,
         t.native_user_id, coalesce(t.consented_by_id::text, 'native ' || t.native_user_id) as person
  from accounts_accounttoken p
  cross join lateral (
    select kind, state, deadline, deadline_kind, proven_at, doubted_at, demoted_at, native_user_id, consented_by_id
    from tokens_token where id = p.token_id offset 0
  ) t
  where (%(accounts)s::bigint[] is null or p.account_id = any(%(accounts)s))
    and t.state <> 'dead' and p.access = 'ok' and p.can_publish <> 'no'
), fact as materialized (
  select account_id,
         count(*) filter (where usable) as usable_count,
         least(count(distinct native_user_id), count(distinct person)) as people_count,
         case when bool_or(deadline_kind = 'never') then 'never'
              when bool_or(deadline_kind = 'date') then 'date' else 'unknown' end as deadline_kind,
         case when not bool_or(deadline_kind = 'never') then max(deadline) end as deadline
  from living group by account_id
), choice as materialized (
  select distinct on (l.account_id) l.account_id, l.token_id
  from living l join mine a on a.id = l.account_id
  order by l.account_id,
           l.usable desc,                                       -- a cooling token only when nothing else lives
           l.doubted,                                           -- the channel says that it is over; nobody else may be there
           l.demoted,                                           -- its answers blame our app, those of others do not
           l.token_id = %(prefer)s::bigint desc nulls last,     -- staff said "Make active"
           l.token_id = a.active_token_id desc nulls last,      -- the active one stays while it is usable
           l.rank nulls last,
           l.kind = 'system' desc,                              -- it does not depend on a person's password
           l.deadline_kind = 'never' desc, l.deadline desc nulls last, l.proven_at desc nulls last, l.token_id
), next as (
  select a.id, a.active_token_id as old_token_id, a.state as old_state, c.token_id as active_token_id,
         coalesce(f.usable_count, 0) as usable_count, coalesce(f.people_count, 0) as people_count,
         coalesce(f.deadline_kind, 'none') as deadline_kind, f.deadline,
         -- From where the cycle began and not from the last move: many small moves must not add up unseen.
         a.deadline_kind <> coalesce(f.deadline_kind, 'none') or coalesce(
           f.deadline not between coalesce(a.cycle_deadline, a.deadline) - interval '1 day'
                              and coalesce(a.cycle_deadline, a.deadline) + interval '1 day', false)
           -- What was dark, though its deadline was to come, is told again the next time.
           or a.state = 'interrupted' and f.usable_count > 0 and a.since <= %(now)s::timestamptz - interval '1 hour' as starts_cycle,
         case when a.paused_at is not null then 'paused'
              when f.usable_count > 0 then 'connected'
              when f.account_id is not null then 'interrupted' else 'deactivated' end as state
  from mine a left join fact f on f.account_id = a.id left join choice c on c.account_id = a.id
)"""

_DIFFERS = """(a.active_token_id, a.usable_count, a.people_count, a.deadline_kind, a.deadline, a.state)
     is distinct from (n.active_token_id, n.usable_count, n.people_count, n.deadline_kind, n.deadline, n.state) or n.starts_cycle"""

SETTLE = f"""{_FACTS}, changed as (
  update accounts_account a set
    active_token_id = n.active_token_id, usable_count = n.usable_count, people_count = n.people_count,
    deadline_kind = n.deadline_kind, deadline = n.deadline, state = n.state,
    cycle = a.cycle + n.starts_cycle::int,
    cycle_since = case when n.starts_cycle then %(now)s else a.cycle_since end,
    cycle_deadline = case when n.starts_cycle then n.deadline else coalesce(a.cycle_deadline, a.deadline) end,
    since = case when a.state = n.state then a.since
                 when %(cause)s = 'resumed' and n.state = 'deactivated' then coalesce((  -- dark since before it was paused
                   select min(e.at) from accounts_accountevent e where e.account_id = a.id and e.kind = 'deactivated' and not exists (
                     select 1 from accounts_accountevent o
                     where o.account_id = a.id and o.kind in ('connected', 'interrupted') and (o.at, o.id) > (e.at, e.id))), %(now)s)
                 else %(now)s end,
    reason = case when n.state = a.state then a.reason when n.state = 'connected' then ''
                  when %(cause)s <> 'resumed' then %(cause)s
                  -- what stopped it happened before or while it was paused
                  else coalesce((select case when t.state = 'valid' then p.access_reason else t.reason end
                                 from accounts_accounttoken p join tokens_token t on t.id = p.token_id where p.account_id = a.id
                                 order by t.state = 'cooling' desc, t.state = 'dead' desc, t.state_since desc, t.id limit 1), '') end
  from next n
  where a.id = n.id and (%(accounts)s::bigint[] is null or a.id = any(%(accounts)s)) and ({_DIFFERS})
  returning a.id, n.old_token_id, n.active_token_id, n.old_state, n.state
), written as (
  insert into accounts_accountevent (account_id, from_token_id, token_id, token_event_id, kind, cause, source, actor_id, note, at)
  select c.id, c.old_token_id, c.active_token_id,
         its.id,
         case when c.state <> c.old_state then c.state when %(prefer)s::bigint is not null then 'switched' else 'shifted' end,
         %(cause)s, %(source)s, %(actor)s, %(note)s, %(now)s
  from changed c left join lateral (  -- of one log-in it is looked up once, for however many accounts
    select e.id from tokens_tokenevent e where e.token_id = c.old_token_id and e.at = %(now)s order by e.id desc limit 1
  ) its on true
  where c.state <> c.old_state or c.active_token_id is distinct from c.old_token_id
  returning account_id, kind
)
insert into accounts_accountnews (account_id, at, due_at)
select account_id, %(now)s, %(now)s from written where kind in ('shifted', 'deactivated', 'interrupted', 'connected')
"""  # noqa: S608  # constants of this module only; every value is a parameter

_DIFFERENCES = (
    f"{_FACTS} select a.id from accounts_account a join next n on n.id = a.id where {_DIFFERS} order by a.id"  # noqa: S608
)


def settle(
    *,
    token_ids: Iterable[int] | None = None,
    account_ids: Iterable[int] | None = None,
    cause: str,
    now: datetime,
    source: str = "",
    actor: User | None = None,
    note: str = "",
    prefer: int | None = None,
) -> None:
    """Recompute the accounts given, and those whose pool holds one of the tokens given, and write an event per shift or change of state.

    `prefer` names a token that staff made active; it is taken only while it is usable. Must run inside a transaction (else raises
    TransactionManagementError), with the rows of changed tokens locked already: nobody who holds an account asks for a token.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "settle must run in the transaction that changed the pool."
        )
    accounts = _lock(token_ids, account_ids)
    if not accounts:
        return
    values: dict[str, Any] = {
        "accounts": accounts,
        "now": now,
        "cause": cause,
        "source": source,
        "actor": actor and actor.pk,
        "note": note,
        "prefer": prefer,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WALL, values)
        cursor.execute(SETTLE, values)


def settle_team(*, team_id: int, now: datetime) -> None:
    """Settle those accounts of a team whose wall does not stand where the team and its people say, in a transaction of its own."""
    with transaction.atomic():
        settle(account_ids=_behind_wrong_walls(team_id), cause=OUTSIDE, now=now, source="staff")


def _behind_wrong_walls(team_id: int | None = None) -> list[int]:
    """Return the accounts, of one team or of all, that refuse whom they should take, or the other way round."""
    of_team = "" if team_id is None else "and a.team_id = %(team)s"
    with connection.cursor() as cursor:
        query = f"select distinct account_id from ({_WALLED} {of_team}) w order by 1"  # noqa: S608  # constants of this module
        cursor.execute(query, {"team": team_id})
        return [row[0] for row in cursor.fetchall()]


def pass_on(*, account: Account, token: Token) -> None:
    """Let a person's new log-in take the place of the old one: it is no shift. The caller holds the account's lock, and settles."""
    account.active_token = token
    account.save(update_fields=["active_token"])


def differences() -> list[int]:
    """Return the accounts whose stored decision is not what their pool says now. There must be none; the nightly check reports them."""
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES, {"accounts": None, "prefer": None, "now": None})
        wrong = {row[0] for row in cursor.fetchall()}
    return sorted(wrong.union(_behind_wrong_walls()))


def _lock(token_ids: Iterable[int] | None, account_ids: Iterable[int] | None) -> list[int]:
    ids = set(account_ids or ())
    if token_ids is not None:
        pools = AccountToken.objects.filter(token_id__in=list(token_ids))
        ids.update(pools.values_list("account_id", flat=True))
    locked = Account.objects.filter(pk__in=ids).locked()
    return list(locked.values_list("pk", flat=True))


_TOLD = {AccountEvent.Kind.ACCESS, AccountEvent.Kind.RESTRICTED, AccountEvent.Kind.UNRESTRICTED}


def note_news(account_ids: Iterable[int], now: datetime) -> None:
    """Note that something happened to accounts (ids) that people may have to be told, in the transaction of its cause."""
    AccountNews.objects.bulk_create(AccountNews(account_id=pk, at=now, due_at=now) for pk in account_ids)


def record_event(
    *,
    account: Account,
    kind: AccountEvent.Kind,
    now: datetime,
    token_id: int | None = None,
    cause: str = "",
    source: str = "",
    actor: User | None = None,
    note: str = "",
) -> None:
    """Write one event of an account that is no shift and no change of state; people are told of what takes it from them."""
    if kind in _TOLD:
        note_news([account.pk], now)
    AccountEvent.objects.create(
        account=account,
        token_id=token_id,
        kind=kind,
        cause=cause,
        source=source,
        actor=actor,
        note=note,
        at=now,
    )


def stopped_by_team(*, team_ids: Collection[int], since: datetime) -> QuerySet[Account]:
    """Return the accounts of these teams that stopped since then because their team no longer takes the log-ins that carried them."""
    found = Account.objects.filter(team__in=team_ids, state=Account.State.DEACTIVATED, reason=OUTSIDE)
    return found.filter(since__gte=since).order_by("name", "pk")


def note_actor(*, team_ids: Collection[int], since: datetime, actor: User) -> None:
    """Write who did it onto what stopped or shifted since then. The leads are told, but for whoever did it."""
    events = AccountEvent.objects.filter(account__team__in=team_ids, cause=OUTSIDE, at__gte=since, actor=None)
    events.update(actor=actor)
