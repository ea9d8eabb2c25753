"""Turning TikTok's answers into our dataclasses. A strange field is left out or unknown, never an exception."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tokens.channels.kinds import NativeAccount
from tokens.channels.parse import digits, mapping, name_of, number, words
from tokens.channels.tiktok import policy


def rows(data: Any) -> list[Mapping[str, Any]] | None:
    """Return the objects of `list`; None where there is no list."""
    found = mapping(data).get("list")
    return [mapping(row) for row in found] if isinstance(found, list) else None


def pages(data: Any) -> int:
    """Return how many pages there are; 1 where the answer does not say."""
    return number(mapping(mapping(data).get("page_info")).get("total_page")) or 1


def scopes(value: Any) -> tuple[str, ...] | None:
    """Return the numbers of the permissions as text; None where TikTok does not say. Some have 19 digits."""
    if not isinstance(value, list):
        return None
    return tuple(found for one in value if (found := digits(one)))


def account(row: Mapping[str, Any]) -> NativeAccount | None:
    """Read one ad account of advertiser/info, its role left open; None where it has no usable id.

    The `role` in it is the kind of ad account, not what the person may do.
    """
    found = digits(row.get("advertiser_id"))
    if not found:
        return None
    status = words(row.get("status"), 60)
    return NativeAccount(
        native_id=found,
        name=name_of(row.get("name"), 300) or found,
        currency=words(row.get("currency"), 3),
        time_zone=words(row.get("display_timezone"), 64) or words(row.get("timezone"), 64),
        native_status=status,
        restriction=policy.restriction(status, words(row.get("rejection_reason"), 1000)),
        closed=status == policy.DISABLED,
    )


def with_role(found: NativeAccount, names: Iterable[str]) -> NativeAccount:
    """Add what the Business Centers say of the person; no role leaves "can publish" open."""
    role, can_publish = policy.ROLES.widest(names)
    return replace(found, role=role, can_publish=can_publish)


def centers(listed: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Return the ids of the Business Centers in rows of bc/get."""
    for row in listed:
        if found := digits(mapping(row.get("bc_info")).get("bc_id")):
            yield found


def assets(listed: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Return (ad account, role, owner) of the rows of bc/asset/get that a Business Center really holds.

    The owner is the Business Center's name, which need not be the one that was asked.
    """
    for row in listed:
        found = digits(row.get("asset_id"))
        if found and words(row.get("relation_status"), 40) not in policy.UNRELATED:
            yield found, words(row.get("advertiser_role"), 40), words(row.get("owner_bc_name"), 100).strip()
