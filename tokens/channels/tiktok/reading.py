"""What TikTok calls things and how long its authorisations last, with sources, and its answers read into our dataclasses.

A strange field is left out or unknown, never an exception.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext_noop

from tokens.channels.kinds import Lifetime, NativeAccount, Renewal
from tokens.channels.parse import digits, mapping, name_of, number, words
from tokens.channels.roles import RoleTable

LIFETIME = Lifetime(
    access=None,
    source="https://business-api.tiktok.com/portal/docs?id=1738373164380162",
    checked="2026-11-25",
)

# Of the rare log-in that came with a date, which others had for 24 hours, and a refresh token.
RENEWAL = Renewal(
    exchange=False, source=LIFETIME.source, every=timedelta(hours=12), spare=timedelta(minutes=5)
)

# advertiser_role of Business Center assets, the widest first. Operators make and edit campaigns, analysts only look.
# https://business-api.tiktok.com/portal/docs?id=1739432717798401
ROLES = RoleTable(
    {"ADMIN": "Admin", "OPERATOR": "Operator", "ANALYST": "Analyst"},
    publishing=frozenset({"ADMIN", "OPERATOR"}),
    none=("", "unknown"),
)
# relation_status of an asset: with these the Business Center has (or has no longer) only asked for the ad account.
UNRELATED = frozenset({"UNBOUND", "PENDING", "REJECTED"})

LIMITED, DISABLED = "STATUS_LIMIT", "STATUS_DISABLE"
# Why an ad account cannot run ads, by its `status`. What is not here restricts nothing: STATUS_ENABLE, a change of the account's data
# that is under review or was refused (STATUS_PENDING_CONFIRM_MODIFY, STATUS_CONFIRM_MODIFY_FAIL), and what we do not know.
RESTRICTIONS = {
    LIMITED: gettext_noop("suspended"),
    DISABLED: gettext_noop("closed"),
    "STATUS_PENDING_CONFIRM": gettext_noop("not yet approved"),
    "STATUS_PENDING_VERIFIED": gettext_noop("not yet verified"),
    "STATUS_CONFIRM_FAIL": gettext_noop("not approved"),
    "STATUS_CONFIRM_FAIL_END": gettext_noop("not approved"),
    "STATUS_WAIT_FOR_BPM_AUDIT": gettext_noop("not yet approved"),
    "STATUS_WAIT_FOR_PUBLIC_AUTH": gettext_noop("the company is not yet verified"),
    "STATUS_SELF_SERVICE_UNAUDITED": gettext_noop("papers not yet verified"),
    "STATUS_CONTRACT_PENDING": gettext_noop("the contract has not begun"),
}
_NUMBER = re.compile(r"(?:^|(?<=[,;]))\s*\d{1,3}:(?=\s*\D)")
_END_TIME = re.compile(r"[ ,;]*\bendtime:\s*(\d{4}-\d\d-\d\d)(?:[ T]\d\d:\d\d(?::\d\d)?)?")
LONGEST_REASON = 260  # characters of TikTok's own words that are kept


def restriction(status: str, rejection_reason: str) -> str:
    """Return why TikTok limits an ad account, with TikTok's own words and the date that they may name; or nothing."""
    plain = RESTRICTIONS.get(status, "")
    said = _readable(rejection_reason)[:LONGEST_REASON]
    return f"{plain}, “{said}”" if plain and said else plain


def _readable(reason: str) -> str:
    """Return TikTok's words without its marks: "1:Suspended,endtime:2031-12-31 07:32:13" is "Suspended (until 31 Dec 2031)"."""
    text = _NUMBER.sub("", " ".join(reason.split()))
    return _END_TIME.sub(_until, text).strip(" ,;")


def _until(found: re.Match[str]) -> str:
    try:
        day = date.fromisoformat(found[1])
    except ValueError:
        return f" (until {found[1]})"
    return f" (until {day.day} {day:%b %Y})"


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
        restriction=restriction(status, words(row.get("rejection_reason"), 1000)),
        closed=status == DISABLED,
    )


def with_role(found: NativeAccount, names: Iterable[str]) -> NativeAccount:
    """Add what the Business Centers say of the person; no role leaves "can publish" open."""
    role, can_publish = ROLES.widest(names)
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
        if found and words(row.get("relation_status"), 40) not in UNRELATED:
            yield found, words(row.get("advertiser_role"), 40), words(row.get("owner_bc_name"), 100).strip()
