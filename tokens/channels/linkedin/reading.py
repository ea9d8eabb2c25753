"""What LinkedIn calls things and how long its authorisations last, with sources, and its answers read into our dataclasses.

A strange field is left out or unknown, never an exception.
"""

import base64
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tokens.channels.kinds import (
    Dates,
    DateSource,
    Lifetime,
    NativeAccount,
    Renewal,
    RequestedScope,
)
from tokens.channels.parse import (
    LONGEST_TOKEN,
    mapping,
    moment,
    name_of,
    names,
    number,
    scopes_of,
    spelt,
    words,
)
from tokens.channels.roles import RoleTable
from tokens.channels.sessions import Scopes

# Always the same set: a consent to another one cancels the person's earlier tokens of the app.
# https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow, "Access Token Scopes and Lifetime"
SCOPES = (
    RequestedScope("r_ads", _("Read ad accounts"), publishing=False),
    RequestedScope("rw_ads", _("Manage ads"), publishing=True),
    RequestedScope("r_ads_reporting", _("Read results of ads"), publishing=False),
    RequestedScope("openid", _("Log in with LinkedIn"), publishing=False),
    RequestedScope("profile", _("See your name"), publishing=False),
)

LIFETIME = Lifetime(
    access=timedelta(days=60),
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
    scope="rw_ads",
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


URN = "urn:li:sponsoredAccount:"
ID = re.compile(r"[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class IntrospectionReport:
    """What introspection says of a token."""

    client_id: str
    dates: Dates
    scopes: tuple[str, ...] | None


def report_of(body: Any) -> IntrospectionReport:
    """Read an answer of introspection, of a living token or of one that is over."""
    data = mapping(body)
    ends = moment(data.get("expires_at"))
    sources: dict[str, DateSource] = {} if ends is None else {"access": "introspection"}
    return IntrospectionReport(
        client_id=words(data.get("client_id"), 100),
        dates=Dates(issued_at=moment(data.get("created_at")), access_expires_at=ends, sources=sources),
        scopes=scopes_of(data.get("scope")),
    )


def roles_of(rows: Iterable[Any]) -> dict[str, str]:
    """Read rows of adAccountUsers: canonical id to role. Rows that name no ad account are left out."""
    read = [mapping(row) for row in rows]
    found = {spelt(row.get("account"), ID, prefix=URN): words(row.get("role"), 100) for row in read}
    return {native_id: role for native_id, role in found.items() if native_id}


def account_of(body: Any, *, roles: Mapping[str, str], scopes: Scopes) -> NativeAccount | None:
    """Read one ad account of adAccounts; `roles` are the person's, by canonical id. None where the row has no usable id."""
    row = mapping(body)
    native_id = spelt(str(number(row.get("id"))), ID)
    if not native_id:
        return None
    status = words(row.get("status"), 64)
    serving = [name[:64] for name in (names(row.get("servingStatuses")) or ())[:20]]
    holds = [one for one in serving if one != RUNNABLE]
    return replace(
        bare_account(native_id, role=roles.get(native_id, ""), scopes=scopes),
        name=name_of(row.get("name"), 300) or native_id,
        currency=words(row.get("currency"), 3),
        time_zone="UTC",  # LinkedIn has no such field; its reporting days are UTC
        native_status=", ".join([status, *holds])[:60] if status else "",
        restriction=restriction(status, serving),
        closed=status in CLOSED,
    )


def bare_account(native_id: str, *, role: str, scopes: Scopes) -> NativeAccount:
    """Return an ad account of which only the role is known."""
    label, can_publish = ROLES.widest([role] if role else [], granted=scopes)
    return NativeAccount(native_id=native_id, name=native_id, role=label, can_publish=can_publish)


def claims_in(body: Any, *, client_id: str, issuer: str, now: datetime) -> Mapping[str, Any]:
    """Return what the ID token of a token endpoint's answer says; nothing unless it is the issuer's, for this app, and holds now.

    Its signature is not checked: it came from the token endpoint itself, over TLS, which OpenID Connect Core takes for as good (3.1.3.7).
    """
    payload = words(mapping(body).get("id_token"), LONGEST_TOKEN).split(".")[1:2]
    try:
        part = payload[0] if payload else ""
        said = mapping(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))
    except (ValueError, RecursionError):
        return {}
    audience, ends = said.get("aud"), moment(said.get("exp"))
    ours = audience == client_id or (isinstance(audience, list) and client_id in audience)
    holds = ends is not None and ends > now
    return said if ours and holds and words(said.get("iss")).startswith(issuer) else {}
