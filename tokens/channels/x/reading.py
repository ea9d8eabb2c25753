"""Reading X's objects without trusting their shape."""

import re
from dataclasses import replace
from typing import Any

from tokens.channels.kinds import NativeAccount
from tokens.channels.parse import digits, mapping, name_of, names, spelt, words
from tokens.channels.x import policy

ID = re.compile(r"[0-9a-z]{1,20}")


def user_id(body: Any) -> str:
    """Return the native user's id of verify_credentials or users/me, or nothing. `id` may be a number too large for some readers."""
    said = mapping(mapping(body).get("data")) or mapping(body)
    return digits(said.get("id_str")) or digits(said.get("id"))


def user_name(body: Any) -> str:
    """Return what the native user is called, by either of the two."""
    said = mapping(mapping(body).get("data")) or mapping(body)
    return next(
        (found for key in ("name", "screen_name", "username") if (found := name_of(said.get(key), 200))), ""
    )


def account(data: Any) -> NativeAccount | None:
    """Read one ad account, its role left open; None where it has no usable id. X names no currency here."""
    said = mapping(data)
    native_id = spelt(said.get("id"), ID)
    if not native_id:
        return None
    status = words(said.get("approval_status"), 60)
    deleted = said.get("deleted") is True
    return NativeAccount(
        native_id=native_id,
        name=name_of(said.get("name"), 200) or native_id,
        time_zone=words(said.get("timezone"), 60),
        native_status="DELETED" if deleted else status,
        restriction="deleted" if deleted else policy.restriction(status),
        closed=deleted,
        business=words(said.get("business_name"), 100).strip(),
    )


def with_funding(found: NativeAccount, body: Any) -> NativeAccount:
    """Add what the payment methods say: the currency, and whether anything can pay. X tells both nowhere else."""
    said = mapping(body).get("data")
    rows = [mapping(row) for row in said] if isinstance(said, list) else []
    currency = next((one for row in rows if len(one := words(row.get("currency"), 4)) == 3), "")
    problem = "" if words(mapping(body).get("next_cursor")) else policy.funding(rows)
    return replace(found, currency=currency, restriction=found.restriction or problem)


def with_role(found: NativeAccount, body: Any) -> NativeAccount | None:
    """Add what authenticated_user_access says; None where it says nothing."""
    permissions = names(mapping(mapping(body).get("data")).get("permissions"))
    if permissions is None:
        return None
    role, can_publish = policy.ROLES.widest(permissions)
    return replace(found, role=role, can_publish=can_publish)
