"""What Pinterest calls things, and how long its authorisations last: data with a source."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tokens.channels.kinds import Lifetime, Renewal, RequestedScope
from tokens.channels.roles import RoleTable

SCOPES = (
    RequestedScope("ads:read", _("Read ads and their results"), publishing=False),
    RequestedScope("ads:write", _("Manage ads"), publishing=True),
    RequestedScope("user_accounts:read", _("See who you are at Pinterest"), publishing=False),
)
PUBLISHING_SCOPE = "ads:write"

LIFETIME = Lifetime(
    access=timedelta(days=30),
    never_ends=False,
    source="https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/",
    checked="2026-11-25",
)


# A refresh token that is used within 60 days never ends, and the access token is three weeks from its end when its turn comes. No `lead`:
# of two dates that both move, none is near. https://developers.pinterest.com/docs/api/v5/oauth-token
RENEWAL = Renewal(
    exchange=False,
    source="https://developers.pinterest.com/docs/api/v5/oauth-token",
    every=timedelta(days=7),
    rolls=timedelta(days=60),
    fixed=timedelta(days=365),
    spare=timedelta(minutes=5),
)

# `permissions` of an ad account, the widest first: BusinessAccessRole of the API description.
ROLES = RoleTable(
    {
        "OWNER": _("Owner"),
        "ADMIN": _("Admin"),
        "CAMPAIGN_MANAGER": _("Campaign manager"),
        "RESTRICTED_OWNER": _("Restricted owner"),
        "ANALYST": _("Analyst"),
        "AUDIENCE_MANAGER": _("Audience manager"),
        "CATALOGS_MANAGER": _("Catalogs manager"),
        "CATALOGS_VIEWER": _("Catalogs viewer"),
        "FINANCE_MANAGER": _("Finance manager"),
        "FINANCE_EDIT": _("Finance editor"),
        "FINANCE_VIEW": _("Finance viewer"),
        "PROFILE_MANAGER": _("Profile manager"),
        "PROFILE_PUBLISHER": _("Profile publisher"),
        "SOS_READER": _("Reader"),
        "RESOURCE_PINNER_LIST_OWNER": _("Audience list owner"),
        "RESOURCE_PINNER_LIST_READER": _("Audience list reader"),
        "BIZ_PINNER_LIST_SHARER": _("Audience list sharer"),
        "RESOURCE_CONVERSION_TAGS_READER": _("Conversion tag reader"),
    },
    publishing=frozenset({"OWNER", "ADMIN", "CAMPAIGN_MANAGER"}),
    unclear=frozenset({"RESTRICTED_OWNER"}),  # no document says whether these may write campaigns
)

# Pinterest has no status of an ad account: it refuses calls with these codes, in sentences that begin alike.
RESTRICTIONS = {2625: gettext_noop("disapproved"), 2626: gettext_noop("under review")}
