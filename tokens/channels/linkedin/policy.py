"""What LinkedIn calls things, and how long its authorisations last: data with a source."""

from collections.abc import Collection
from datetime import timedelta

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tokens.channels.kinds import Lifetime, Renewal, RequestedScope
from tokens.channels.roles import RoleTable

# Always the same set: a consent to another one cancels the person's earlier tokens of the app.
# https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow, "Access Token Scopes and Lifetime"
SCOPES = (
    RequestedScope("r_ads", _("Read ad accounts"), publishing=False),
    RequestedScope("rw_ads", _("Manage ads"), publishing=True),
    RequestedScope("r_ads_reporting", _("Read results of ads"), publishing=False),
    RequestedScope("openid", _("Log in with LinkedIn"), publishing=False),
    RequestedScope("profile", _("See your name"), publishing=False),
)
PUBLISHING_SCOPE = "rw_ads"

LIFETIME = Lifetime(
    access=timedelta(days=60),
    never_ends=False,
    source="https://learn.microsoft.com/en-us/linkedin/shared/authentication/programmatic-refresh-tokens",
    checked="2026-11-25",
)


# A refresh gives 60 days more until the refresh token's own date, which counts down. So the date moves while it can, and after that the
# person is warned in time.
RENEWAL = Renewal(
    exchange=False,
    source="https://learn.microsoft.com/en-us/linkedin/shared/authentication/programmatic-refresh-tokens",
    lead=timedelta(days=45),
)

# Roles of adAccountUsers. https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads/account-structure/create-and-manage-account-users
ROLES = RoleTable(
    {
        "ACCOUNT_BILLING_ADMIN": "Billing admin",
        "ACCOUNT_MANAGER": "Account manager",
        "CAMPAIGN_MANAGER": "Campaign manager",
        "CREATIVE_MANAGER": "Creative manager",
        "VIEWER": "Viewer",
    },
    # Those who may write campaigns. A creative manager only writes ads' contents; a viewer only reads, even with rw_ads.
    publishing=frozenset({"ACCOUNT_BILLING_ADMIN", "ACCOUNT_MANAGER", "CAMPAIGN_MANAGER"}),
    none=("", "unknown"),
)

ACTIVE, RUNNABLE = "ACTIVE", "RUNNABLE"
CLOSED = frozenset({"CANCELED", "CANCELLED", "PENDING_DELETION", "REMOVED"})  # both spellings were seen
STATUSES = {
    "CANCELED": gettext_noop("closed"),
    "CANCELLED": gettext_noop("closed"),
    "DRAFT": gettext_noop("not set up yet"),
    "PENDING_DELETION": gettext_noop("being deleted"),
    "REMOVED": gettext_noop("deleted"),
}
# servingStatuses other than RUNNABLE. The first is documented, the others were seen; no source proves that the list is whole.
HOLDS = {
    "BILLING_HOLD": gettext_noop("on hold for billing"),
    "STOPPED": gettext_noop("stopped"),
    "ACCOUNT_TOTAL_BUDGET_HOLD": gettext_noop("the account's budget is used up"),
    "ACCOUNT_END_DATE_HOLD": gettext_noop("the account's end date has passed"),
    "RESTRICTED_HOLD": gettext_noop("restricted by LinkedIn"),
    "INTERNAL_HOLD": gettext_noop("on hold at LinkedIn"),
}


def restriction(status: str, serving: Collection[str]) -> str:
    """Return in plain words why LinkedIn limits an ad account, or nothing. An unknown hold is told in LinkedIn's own word."""
    if status in STATUSES:
        return STATUSES[status]
    holds = [HOLDS.get(one, one) for one in serving if one != RUNNABLE]
    return ", ".join(holds)[:200]
