"""Turning Pinterest's answers into our dataclasses. A strange field is left out or unknown, never an exception."""

from collections.abc import Iterable, Mapping
from typing import Any

from tokens.channels.kinds import Identity, NativeAccount
from tokens.channels.parse import digits, mapping, name_of, names, words
from tokens.channels.pinterest import policy
from tokens.channels.roles import unless_lacking
from tokens.channels.sessions import Scopes

LONGEST_MESSAGE = 260  # characters of Pinterest's own words on a restriction that are kept


def account_of(body: Any, *, scopes: Scopes, person: Identity | None = None) -> NativeAccount | None:
    """Read one ad account; None where it has no usable id. Pinterest tells no status, no time zone and no restriction.

    `person`: who asks, whose business name we know; of other owners Pinterest tells the username only.
    """
    row = mapping(body)
    native_id = digits(row.get("id"))
    if not native_id:
        return None
    role, can_publish = policy.ROLES.widest(names(row.get("permissions")))
    return NativeAccount(
        native_id=native_id,
        name=name_of(row.get("name"), 300) or native_id,
        currency=words(row.get("currency"), 3),
        restriction=None,
        role=role,
        can_publish=unless_lacking(can_publish, policy.PUBLISHING_SCOPE, scopes),
        business=_business(mapping(row.get("owner")), person),
    )


def restriction(codes: Iterable[int | str], message: str) -> str:
    """Return in plain words why Pinterest limits an account."""
    found = [words for code, words in policy.RESTRICTIONS.items() if code in set(codes)]
    if not found:
        return message[:300] or "restricted"
    return f"{found[0]}, “{message[:LONGEST_MESSAGE]}”" if message else found[0]


def _business(owner: Mapping[str, Any], person: Identity | None) -> str:
    name = owner.get("username")
    if person is not None and digits(owner.get("id")) == person.native_user_id:
        name = person.name
    return words(name, 100).strip()
