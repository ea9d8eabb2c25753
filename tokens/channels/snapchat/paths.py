"""What a job may ask Snapchat for: its ad account, what is in it, and the catalogue of targeting.

By Snap's documents of the Marketing API (developers.snap.com/api/marketing-api/Ads-API: ad accounts, campaigns, ad squads, ads, creatives,
media, audience match, measurement, targeting) as Airbyte's source and singer-io/tap-snapchat-ads restate them, read 2026-11-25.
Campaigns, creatives, media and audiences name their ad account; an ad squad names its campaign, an ad its ad squad.
"""

import re
from typing import Any

from tokens.channels.paths import BELOW, Table, person, rule

_V = r"([a-z]{2}/)?v1"  # an upload in parts goes on at an address of a region
_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# What an object names that it belongs to: itself in a list, the field, and what kind of object that is; "" for the ad account.
OWNED = {
    "campaigns": ("campaign", "ad_account_id", ""),
    "adsquads": ("adsquad", "campaign_id", "campaigns"),
    "ads": ("ad", "ad_squad_id", "adsquads"),
    "creatives": ("creative", "ad_account_id", ""),
    "media": ("media", "ad_account_id", ""),
    "segments": ("segment", "ad_account_id", ""),
}
_OBJECT = rf"{_V}/(?P<of>{'|'.join(OWNED)})/(?P<object>{_UUID})"
_PEOPLE = "Who has a role in an ad account, people change at Snapchat: Business Manager, Members."


def _refuse(status: int, text: str) -> tuple[int, Any]:
    body = {
        "request_status": "ERROR",
        "request_id": "AdToken",
        "debug_message": text,
        "display_message": text,
    }
    return status, {**body, "error_code": {401: "E3002", 404: "E3003"}.get(status, "E1001")}


TABLE = Table(
    rules=(
        person(rf"{_V}/adaccounts/{{account}}/roles(/.*)?", _PEOPLE),
        rule("account", "GET POST", rf"{_V}/adaccounts/{{account}}/audience_size(_v2)?", reading="GET POST"),
        rule("account", "GET PUT", rf"{_V}/adaccounts/{{account}}"),
        rule("account", "GET POST PUT DELETE", rf"{_V}/adaccounts/{{account}}{BELOW}"),
        rule(
            "upload",
            "POST",
            rf"{_V}/(?P<of>media)/(?P<object>{_UUID})/(upload|multipart-upload-v2)",
            reading="",
            long=True,
        ),
        rule(
            "object",
            "POST DELETE",
            rf"{_V}/(?P<of>segments)/(?P<object>{_UUID})/users",
            reading="",
            long=True,
        ),
        rule("object", "GET POST PUT DELETE", rf"{_OBJECT}({BELOW})?"),
        rule("catalogue", "GET", rf"{_V}/targeting{BELOW}"),
        person(
            rf"{_V}/(me|organizations|members|roles|adaccounts|billingcenters|fundingsources)(/.*)?",
            "This credential is for ad account {account}, not for a person or organisation: ask for /v1/adaccounts/{account}.",
        ),
    ),
    hosts={"": "SNAPCHAT_API_URL"},
    default=(
        "Only requests about this ad account pass: /v1/adaccounts/{account} and what is below it, its campaigns, ad squads, "
        "ads, creatives, media and audiences by their ids, and /v1/targeting."
    ),
    refuse=_refuse,
    names=re.compile(r"(\w+_)?ad_account_ids?"),
    objects={"id": "", "campaign_id": "campaigns", "ad_squad_id": "adsquads"},
    object_id=re.compile(_UUID),
    never={
        "organization_id": "What belongs to an organisation is not asked for with an ad account's credential."
    },
)
