"""Whom an account still concerns of those who were told about it: it may be another team's since, or a macro names them no longer.

A person whom it concerns sees it, or a team of theirs owns a log-in of it. Others are named by a macro that watches it, or are operators.
Whether they stopped or snoozed their mails is asked elsewhere: it concerns them all the same.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import connection

from accounts.models import Account
from users.models import User
from users.recipients import operators

# Of pairs of an account and an address those where a macro that watches the account names the address, or a team of its owns a log-in.
_NAMED = """
with pair as materialized (
  select x.account_id, x.address, a.team_id, a.channel
  from unnest(%(accounts)s::bigint[], %(addresses)s::text[]) x(account_id, address)
  cross join lateral (select team_id, channel from accounts_account where id = x.account_id offset 0) a
), naming as materialized (
  select distinct m.id, m.team_id, m.scope, m.channels, m.excluded, lower(e) as address
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
join users_user u on u.id = s.user_id and u.email = x.address and not u.is_contact"""


def of(address: str, account_ids: Collection[int]) -> set[int]:
    """Return which of these accounts (ids) concern an address."""
    return among({address: account_ids})[address]


def among(pairs: Mapping[str, Collection[int]]) -> dict[str, set[int]]:
    """Return for each address (in lower case) which of its accounts (ids) concern it: none, where its person can no longer log in.

    Three queries, and few more for each person about whom no macro says it.
    """
    if not any(pairs.values()):
        return {address: set() for address in pairs}
    people = {one.email: one for one in User.objects.filter(email__in=pairs)}
    found = _named(pairs)
    last = set(operators())
    for address, ids in pairs.items():
        person, left = people.get(address), set(ids) - found[address]
        if address in last:
            found[address] |= left
        elif person is not None and not person.is_active:
            found[address] = set()
        elif person is not None and left:
            seen = Account.objects.visible_to(person).filter(pk__in=left)
            found[address] |= set(seen.values_list("pk", flat=True))
    return found


def _named(pairs: Mapping[str, Collection[int]]) -> dict[str, set[int]]:
    rows = [(account, address) for address, ids in pairs.items() for account in ids]
    found: dict[str, set[int]] = {address: set() for address in pairs}
    values: dict[str, Any] = {
        "accounts": [account for account, _ in rows],
        "addresses": [address for _, address in rows],
    }
    with connection.cursor() as cursor:
        cursor.execute(_NAMED, values)
        for account, address in cursor.fetchall():
            found[address].add(account)
    return found
