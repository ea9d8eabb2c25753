"""Who could back up an account at once: log-ins that its channel's list says reach it, and that its team may use.

Nobody is offered whom the account's team has no right to: the person of the log-in is an active member of that team, or the team owns it (a
system user). Nor somebody who carries the account already, under whatever log-in (counted as `settle` counts people), nor a log-in that was
taken out of this pool on purpose or was never linked to anything: its person chose none of what the list named.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from accounts.models import Account
from tokens.models import Token

# Of an account `a`. Who may be used for it is asked before all else, in an order that PostgreSQL keeps: most log-ins that reach an account
# are of other teams, and each further question costs more. Counts and not joins, or it might read all pools and events for them.
_BY_LIST = """
from accounts_reachedaccount r
join tokens_token t on t.id = r.token_id
join tokens_channelapp app on app.id = t.app_id
where r.native_id = a.native_id and r.can_publish <> 'no' and app.channel = a.channel
  and t.state = 'valid' and t.first_linked_at is not null
"""
_FOREIGN = """
  and case when case when t.kind = 'system' then t.team_id = a.team_id
                else (a.team_id, t.consented_by_id) in (select m.team_id, m.user_id from users_membership m
                                                       join users_user u on u.id = m.user_id
                                                       where u.is_active and not u.is_contact) end is not true then false
"""
_IS_NEW = """
      when (select count(*) from accounts_accounttoken p join tokens_token o on o.id = p.token_id
            where p.account_id = a.id and (p.token_id = t.id or p.access = 'ok' and p.can_publish <> 'no' and o.state <> 'dead'
              and (o.native_user_id = t.native_user_id or o.consented_by_id = t.consented_by_id))) > 0 then false
      {unless}
      else (select count(*) from accounts_accountevent e
            where e.account_id = a.id and e.token_id = t.id and e.kind = 'unlinked') = 0 end
"""
# Nobody is offered who was asked and has not answered, or declined, through another log-in of theirs either.
_ASKED = """when (select count(*) from accounts_askline q join tokens_token o on o.id = q.token_id
            where q.account_id = a.id and q.stage in ('waiting', 'declined')
              and (o.id = t.id or o.consented_by_id = t.consented_by_id)) > 0 then false"""
_THESE = "select id, native_id, channel, team_id from accounts_account where id = any(%(accounts)s)"
# The best first: what depends on nobody's password, may publish for sure, lasts longest. The log-ins that reach the accounts and that their
# teams may use are found first, as one set; the dearer questions are asked of what is left of it.
_OFFERS = f"""
with mine (id, native_id, channel, team_id) as materialized ({{mine}}
), may as materialized (
  select a.id as account_id, its.* from mine a cross join lateral (
    select t.id as token_id, t.native_user_id, t.consented_by_id, t.kind, t.deadline_kind, t.deadline,
           r.role, r.can_publish, r.seen_at {_BY_LIST} {_FOREIGN} else true end
  ) its
)
select may.account_id, may.token_id, may.role, may.can_publish, may.seen_at
from may cross join lateral (select may.account_id as id) a
         cross join lateral (select may.token_id as id, may.native_user_id, may.consented_by_id) t
where case {_IS_NEW}
order by may.account_id, may.kind = 'system' desc, may.can_publish = 'yes' desc, may.deadline_kind = 'never' desc,
         may.deadline desc nulls last, may.token_id
"""  # noqa: S608  # constants of this module only; every value is a parameter


@dataclass(frozen=True)
class Offer:
    """A log-in that could be added to an account, as its channel's list showed it."""

    account_id: int
    token: Token  # with its app and who consented
    role: str  # the channel's own word
    can_publish: str
    seen_at: datetime  # to the day

    @property
    def person(self) -> tuple[str, int]:
        """Whose it is: two log-ins of one person are no two people."""
        person = self.token.consented_by_id
        return ("log-in", self.token.pk) if person is None else ("person", person)


def offers_by_account(*, account_ids: Collection[int]) -> dict[int, list[Offer]]:
    """Return by account who could be added to it, the best first, of one person one log-in. Accounts without any are left out."""
    found: dict[int, list[Offer]] = {}
    for offer in _read(account_ids, _OFFERS.format(mine=_THESE, unless=_ASKED)):
        of_account = found.setdefault(offer.account_id, [])
        if all(offer.person != other.person for other in of_account):
            of_account.append(offer)
    return found


def every_offer(*, account_ids: Collection[int]) -> list[Offer]:
    """Return the same as rows, with all log-ins of a person, and with those who were asked or declined. Two queries, however many."""
    return _read(account_ids, _OFFERS.format(mine=_THESE, unless=""))


def _read(account_ids: Collection[int], query: str) -> list[Offer]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"accounts": list(account_ids)})
        rows = cursor.fetchall()
    tokens = Token.objects.select_related("app", "consented_by").in_bulk({row[1] for row in rows})
    return [
        Offer(account_id, tokens[token_id], role, can_publish, seen_at)
        for account_id, token_id, role, can_publish, seen_at in rows
        if token_id in tokens
    ]


def accounts_with_backup_at_hand(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts that one person carries, or nobody, and to which somebody could be added at once. Paused ones are left out."""
    alone = accounts.filter(people_count__lte=1, paused_at=None)
    facts = alone.order_by().values_list("pk", "native_id", "channel", "team_id")
    try:
        of_these, values = facts.query.sql_with_params()
    except EmptyResultSet:  # of somebody without a team
        return accounts.none()
    offers = _OFFERS.format(mine=of_these, unless=_ASKED)  # constants, and what Django makes of the accounts
    found = RawSQL(f"select account_id from ({offers}) offers", tuple(values))  # noqa: S608, S611
    return alone.filter(pk__in=found)
