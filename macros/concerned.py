"""Whom an account still concerns of those who were told about it: it may be another team's since, or a macro names them no longer.

A person whom it concerns sees it, or a team of theirs owns a log-in of it. Others are named by a macro that watches it, or are operators.
Whether they stopped or snoozed their mails is asked elsewhere: it concerns them all the same.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import connection

from users.models import User
from users.recipients import operators
from users.visibility import who_see_all

# Of pairs of an account and an address those where the address sees all, a macro that watches the account names it, the account is one of
# its person (as AccountQuerySet.of_person says of one), or a team of theirs owns a log-in.
_CONCERNED = """
with pair as materialized (
  select x.account_id, x.address, a.team_id, a.channel
  from unnest(%(accounts)s::bigint[], %(addresses)s::text[]) x(account_id, address)
  cross join lateral (select team_id, channel from accounts_account where id = x.account_id offset 0) a
), naming as materialized (
  select distinct m.id, m.team_id, m.scope, m.channels, lower(e) as address, array(
           select x.account_id from macros_mute x where x.macro_id = m.id and x.email = '' and x.ended_at is null) as excluded
  from macros_macro m join macros_macroaction ac on ac.macro_id = m.id cross join lateral unnest(ac.emails) e
  where m.enabled and lower(e) = any(%(addresses)s)
)
select x.account_id, x.address
from pair x join naming m on m.address = x.address
where (m.team_id is null or m.team_id = x.team_id) and not x.account_id = any(m.excluded)
  and case m.scope when 'all' then true when 'channels' then x.channel = any(m.channels)
      else exists (select 1 from macros_macroaccount c where c.macro_id = m.id and c.account_id = x.account_id) end
union
select x.account_id, x.address
from pair x
join accounts_accounttoken p on p.account_id = x.account_id
join tokens_token t on t.id = p.token_id and t.kind = 'system'
join users_membership s on s.team_id = t.team_id
join users_user u on u.id = s.user_id and u.email = x.address and not u.is_contact
union
select x.account_id, x.address
from pair x
join users_user u on u.email = x.address
join users_membership s on s.user_id = u.id and s.team_id = x.team_id
union
select x.account_id, x.address
from pair x
join users_user u on u.email = x.address
join accounts_accounttoken p on p.account_id = x.account_id
join tokens_token t on t.id = p.token_id and t.consented_by_id = u.id
union
select x.account_id, x.address from pair x where x.address = any(%(see_all)s)"""


def of(address: str, account_ids: Collection[int]) -> set[int]:
    """Return which of these accounts (ids) concern an address."""
    return among({address: account_ids})[address]


def among(pairs: Mapping[str, Collection[int]]) -> dict[str, set[int]]:
    """Return for each address (in lower case) which of its accounts (ids) concern it: none, where its person can no longer log in.

    Five queries at most, however many addresses and accounts.
    """
    if not any(pairs.values()):
        return {address: set() for address in pairs}
    last, people = set(operators()), list(User.objects.filter(email__in=pairs))
    left = {one.email for one in people if not one.is_active} - last
    seeing_all = who_see_all(one for one in people if one.is_active)
    everything = last | {one.email for one in people if one.pk in seeing_all}
    found: dict[str, set[int]] = {address: set() for address in pairs}
    for account, address in _concerned(pairs, everything):
        if address not in left:
            found[address].add(account)
    return found


def _concerned(pairs: Mapping[str, Collection[int]], see_all: Collection[str]) -> list[tuple[int, str]]:
    rows = [(account, address) for address, ids in pairs.items() for account in ids]
    values: dict[str, Any] = {
        "accounts": [account for account, _ in rows],
        "addresses": [address for _, address in rows],
        "see_all": list(see_all),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CONCERNED, values)
        return [(account, address) for account, address in cursor.fetchall()]
