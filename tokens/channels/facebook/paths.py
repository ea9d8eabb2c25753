"""What a job may ask Facebook for: its ad account, what is in it, and the catalogue of targeting.

By Meta's documents of the Marketing API and the Graph API (batch requests, field expansion, error codes; developers.facebook.com/docs,
state of 2026-09), by its specifications (facebook-business-sdk-codegen, AdAccount and User, 2026-04-15) and by what its clients send
(facebook-business 26.0.3, facebook-nodejs-business-sdk 24.0.1), read 2026-11-25.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tokens.channels.parameters import Pair, Refused
from tokens.channels.paths import Table, person, rule, words

_V = r"(v\d{1,2}\.\d/)?"
_ACT = rf"{_V}act_{{account}}"
_AN_ACCOUNT = "This credential is for ad account act_{account}, not for a person: ask for act_{account} itself and what is below it."

# Fields that may be looked into. Of all others (business, owner, pages ...) the id and name are shown, and nothing that they lead to.
_INSIDE = words(
    "account ad adset campaign ads adsets campaigns creative adcreatives insights copies adlabels "
    "adrules_governed adimages advideos "
    "activities recommendations previews thumbnails targetingsentencelines delivery_estimate "
    "customaudiences saved_audiences "
    "object_story_spec link_data video_data asset_feed_spec targeting promoted_object issues_info"
)
# ads.limit(5); not .fields(), the older way to write what stands in braces, nor .as(), by which a name could be answered as an id.
_MODIFIED = re.compile(r"\.(?!(?:fields|as)\()[a-z_]+\([^()]*\)", re.IGNORECASE)
_EXPANDED = re.compile(r"(?<![a-z0-9_])([a-z0-9_]++)\s*+\{", re.IGNORECASE)  # in one pass, however long it is
# A Page that is expanded without fields comes with its token.
_TOKENS = re.compile(r"\b(access_token|page_token|promote_pages(?!\s*\0))\b", re.IGNORECASE)
_NAMES = re.compile(r"\{\s*(id|name|username)(\s*,\s*(id|name|username))*\s*\}")


def _look(_method: str, _path: str, _headers: Mapping[str, str], pairs: Iterable[Pair]) -> None:
    """Keep field expansion inside the ad account: `business{owned_ad_accounts{...}}` would lead to others, `access_token` to a Page's."""
    for name, value in pairs:
        if not name.strip().lower().startswith("fields"):
            continue
        said = _NAMES.sub("\0", _MODIFIED.sub("", str(value)))
        expanded = _EXPANDED.findall(said)
        inside = "(" not in said and said.count("{") == len(expanded)
        if not inside or not _INSIDE.issuperset(one.lower() for one in expanded):
            raise Refused(
                f"Fields are expanded inside the ad account alone: {', '.join(sorted(_INSIDE))}. Of others ask for id and name."
            )
        if _TOKENS.search(said):
            raise Refused(
                "No tokens are handed out: leave access_token out of fields, and ask for promote_pages{id,name}."
            )


def _debug_token(client_id: str) -> Any:
    """Facebook's Node client asks this of its own token before its first call, to learn the app's id."""
    return {
        "data": {
            "app_id": client_id,
            "type": "USER",
            "application": "AdToken",
            "is_valid": True,
            "scopes": [],
        }
    }


_CODES = {
    400: (100, None, "OAuthException"),
    401: (190, None, "OAuthException"),
    403: (200, None, "OAuthException"),
    404: (100, 33, "GraphMethodException"),
    429: (4, None, "OAuthException"),
    503: (2, None, "OAuthException"),
}


def _refuse(status: int, text: str) -> tuple[int, Any]:
    code, subcode, kind = _CODES.get(status, _CODES[400])
    error = {
        "message": text,
        "type": kind,
        "code": code,
        "is_transient": status in (429, 503),
        "fbtrace_id": "AdToken",
    }
    return status, {"error": error if subcode is None else {**error, "error_subcode": subcode}}


TABLE = Table(
    rules=(
        rule("batch", "POST", r"(v\d{1,2}\.\d)?", reading="POST"),
        person(rf"{_V}debug_token", "", methods="GET", answers=_debug_token),
        person(rf"{_V}(me|app|oauth|debug_token|accounts)(/.*)?", _AN_ACCOUNT),
        person(
            rf"{_ACT}/(users|assigned_users|agencies|assigned_partners|subscribed_apps)(/.*)?",
            "Who has a role in an ad account, people change at Facebook: Business settings.",
            methods="POST DELETE",
        ),
        person(rf"{_ACT}/(business|owner|owner_business)(/.*)?", _AN_ACCOUNT),
        # By default this answers with the Pages' tokens.
        rule("account", "GET", rf"{_ACT}/promote_pages", demands={"fields": frozenset()}),
        # An asynchronous report is begun by POST; it changes nothing that is published.
        rule("account", "GET POST", rf"{_ACT}/insights", reading="GET POST"),
        rule("account", "POST", rf"{_ACT}/adimages", reading="", long=True),
        rule("upload", "POST", rf"{_ACT}/advideos", reading="", long=True),
        rule("upload", "POST", rf"{_ACT}/advideos", host="video", reading="", long=True),
        rule("account", "GET POST", _ACT),
        rule("account", "GET POST DELETE", rf"{_ACT}/[a-z_]+"),
        rule(
            "catalogue",
            "GET",
            rf"{_V}search",
            demands={
                "type": words(
                    "adinterest adinterestsuggestion adinterestvalid adgeolocation adgeolocationmeta "
                    "adcountry adlocale adtargetingcategory "
                    "adradiussuggestion adworkemployer adworkposition adeducationschool adeducationmajor"
                )
            },
        ),
        rule("object", "GET POST", rf"{_V}(?P<object>\d{{5,30}})/insights", reading="GET POST"),
        rule("object", "GET POST DELETE", rf"{_V}(?P<object>\d{{5,30}})(/[a-z_]+)?"),
    ),
    hosts={"": "FACEBOOK_GRAPH_URL", "video": "FACEBOOK_VIDEO_URL"},
    default=(
        "Only requests about this ad account pass: /VERSION/act_{account} and what is below it, "
        "campaigns, ad sets, ads, creatives, "
        "audiences and reports of it by their ids, /VERSION/search for targeting, and batches of these. "
        "Nothing else of a person, Page or business."
    ),
    refuse=_refuse,
    names=re.compile(r"((destination|source)_)?(ad_?)?account_ids?|ad_?accounts|act(_id)?"),
    prefix="act_",
    made=words("id video_id copied_campaign_id copied_adset_id copied_ad_id"),
    never={
        "method": "Leave out the parameter method: a request is made by the method that it has.",
        "ids": "Ask for objects one by one, or by a batch: the parameter ids is not taken.",
        "adbatch": "Send a batch by POST to /VERSION/ instead: what is in adbatch is not read.",
        "batch": "A batch is sent by POST to /VERSION/ alone.",
    },
    look=_look,
    reads_forms=True,
    ignored=re.compile(rf"{_V}\d+/instruments"),
)
