"""What Facebook calls things and how long its authorisations last, with sources, and its answers read into our dataclasses.

A strange field is left out or unknown, never an exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tokens.channels.kinds import Dates, DateSource, Lifetime, NativeAccount, Renewal, RequestedScope
from tokens.channels.parse import digits, mapping, moment, name_of, names, number, words
from tokens.channels.roles import RoleTable
from tokens.channels.sessions import Scopes

SCOPES = (
    RequestedScope("ads_management", _("Manage ads"), publishing=True),
    RequestedScope("ads_read", _("Read results of ads"), publishing=False),
    RequestedScope("business_management", _("Manage business assets"), publishing=False),
)

LIFETIME = Lifetime(
    access=timedelta(days=60),
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

ROLES = RoleTable(  # by user_tasks
    {
        "MANAGE": "Admin",
        "ADVERTISE": "Advertiser",
        "ANALYZE": "Analyst",
        "AA_ANALYZE": "Analyst",
        "DRAFT": "Drafts only",
    },
    publishing=frozenset({"ADVERTISE", "MANAGE"}),
    scope="ads_management",
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


CLOCKS = {"access": "expires_at", "data_access": "data_access_expires_at"}  # our name -> debug_token's


@dataclass(frozen=True)
class DebugReport:
    """What debug_token says of a token that is valid."""

    app_id: str
    user_id: str
    system: bool  # the token of a system user
    dates: Dates
    scopes: tuple[str, ...] | None
    publishing_ids: frozenset[str] | None  # for which publishing was ticked; None: for all, or not told


def report_of(body: Any) -> DebugReport:
    """Read a debug_token answer."""
    data = mapping(mapping(body).get("data"))
    return DebugReport(
        app_id=words(data.get("app_id"), 100),
        user_id=digits(data.get("user_id")),
        system=data.get("type") == "SYSTEM_USER",
        dates=_introspected(data),
        scopes=names(data.get("scopes")),
        publishing_ids=_publishing_ids(data.get("granular_scopes")),
    )


def filled(said: Dates, introspected: Dates) -> Dates:
    """Fill what an exchange did not say by what introspection says, clock by clock."""
    return replace(
        said,
        access_expires_at=said.access_expires_at or introspected.access_expires_at,
        data_access_expires_at=introspected.data_access_expires_at,
        sources={**introspected.sources, **said.sources},
    )


def merged(said: Dates, introspected: Dates) -> Dates:
    """Do the same, where introspection is about the token that the exchange gave: it says when that was issued."""
    return replace(filled(said, introspected), issued_at=introspected.issued_at or said.issued_at)


def account_of(body: Any, *, scopes: Scopes, publishing_ids: frozenset[str] | None) -> NativeAccount | None:
    """Read one ad account; None where it has no usable id."""
    row = mapping(body)
    native_id = digits(row.get("account_id")) or digits(words(row.get("id")).removeprefix("act_"))
    if not native_id:
        return None
    status = number(row.get("account_status"))
    # user_tasks names all that the role may; without the scope for it nobody publishes.
    role, can_publish = ROLES.widest(names(row.get("user_tasks")), granted=scopes)
    if publishing_ids is not None and native_id not in publishing_ids:
        can_publish = "no"
    return NativeAccount(
        native_id=native_id,
        name=name_of(row.get("name"), 300) or native_id,
        currency=words(row.get("currency"), 3),
        time_zone=words(row.get("timezone_name"), 64),
        native_status=STATUS_NAMES.get(status or 0, f"STATUS {status}"[:60] if status else ""),
        restriction=restriction(status, number(row.get("disable_reason"))),
        closed=status in CLOSED,
        role=role,
        can_publish=can_publish,
        business=words(row.get("business_name"), 100).strip(),
    )


def _introspected(data: Mapping[str, Any]) -> Dates:
    """Read the clocks of debug_token: 0 says that a clock has no end, a missing one says nothing, nor does garbage."""
    found: dict[str, datetime | None] = {}
    sources: dict[str, DateSource] = {}
    for clock, key in CLOCKS.items():
        found[clock] = moment(data.get(key))
        if found[clock] is not None:
            sources[clock] = "introspection"
        elif number(data.get(key)) == 0:
            sources[clock] = "never"
    # Of a valid token for which neither date is sent the channel names no end: that is "never", as 0 is.
    if all(data.get(key) is None or number(data.get(key)) == 0 for key in CLOCKS.values()):
        sources["access"] = "never"
    return Dates(
        issued_at=moment(data.get("issued_at")),
        access_expires_at=found["access"],
        data_access_expires_at=found["data_access"],
        sources=sources,
    )


def _publishing_ids(granular: Any) -> frozenset[str] | None:
    """Return for which ad accounts publishing was ticked. No `target_ids` means all of them."""
    for entry in granular if isinstance(granular, list) else []:
        if mapping(entry).get("scope") == ROLES.scope:
            ids = names(mapping(entry).get("target_ids"))
            return None if ids is None else frozenset(one.removeprefix("act_") for one in ids)
    return None
