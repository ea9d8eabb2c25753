"""What a job may ask TikTok for: whatever names its ad account as `advertiser_id`, and nothing of a person or Business Center.

By TikTok's own client (tiktok/tiktok-business-api-sdk, f809c396, paths and parameters of v1.3) and the Go client whose comments restate
TikTok's documents (bububa/tiktok-business, 051f6c08), read 2026-11-25. TikTok answers everything with HTTP 200.
"""

import re
from typing import Any

from tokens.channels.paths import Table, person, rule, words

_API = r"open_api/v1\.\d"
_NAMED = words("advertiser_id advertiser_ids")
# All of these take the ad account's id with every call.
_ABOUT_ADS = (
    "ad|ads|adgroup|advertiser|app|audience|blockedword|brand_safety|campaign|carousel|change_log|creative|creative_asset|"
    "creative_portfolio|creative_shareable_link|diagnostic|discovery|dmp|file|gmv_max|identity|lead|minis|page|pixel|playable|"
    "reach_frequency|report|rf|search_keyword|smart_plus|split_test|spark_ad|term|tool|video"
)
_CODES = {400: 40002, 401: 40105, 403: 40001, 404: 40007, 413: 40002, 414: 40002, 429: 40100, 503: 50000}


def _refuse(status: int, text: str) -> tuple[int, Any]:
    return 200, {"code": _CODES.get(status, 40002), "message": text, "request_id": "AdToken", "data": {}}


TABLE = Table(
    rules=(
        person(
            rf"{_API}/(user|oauth2|oauth|tt_user|bc|business|catalog|comment|creator|event|offline|payment|subscription|tcm|tto)(/.*)?",
            "This credential is for advertiser {account}, not for a person, app or Business Center: ask with advertiser_id {account}.",
        ),
        # Reports are begun by POST; that changes nothing that is published.
        rule("account", "GET POST", rf"{_API}/report/task/[a-z]+", reading="GET POST", needs=_NAMED),
        rule(
            "upload",
            "POST",
            rf"{_API}/file/([a-z]+/)*upload",
            reading="",
            needs=_NAMED,
            says=(
                "Send a larger file by its address (upload_type UPLOAD_BY_URL), or in parts of less than 1 MiB "
                "(file/start/upload, file/transfer/upload, file/finish/upload)."
            ),
        ),
        rule("account", "GET POST", rf"{_API}/({_ABOUT_ADS})(/[a-z0-9_]+)+", needs=_NAMED),
    ),
    hosts={"": "TIKTOK_API_URL"},
    default=(
        "Only requests that name this ad account pass: advertiser_id {account} at /open_api/VERSION/campaign/..., adgroup, ad, "
        "creative, file, report, dmp, tool and the like."
    ),
    refuse=_refuse,
    names=re.compile(r"(\w+_)?advertiser_ids?"),
    never={
        "bc_id": "What belongs to a Business Center is not asked for with an ad account's credential: leave out bc_id.",
        "secret": "The app's secret is AdToken's: leave it out.",
    },
)
