"""Turning Pinterest's answers into our dataclasses. A strange field is left out or unknown, never an exception."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext

from tokens.channels.kinds import CanPublish, Dates, DateSource, Identity, NativeAccount
from tokens.channels.parse import digits, end_of_life, mapping, moment, words
from tokens.channels.pinterest import policy

LONGEST_MESSAGE = 260  # characters of Pinterest's own words on a restriction that are kept


def canonical_id(native_id: str) -> str:
    """Return an ad account's id. Raises ValueError on everything that is not digits only."""
    found = digits(native_id.strip())
    if not found:
        raise ValueError(gettext("A Pinterest ad account's id is a number, such as 549755885175."))
    return found


def dates_of(body: Mapping[str, Any], now: datetime) -> Dates:
    """Read both clocks of a token answer, as Pinterest counts them; numbers may come as text. What is missing stays unknown."""
    access = end_of_life(body.get("expires_in"), now)
    refresh = end_of_life(body.get("refresh_token_expires_in"), now)
    refresh = refresh or moment(body.get("refresh_token_expires_at"))
    sources: dict[str, DateSource] = {}
    if access is not None:
        sources["access"] = "provider"
    if refresh is not None:
        sources["refresh"] = "provider"
    return Dates(issued_at=now, access_expires_at=access, refresh_expires_at=refresh, sources=sources)


def user_id(body: Any) -> str:
    """Return the native user's id, or nothing. Not the username, which changes."""
    return digits(mapping(body).get("id"))


def account_of(
    body: Any, *, scopes: Iterable[str] | None, person: Identity | None = None
) -> NativeAccount | None:
    """Read one ad account; None where it has no usable id. Pinterest tells no status, no time zone and no restriction.

    `person`: who asks, whose business name we know; of other owners Pinterest tells the username only.
    """
    row = mapping(body)
    native_id = digits(row.get("id"))
    if not native_id:
        return None
    role, can_publish = _role(row.get("permissions"), None if scopes is None else frozenset(scopes))
    return NativeAccount(
        native_id=native_id,
        name=words(row.get("name"), 300) or native_id,
        currency=words(row.get("currency"), 3),
        restriction=None,
        role=role,
        can_publish=can_publish,
        business=_business(mapping(row.get("owner")), person),
    )


def restriction(codes: Iterable[int | str], message: str) -> str:
    """Return in plain words why Pinterest limits an account."""
    found = [str(words) for code, words in policy.RESTRICTIONS.items() if code in set(codes)]
    if not found:
        return message[:300] or "restricted"
    return f"{found[0]}, “{message[:LONGEST_MESSAGE]}”" if message else found[0]


def _business(owner: Mapping[str, Any], person: Identity | None) -> str:
    name = owner.get("username")
    if person is not None and digits(owner.get("id")) == person.native_user_id:
        name = person.name
    return words(name, 100).strip()


def _role(permissions: Any, granted: frozenset[str] | None) -> tuple[str, CanPublish]:
    """Return the role's name, and whether it and the scopes let this person publish."""
    lacks = granted is not None and policy.PUBLISHING_SCOPE not in granted
    if not isinstance(permissions, list):
        return "", "no" if lacks else "unknown"
    role, can_publish = policy.role(name for name in permissions if isinstance(name, str))
    return role, "no" if lacks else can_publish
