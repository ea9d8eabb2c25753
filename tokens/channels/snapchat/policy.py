"""What Snapchat calls things, and how long its authorisations last: data with a source."""

from collections.abc import Iterable
from datetime import timedelta

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tokens.channels.kinds import CanPublish, Lifetime, Renewal, RequestedScope
from tokens.channels.roles import RoleTable

SCOPES = (RequestedScope("snapchat-marketing-api", _("Manage ads"), publishing=True),)

# The access token lives 30 or 60 minutes: documents and integrations disagree, so only expires_in counts. The refresh token has no end
# date in any source. The rule of 90 days is from help.snapchat.com/hc/articles/7012393350676, on apps of Snap Kit; nothing says
# whether it covers ads too.
LIFETIME = Lifetime(
    access=None,
    never_ends=True,
    source="https://developers.snap.com/api/marketing-api/Ads-API/authentication",
    checked="2026-11-25",
)

RENEWAL = Renewal(
    exchange=False,
    source="https://developers.snap.com/api/marketing-api/Ads-API/authentication",
    every=timedelta(
        days=7
    ),  # were access ever to last longer than a check is away; as it is, each check finds it over
    spare=timedelta(minutes=5),
)

# Of one app. https://developers.snap.com/api/marketing-api/Ads-API/rate-limits, as api-evangelist has it; told in no answer.
CALLS_A_SECOND = 20

# Roles on an ad account, the widest first. https://developers.snap.com/api/marketing-api/Ads-API/roles
ROLES = RoleTable(
    {
        "admin": "Account admin",
        "general": "Campaign manager",
        "creative": "Creative manager",
        "audience": "Audience manager",
        "reports": "Reports only",
        "data_admin": "Reporting admin",
        "business_admin": "Business admin",
    },
    publishing=frozenset({"admin", "general"}),  # those who may write campaigns, ad squads and ads
    none=("", "unknown"),
)
# Roles in the organization that reach ad accounts: an admin may do everything in all of them, the others may not publish in any.
ORGANIZATION_ADMIN = "admin"
ORGANIZATION_ROLES = frozenset({"data_admin", "business_admin"})

ACTIVE = "ACTIVE"  # the only status of an ad account in real records
# Words for the others that schemas of third parties name; no document of Snapchat's lists them.
RESTRICTIONS = {
    "PAUSED": gettext_noop("paused"),
    "PENDING": gettext_noop("not yet approved"),
    "DISABLED": gettext_noop("disabled"),
    "CLOSED": gettext_noop("closed"),
    "DELETED": gettext_noop("deleted"),
}
# Codes of `delivery_status` that stop all of an ad account: https://developers.snap.com/api/marketing-api/Ads-API/delivery-status. Those of
# budgets and of test ad accounts are left out: campaigns may be written there, and no document says more.
STOPS = {
    "NOT_ACTIVE_ORGANIZATION": gettext_noop("its organization is not active"),
    "INVALID_NOT_ACTIVE": gettext_noop("not active"),
}
CLOSED = frozenset({"DISABLED", "CLOSED", "DELETED"})


def role(organization: Iterable[str], account: Iterable[str] | None) -> tuple[str, CanPublish]:
    """Return the role in plain words, and whether it may publish. `account` None: the roles on the ad account are not told."""
    wide = set(organization)
    if ORGANIZATION_ADMIN in wide:
        return "Organization admin", "yes"
    return ROLES.widest(None if account is None else {*account, *(wide & ORGANIZATION_ROLES)})


def restriction(status: str, delivery: Iterable[str] | None) -> str | None:
    """Return in plain words why Snapchat limits an ad account, "" if it does not, None where only `delivery` would tell and is missing."""
    if status not in {"", ACTIVE}:
        return RESTRICTIONS.get(status, f"status {status[:60]}")
    if delivery is None:
        return None
    return ", ".join(words for code, words in STOPS.items() if code in set(delivery))
