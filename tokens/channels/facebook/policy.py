"""What Facebook calls things, and how long its authorisations last: data with a source."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tokens.channels.kinds import Lifetime, Renewal, RequestedScope
from tokens.channels.roles import RoleTable

SCOPES = (
    RequestedScope("ads_management", _("Manage ads"), publishing=True),
    RequestedScope("ads_read", _("Read results of ads"), publishing=False),
    RequestedScope("business_management", _("Manage business assets"), publishing=False),
)

LIFETIME = Lifetime(
    access=timedelta(days=60),
    never_ends=False,
    source="https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived",
    checked="2026-11-24",
)


# A living token that has a date is exchanged for one that ends later, daily from 45 days before it. Facebook decides whether it moves.
RENEWAL = Renewal(
    exchange=True,
    source="https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived",
    lead=timedelta(days=45),
    again_after=timedelta(days=1),
)

PUBLISHING_SCOPE = "ads_management"
ROLES = RoleTable(  # by user_tasks
    {
        "MANAGE": "Admin",
        "ADVERTISE": "Advertiser",
        "ANALYZE": "Analyst",
        "AA_ANALYZE": "Analyst",
        "DRAFT": "Drafts only",
    },
    publishing=frozenset({"ADVERTISE", "MANAGE"}),
    names_tell=False,
)

# account_status of the Marketing API's ad account. https://developers.facebook.com/docs/marketing-api/reference/ad-account
STATUS_NAMES = {
    1: "ACTIVE",
    2: "DISABLED",
    3: "UNSETTLED",
    7: "PENDING_RISK_REVIEW",
    8: "PENDING_SETTLEMENT",
    9: "IN_GRACE_PERIOD",
    100: "PENDING_CLOSURE",
    101: "CLOSED",
}
# Why ads do not run. A pending settlement (8) and the grace period (9) are warnings: ads run on, so they restrict nothing.
RESTRICTIONS = {
    2: gettext_noop("disabled"),
    3: gettext_noop("unpaid bill"),
    7: gettext_noop("under review for risk"),
    100: gettext_noop("being closed"),
    101: gettext_noop("closed"),
}
CLOSED = frozenset({100, 101})
# disable_reason of a status 2.
DISABLE_REASONS = {
    1: gettext_noop("disabled for breaking the advertising rules"),
    2: gettext_noop("disabled for a review of intellectual property"),
    3: gettext_noop("disabled for an unpaid bill or a risky payment"),
    4: gettext_noop("disabled and shut down"),
    5: gettext_noop("disabled for a review of its ads"),
    6: gettext_noop("disabled for a review of the business"),
    7: gettext_noop("disabled for good"),
    8: gettext_noop("disabled as an unused reseller account"),
    9: gettext_noop("disabled as unused"),
    10: gettext_noop("disabled as an umbrella ad account"),
    11: gettext_noop("disabled for breaking the rules of business managers"),
    12: gettext_noop("disabled for misrepresentation"),
    13: gettext_noop("disabled for being shared against the terms"),
    14: gettext_noop("disabled for a review of its message ads"),
    15: gettext_noop("disabled after somebody broke into it"),
}


def restriction(status: int | None, disable_reason: int | None) -> str:
    """Return in plain words why Facebook limits an ad account, or nothing."""
    if status is None or status not in RESTRICTIONS:
        return ""
    disabled = DISABLE_REASONS.get(disable_reason or 0) if status == 2 else None
    return disabled or RESTRICTIONS[status]
