"""What X calls things, and how long its authorisations last: data with a source."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tokens.channels.kinds import Lifetime
from tokens.channels.roles import RoleTable

LIFETIME = Lifetime(
    access=None,
    never_ends=True,
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
