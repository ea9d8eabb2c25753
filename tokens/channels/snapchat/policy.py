"""What Snapchat calls things, and how long its authorisations last: data with a source."""

from collections.abc import Iterable
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from tokens.channels.kinds import CanPublish, Lifetime, Renewal, RequestedScope

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
MANAGE_URL = "https://accounts.snapchat.com/accounts/oauth2/apps"
ADS_MANAGER = "https://ads.snapchat.com/{}"  # the ad account's id comes first in all its addresses

# Integrations call either of these; no document of Snapchat's names one. The second is called where the first does not exist.
REVOKE_PATHS = ("login/oauth2/revoke", "login/oauth2/revoke_token")

# Roles on an ad account, the widest first. https://developers.snap.com/api/marketing-api/Ads-API/roles
ROLES = {
    "admin": "Account admin",
    "general": "Campaign manager",
    "creative": "Creative manager",
    "audience": "Audience manager",
    "reports": "Reports only",
}
PUBLISHING = frozenset({"admin", "general"})  # those who may write campaigns, ad squads and ads
# Roles in the organization that reach ad accounts: an admin may do everything in all of them, the others may not publish in any.
ORGANIZATION_ADMIN = "admin"
ORGANIZATION_ROLES = {"data_admin": "Reporting admin", "business_admin": "Business admin"}

ACTIVE = "ACTIVE"  # the only status of an ad account in real records
# Words for the others that schemas of third parties name; no document of Snapchat's lists them.
RESTRICTIONS = {
    "PAUSED": _("paused"),
    "PENDING": _("not yet approved"),
    "DISABLED": _("disabled"),
    "CLOSED": _("closed"),
    "DELETED": _("deleted"),
}
# Codes of `delivery_status` that stop all of an ad account: https://developers.snap.com/api/marketing-api/Ads-API/delivery-status. Those of
# budgets and of test ad accounts are left out: campaigns may be written there, and no document says more.
STOPS = {
    "NOT_ACTIVE_ORGANIZATION": _("its organization is not active"),
    "INVALID_NOT_ACTIVE": _("not active"),
}
CLOSED = frozenset({"DISABLED", "CLOSED", "DELETED"})


def role(organization: Iterable[str], account: Iterable[str] | None) -> tuple[str, CanPublish]:
    """Return the role in plain words, and whether it may publish. `account` None: the roles on the ad account are not told."""
    wide = set(organization)
    if ORGANIZATION_ADMIN in wide:
        return "Organization admin", "yes"
    if account is None:
        return "", "unknown"
    names = set(account)
    said = [label for name, label in ROLES.items() if name in names]
    said += [label for name, label in ORGANIZATION_ROLES.items() if name in wide]
    strange = sorted(names - ROLES.keys())
    words = said[0] if said else ", ".join(strange)[:100]
    if names & PUBLISHING:
        return words, "yes"
    return words, "no" if said and not strange else "unknown"


def restriction(status: str, delivery: Iterable[str] | None) -> str | None:
    """Return in plain words why Snapchat limits an ad account, "" if it does not, None where only `delivery` would tell and is missing."""
    if status not in {"", ACTIVE}:
        return str(RESTRICTIONS.get(status, f"status {status[:60]}"))
    if delivery is None:
        return None
    return ", ".join(str(words) for code, words in STOPS.items() if code in set(delivery))
