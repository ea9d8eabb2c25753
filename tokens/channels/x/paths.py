"""What a job may ask X for, signed for a lease or sent through the gate: its own ad account, and catalogues that show nothing of anybody.

Everything else is refused: other ad accounts of the same person, the list of them, posts, direct messages, log-in, product catalogues
(they belong to people and businesses, not to an ad account). Reasons: docs/decisions/0029-what-is-signed.md.
Paths by X's documents (docs.x.com/x-ads-api, campaign-management, creatives, audiences and analytics references; media/quickstart for
uploads, state of 2026-08-22) and by X's own client (twitter-ads 11.0.0), both read 2026-11-25.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from tokens.channels.addresses import configured, path_below
from tokens.channels.parameters import Refused
from tokens.channels.paths import BELOW, Allowed, Purpose, Request, Table, allow, rule, words

LONGEST = 8000  # characters of an address or of all parameters
_V = r"\d{1,3}"
_ID = r"[A-Za-z0-9_-]+"
_FORM = {"content-type": "application/x-www-form-urlencoded"}
_UPLOAD, _MEDIA = r"1\.1/media/upload\.json", "2/media/upload"  # the older, and that of API 2
# Of media for ads, also as twitter-api-v2 spells them; those of direct messages are not. An upload lives for a day unless an ad takes it.
_FOR_ADS = words("amplify_video tweet_image tweet_gif tweet_video subtitles tweetimage tweetgif tweetvideo")
_sent = partial(rule, "upload", "POST", reading="", long=True)


def _refuse(status: int, text: str) -> tuple[int, Any]:
    codes = {
        401: "UNAUTHORIZED_ACCESS",
        403: "FORBIDDEN",
        404: "NOT_FOUND",
        429: "TOO_MANY_REQUESTS",
        503: "SERVICE_UNAVAILABLE",
    }
    return status, {
        "errors": [{"code": codes.get(status, "INVALID"), "message": text}],
        "request": {"params": {}},
    }


TABLE = Table(
    rules=(
        rule(
            "account", "GET PUT", f"{_V}/accounts/{{account}}"
        ),  # not DELETE: an account is nothing that a job removes
        rule(
            "account",
            "POST",
            f"{_V}/accounts/{{account}}/custom_audiences/{_ID}/users",
            reading="",
            long=True,
        ),
        rule("account", "GET POST PUT DELETE", f"{_V}/accounts/{{account}}{BELOW}"),
        rule("account", "POST", f"{_V}/batch/accounts/{{account}}{BELOW}", reading=""),
        rule("account", "GET", f"{_V}/stats/accounts/{{account}}({BELOW})?"),
        # An asynchronous report is begun by POST; it changes nothing that is published.
        rule(
            "account", "GET POST DELETE", f"{_V}/stats/jobs/accounts/{{account}}(/{_ID})?", reading="GET POST"
        ),
        # Catalogues, the same for everybody:
        rule(
            "catalogue",
            "GET",
            rf"{_V}/(targeting_criteria/[a-z_]+|line_items/placements|content_categories|iab_categories|advertiser_business_categories"
            "|bidding_rules|publishers)",
        ),
        _sent(_UPLOAD, host="upload", demands={"media_category": _FOR_ADS}),
        _sent(_UPLOAD, host="upload", demands={"command": words("append finalize"), "media_id": frozenset()}),
        rule("upload", "GET", _UPLOAD, host="upload", demands={"command": words("status")}),
        _sent(f"{_MEDIA}/initialize", host="api", demands={"media_category": _FOR_ADS}),
        _sent(rf"{_MEDIA}/\d+/(append|finalize)", host="api"),
        rule("upload", "GET", _MEDIA, host="api", demands={"command": words("status")}),
    ),
    hosts={"": "X_ADS_URL", "upload": "X_UPLOAD_URL", "api": "X_API_URL"},
    default=(
        "Only requests about this ad account are signed: /VERSION/accounts/{account} and what is below it, its stats and "
        "batches, catalogues such as targeting_criteria, and uploads of media for ads. No other account, no posts or messages, "
        "no log-in; no user name, port, fragment, encoded characters or dots in the path."
    ),
    refuse=_refuse,
    names=re.compile("(granted_)?account_ids?"),
    # POST accounts/:account_id/tweet makes an ordinary post of the person where nullcast is false.
    values={"nullcast": words("true"), "media_category": _FOR_ADS},
    never={"additional_owners": "An upload belongs to whoever made it: leave out additional_owners."},
)


def check(*, method: str, url: str, params: Mapping[str, str], native_id: str, purpose: Purpose) -> Allowed:
    """Raise ValueError unless a job with a lease for this ad account may have this request signed; its text says what is allowed."""
    if len(url) + sum(len(name) + len(value) for name, value in params.items()) > LONGEST:
        raise Refused(f"Address and parameters together may have at most {LONGEST} characters.")
    default = TABLE.default.replace("{account}", native_id)
    refusal = Refused(f"{default} Addresses begin with {configured('X_ADS_URL')}.")
    for host, setting in TABLE.hosts.items():  # which may share one address
        path = path_below(url, configured(setting))
        if path is None:
            continue
        form, query = urlencode(params).encode(), url.partition("?")[2]
        unseen = host and method == "POST" and not form  # the media themselves, which are not signed
        asked = Request(method, f"/{path}", query, _FORM, None if unseen else form, host)
        try:
            return allow(TABLE, asked, native_id=native_id, purpose=purpose)
        except Refused as error:
            refusal = refusal if str(error) == default else error
    raise refusal
