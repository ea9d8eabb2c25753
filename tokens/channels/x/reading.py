"""What X calls things and how long its authorisations last, with sources, and its answers read into our dataclasses.

A strange field is left out or unknown, never an exception.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tokens.channels.kinds import Lifetime, NativeAccount
from tokens.channels.parse import mapping, name_of, names, spelt, words
from tokens.channels.roles import RoleTable

LIFETIME = Lifetime(
    access=None,
    source="https://docs.x.com/fundamentals/authentication/faq",
    checked="2026-11-24",
)

# Permissions of authenticated_user_access, the widest first. https://docs.x.com/x-ads-api
ROLES = RoleTable(
    {
        "ACCOUNT_ADMIN": _("Account admin"),
        "AD_MANAGER": _("Ad manager"),
        "CREATIVE_MANAGER": _("Creative manager"),
        "CAMPAIGN_ANALYST": _("Campaign analyst"),
        "ANALYST": _("Analyst"),
        "PARTNER_AUDIENCE_MANAGER": _("Partner audience manager"),
    },
    # Those who may write campaigns. A creative manager only writes ads' contents, the others only read or keep audiences.
    publishing=frozenset({"ACCOUNT_ADMIN", "AD_MANAGER"}),
    beside=frozenset({"TWEET_COMPOSER"}),
)

ACCEPTED = "ACCEPTED"  # the only approval_status that X documents
# Words for the others that were seen; no source proves that the list is whole.
RESTRICTIONS = {
    "PENDING": gettext_noop("not yet approved"),
    "UNDER_REVIEW": gettext_noop("under review"),
    "REJECTED": gettext_noop("not approved"),
    "CANCELLED": gettext_noop("cancelled"),
}


CANNOT_FUND = _("no payment method works")


def funding(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return in plain words why nothing can pay for an ad account's campaigns, with X's own words, or nothing.

    An ad account without any payment method says nothing of itself; one method that can pay is enough.
    """
    told = [row for row in rows if row.get("deleted") is not True]
    if not told or any(row.get("able_to_fund") is not False for row in told):
        return ""
    reasons = [row.get("reasons_not_able_to_fund") for row in told]
    names = {
        name[:60] for some in reasons if isinstance(some, list) for name in some if isinstance(name, str)
    }
    return f"{CANNOT_FUND}: {', '.join(sorted(names))[:200]}" if names else str(CANNOT_FUND)


def restriction(approval_status: str) -> str:
    """Return in plain words why X limits an ad account, or nothing."""
    if approval_status in {"", ACCEPTED}:
        return ""
    return RESTRICTIONS.get(approval_status, f"status {approval_status[:60]}")


ID = re.compile(r"[0-9a-z]{1,20}")


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
        restriction="deleted" if deleted else restriction(status),
        closed=deleted,
        business=words(said.get("business_name"), 100).strip(),
    )


def with_funding(found: NativeAccount, body: Any) -> NativeAccount:
    """Add what the payment methods say: the currency, and whether anything can pay. X tells both nowhere else."""
    said = mapping(body).get("data")
    rows = [mapping(row) for row in said] if isinstance(said, list) else []
    currency = next((one for row in rows if len(one := words(row.get("currency"), 4)) == 3), "")
    problem = "" if words(mapping(body).get("next_cursor")) else funding(rows)
    return replace(found, currency=currency, restriction=found.restriction or problem)


def with_role(found: NativeAccount, body: Any) -> NativeAccount | None:
    """Add what authenticated_user_access says; None where it says nothing."""
    permissions = names(mapping(mapping(body).get("data")).get("permissions"))
    if permissions is None:
        return None
    role, can_publish = ROLES.widest(permissions)
    return replace(found, role=role, can_publish=can_publish)
