"""What Pinterest calls things and how long its authorisations last, with sources, and its answers read into our dataclasses.

A strange field is left out or unknown, never an exception.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tokens.channels.kinds import Identity, Lifetime, NativeAccount, Renewal, RequestedScope
from tokens.channels.parse import digits, mapping, name_of, names, words
from tokens.channels.roles import RoleTable
from tokens.channels.sessions import Scopes

SCOPES = (
    RequestedScope("ads:read", _("Read ads and their results"), publishing=False),
    RequestedScope("ads:write", _("Manage ads"), publishing=True),
    RequestedScope("user_accounts:read", _("See who you are at Pinterest"), publishing=False),
)

LIFETIME = Lifetime(
    access=timedelta(days=30),
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
    scope="ads:write",
)

# Pinterest has no status of an ad account: it refuses calls with these codes, in sentences that begin alike.
RESTRICTIONS = {2625: gettext_noop("disapproved"), 2626: gettext_noop("under review")}

LONGEST_MESSAGE = 260  # characters of Pinterest's own words on a restriction that are kept


def account_of(body: Any, *, scopes: Scopes, person: Identity | None = None) -> NativeAccount | None:
    """Read one ad account; None where it has no usable id. Pinterest tells no status, no time zone and no restriction.

    `person`: who asks, whose business name we know; of other owners Pinterest tells the username only.
    """
    row = mapping(body)
    native_id = digits(row.get("id"))
    if not native_id:
        return None
    role, can_publish = ROLES.widest(names(row.get("permissions")), granted=scopes)
    return NativeAccount(
        native_id=native_id,
        name=name_of(row.get("name"), 300) or native_id,
        currency=words(row.get("currency"), 3),
        restriction=None,
        role=role,
        can_publish=can_publish,
        business=_business(mapping(row.get("owner")), person),
    )


def restriction(codes: Iterable[int | str], message: str) -> str:
    """Return in plain words why Pinterest limits an account."""
    found = [words for code, words in RESTRICTIONS.items() if code in set(codes)]
    if not found:
        return message[:300] or "restricted"
    return f"{found[0]}, “{message[:LONGEST_MESSAGE]}”" if message else found[0]


def _business(owner: Mapping[str, Any], person: Identity | None) -> str:
    name = owner.get("username")
    if person is not None and digits(owner.get("id")) == person.native_user_id:
        name = person.name
    return words(name, 100).strip()
