"""Turning Pinterest's answers into our dataclasses. A strange field is left out or unknown, never an exception."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tokens.channels.base import CanPublish, Dates, DateSource, NativeAccount
from tokens.channels.pinterest import policy
from tokens.channels.table import mapping, number, words

LATEST = 4_102_444_800  # 2100-01-01: anything beyond is garbage
LONGEST = timedelta(days=3650)


def canonical_id(native_id: str) -> str:
    """Return an ad account's id. Raises ValueError on everything that is not digits only."""
    found = native_id.strip()
    if not _is_id(found):
        raise ValueError("A Pinterest ad account's id is a number, such as 549755885175.")
    return found


def dates_of(body: Mapping[str, Any], now: datetime) -> Dates:
    """Read both clocks of a token answer, as Pinterest counts them; numbers may come as text. What is missing stays unknown."""
    access = _after(body.get("expires_in"), now)
    refresh = _after(body.get("refresh_token_expires_in"), now) or _moment(
        body.get("refresh_token_expires_at")
    )
    sources: dict[str, DateSource] = {}
    if access is not None:
        sources["access"] = "provider"
    if refresh is not None:
        sources["refresh"] = "provider"
    return Dates(issued_at=now, access_expires_at=access, refresh_expires_at=refresh, sources=sources)


def scopes_of(value: Any) -> tuple[str, ...] | None:
    """Read `scope`, which may be parted by commas or spaces; None where nothing is said."""
    names = [name for name in re.split(r"[\s,]+", words(value, 2000)) if name]
    return tuple(dict.fromkeys(names)) or None


def token_of(value: Any) -> str:
    """Return a token's text, or nothing."""
    return value if isinstance(value, str) and value.strip() and len(value) <= 10_000 else ""


def user_id(body: Any) -> str:
    """Return the native user's id, or nothing. Not the username, which changes."""
    found = mapping(body).get("id")
    text = str(found) if number(found) is not None else words(found, 60)
    return text if _is_id(text) else ""


def account_of(body: Any, *, scopes: Iterable[str] | None) -> NativeAccount | None:
    """Read one ad account; None where it has no usable id. Pinterest tells no status, no time zone and no restriction."""
    row = mapping(body)
    native_id = user_id(row)
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
    )


def restriction(codes: Iterable[int | str], message: str) -> str:
    """Return in plain words why Pinterest limits an account."""
    found = [words for code, words in policy.RESTRICTIONS.items() if code in set(codes)]
    return f"{found[0]}: {message}"[:300].removesuffix(": ") if found else message[:300] or "restricted"


def _role(permissions: Any, granted: frozenset[str] | None) -> tuple[str, CanPublish]:
    """Return the role's name, and whether it and the scopes let this person publish."""
    lacks = granted is not None and policy.PUBLISHING_SCOPE not in granted
    if not isinstance(permissions, list):
        return "", "no" if lacks else "unknown"
    role, can_publish = policy.role(name for name in permissions if isinstance(name, str))
    return role, "no" if lacks else can_publish


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 30


def _after(value: Any, now: datetime) -> datetime | None:
    seconds = number(value)
    if seconds is None or seconds <= 0:
        return None
    return now + timedelta(seconds=min(seconds, int(LONGEST.total_seconds())))


def _moment(value: Any) -> datetime | None:
    seconds = number(value)
    if seconds is None or not 0 < seconds < LATEST:
        return None
    return datetime.fromtimestamp(seconds, UTC)
