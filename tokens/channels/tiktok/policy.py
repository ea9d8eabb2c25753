"""What TikTok calls things, and how long its authorisations last: data with a source."""

import re
from datetime import date, timedelta

from django.utils.translation import gettext_noop

from tokens.channels.kinds import Lifetime, Renewal
from tokens.channels.roles import RoleTable

LIFETIME = Lifetime(
    access=None,
    never_ends=True,
    source="https://business-api.tiktok.com/portal/docs?id=1738373164380162",
    checked="2026-11-25",
)

# Of the rare log-in that came with a date, which others had for 24 hours, and a refresh token.
RENEWAL = Renewal(
    exchange=False, source=LIFETIME.source, every=timedelta(hours=12), spare=timedelta(minutes=5)
)

# advertiser_role of Business Center assets, the widest first. Operators make and edit campaigns, analysts only look.
# https://business-api.tiktok.com/portal/docs?id=1739432717798401
ROLES = RoleTable(
    {"ADMIN": "Admin", "OPERATOR": "Operator", "ANALYST": "Analyst"},
    publishing=frozenset({"ADMIN", "OPERATOR"}),
    none=("", "unknown"),
)
# relation_status of an asset: with these the Business Center has (or has no longer) only asked for the ad account.
UNRELATED = frozenset({"UNBOUND", "PENDING", "REJECTED"})

LIMITED, DISABLED = "STATUS_LIMIT", "STATUS_DISABLE"
# Why an ad account cannot run ads, by its `status`. What is not here restricts nothing: STATUS_ENABLE, a change of the account's data
# that is under review or was refused (STATUS_PENDING_CONFIRM_MODIFY, STATUS_CONFIRM_MODIFY_FAIL), and what we do not know.
RESTRICTIONS = {
    LIMITED: gettext_noop("suspended"),
    DISABLED: gettext_noop("closed"),
    "STATUS_PENDING_CONFIRM": gettext_noop("not yet approved"),
    "STATUS_PENDING_VERIFIED": gettext_noop("not yet verified"),
    "STATUS_CONFIRM_FAIL": gettext_noop("not approved"),
    "STATUS_CONFIRM_FAIL_END": gettext_noop("not approved"),
    "STATUS_WAIT_FOR_BPM_AUDIT": gettext_noop("not yet approved"),
    "STATUS_WAIT_FOR_PUBLIC_AUTH": gettext_noop("the company is not yet verified"),
    "STATUS_SELF_SERVICE_UNAUDITED": gettext_noop("papers not yet verified"),
    "STATUS_CONTRACT_PENDING": gettext_noop("the contract has not begun"),
}
_NUMBER = re.compile(r"(?:^|(?<=[,;]))\s*\d{1,3}:(?=\s*\D)")
_END_TIME = re.compile(r"[ ,;]*\bendtime:\s*(\d{4}-\d\d-\d\d)(?:[ T]\d\d:\d\d(?::\d\d)?)?")
LONGEST_REASON = 260  # characters of TikTok's own words that are kept


def restriction(status: str, rejection_reason: str) -> str:
    """Return why TikTok limits an ad account, with TikTok's own words and the date that they may name; or nothing."""
    plain = RESTRICTIONS.get(status, "")
    said = _readable(rejection_reason)[:LONGEST_REASON]
    return f"{plain}, “{said}”" if plain and said else plain


def _readable(reason: str) -> str:
    """Return TikTok's words without its marks: "1:Suspended,endtime:2031-12-31 07:32:13" is "Suspended (until 31 Dec 2031)"."""
    text = _NUMBER.sub("", " ".join(reason.split()))
    return _END_TIME.sub(_until, text).strip(" ,;")


def _until(found: re.Match[str]) -> str:
    try:
        day = date.fromisoformat(found[1])
    except ValueError:
        return f" (until {found[1]})"
    return f" (until {day.day} {day:%b %Y})"
