"""What Snapchat calls things and how long its authorisations last, with sources, and its answers read into our dataclasses.

A strange field is left out or unknown, never an exception.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tokens.channels.kinds import CanPublish, Lifetime, NativeAccount, Renewal, RequestedScope
from tokens.channels.parse import mapping, name_of, names, spelt, words
from tokens.channels.roles import RoleTable

SCOPES = (RequestedScope("snapchat-marketing-api", _("Manage ads"), publishing=True),)

# The access token lives 30 or 60 minutes: documents and integrations disagree, so only expires_in counts. The refresh token has no end
# date in any source. The rule of 90 days is from help.snapchat.com/hc/articles/7012393350676, on apps of Snap Kit; nothing says
# whether it covers ads too.
LIFETIME = Lifetime(
    access=None,
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


def role_of(organization: Iterable[str], account: Iterable[str] | None) -> tuple[str, CanPublish]:
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


SUCCESS = "success"  # documents write it in capitals and in lower case
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Organization:
    """One organization with the person's roles in it. `accounts` None: the answer did not hold its ad accounts."""

    id: str
    name: str
    member_id: str
    roles: tuple[str, ...]
    accounts: tuple[Any, ...] | None

    @property
    def administers(self) -> bool:
        """Whether the person may do everything in all its ad accounts."""
        return ORGANIZATION_ADMIN in self.roles


def id_of(value: Any) -> str:
    """Return an id in lower case, or nothing."""
    return spelt(value, ID)


def items(body: Any, plural: str, singular: str) -> tuple[list[Mapping[str, Any]], bool]:
    """Unwrap a list of `{sub_request_status, <singular>: {...}}`. Return what is good, and whether all of it was."""
    rows = mapping(body).get(plural)
    if not isinstance(rows, list):
        return [], False
    good = [mapping(row) for row in rows if not failed(row)]
    found = [mapping(row.get(singular)) for row in good if mapping(row.get(singular))]
    return found, len(found) == len(rows)


def failed(row: Any) -> bool:
    """Return whether an item of an answer is an error: HTTP 200 may hold some."""
    status = mapping(row).get("sub_request_status", SUCCESS)
    return not isinstance(status, str) or status.lower() != SUCCESS


def next_page(body: Any) -> str | None:
    """Return the query of the next page: None on the last, "" where it cannot be read.

    Snapchat gives a whole address, in its own example on another host than the one that was asked. Only its query is used: a token
    goes to no host but the configured one.
    """
    link = mapping(mapping(body).get("paging")).get("next_link")
    if not link:
        return None
    try:
        query = urlsplit(words(link, 4000)).query
    except ValueError:
        return ""
    return query if parse_qsl(query) else ""


def organization(row: Mapping[str, Any]) -> Organization:
    """Read one organization of /me/organizations; without a usable id nothing more can be asked about it."""
    listed = row.get("ad_accounts")
    return Organization(
        id=id_of(row.get("id")),
        name=words(row.get("name"), 100).strip(),
        member_id=id_of(row.get("my_member_id")),
        roles=names(row.get("roles")) or (),
        accounts=tuple(listed) if isinstance(listed, list) else None,
    )


def account(
    row: Any, organization_roles: Iterable[str], told: Iterable[str] | None = None
) -> NativeAccount | None:
    """Read one ad account; None where it has no usable id. `told`: the person's roles on it, where it does not name them itself."""
    said = mapping(row)
    native_id = id_of(said.get("id"))
    if not native_id:
        return None
    status = words(said.get("status"), 60).upper()
    roles = names(said.get("roles"))
    role, can_publish = role_of(organization_roles, roles if roles is not None else told)
    return NativeAccount(
        native_id=native_id,
        name=name_of(said.get("name"), 300) or native_id,
        currency=words(said.get("currency"), 3),
        time_zone=words(said.get("timezone"), 64),
        native_status=status,
        restriction=restriction(status, names(said.get("delivery_status"))),
        closed=status in CLOSED,
        role=role,
        can_publish=can_publish,
    )
