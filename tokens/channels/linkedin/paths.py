"""What a job may ask LinkedIn for: its ad account, reports and audiences of it, targeting, and what is published for ads alone.

By LinkedIn's documents of the Marketing API (learn.microsoft.com/en-us/linkedin/marketing: account structure, ads reporting, matched
audiences, lead sync, images and videos API, direct sponsored content; restli.io for methods and tunnelled queries) and by its clients
(linkedin-api-client 0.3.0), read 2026-11-25. An ad account is named by its URN, wherever that stands.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tokens.channels.parameters import Pair, Refused
from tokens.channels.paths import BELOW, Table, person, rule, words

_ACT = r"rest/adAccounts/{account}"
_READS = frozenset({"get", "get_all", "batch_get", "finder"})  # Rest.li's methods that are sent by GET


def _look(method: str, path: str, headers: Mapping[str, str], pairs: Iterable[Pair]) -> None:
    """Keep a GET a read, by Rest.li's own header, and what is not below the ad account its own: `ids` would name anybody's."""
    names = {name.lower() for name, _ in pairs}
    if any(name.startswith("ids") for name in names) and not path.startswith("rest/adAccounts/"):
        raise Refused("Many are asked for by their ids below the ad account alone, at /rest/adAccounts/.")
    if "dscadaccount" in names and "feeddistribution" not in names:
        raise Refused("A post for ads alone says so: set distribution.feedDistribution to NONE.")
    if method in ("GET", "HEAD") and headers.get("x-restli-method", "get").strip().lower() not in _READS:
        raise Refused("X-RestLi-Method names another method than the request has.")


def _refuse(status: int, text: str) -> tuple[int, Any]:
    codes = {
        401: (65600, "INVALID_ACCESS_TOKEN"),
        403: (100, "ACCESS_DENIED"),
        404: (0, "RESOURCE_NOT_FOUND"),
        429: (101, "TOO_MANY_REQUESTS"),
        503: (0, "SERVICE_UNAVAILABLE"),
    }
    service, code = codes.get(status, (0, "ILLEGAL_ARGUMENT"))
    return status, {"status": status, "serviceErrorCode": service, "code": code, "message": text}


TABLE = Table(
    rules=(
        rule("account", "GET POST", _ACT),
        rule("account", "GET POST PUT DELETE", rf"{_ACT}{BELOW}"),
        rule("account", "GET", r"rest/adAnalytics", needs=words("accounts account")),
        rule("account", "GET", r"rest/(adBudgetPricing|adSupplyForecasts)", needs=words("account accounts")),
        rule("account", "GET POST", r"rest/conversions(/\d+)?", needs=words("account")),
        rule("account", "GET", r"rest/(leadForms|leadFormResponses)", needs=words("owner")),
        rule("account", "GET POST", r"rest/dmpSegments", needs=words("account")),
        rule(
            "object",
            "POST",
            r"rest/(?P<of>dmpSegments)/(?P<object>\d+)/(users|companies)",
            reading="",
            long=True,
        ),
        rule("object", "GET POST DELETE", r"rest/(?P<of>dmpSegments)/(?P<object>\d+)(/[A-Za-z]+)?"),
        # Media of an ad account's library, and posts that show as ads alone.
        rule(
            "upload",
            "POST",
            r"rest/(images|videos|documents)",
            reading="",
            needs=words("associatedaccount owner"),
            demands={"action": words("initializeupload")},
        ),
        rule(
            "upload",
            "POST",
            r"rest/(images|videos|documents)",
            reading="",
            demands={"action": words("finalizeupload")},
        ),
        rule("account", "POST", r"rest/posts", reading="", needs=words("dscadaccount")),
        rule(
            "catalogue",
            "GET",
            r"rest/(adTargetingFacets|adTargetingEntities|audienceCounts|adCountries|locales|geo)(/[A-Za-z0-9:,-]+)?",
        ),
        person(
            r"rest/adAccountUsers(/.*)?",
            "Who has a role in an ad account, people see and change in Campaign Manager.",
        ),
        person(
            r"(v2|oauth)(/.*)?|rest/(me|adAccounts|adCampaigns|adCampaignGroups|creatives|organizationAcls|organizations|people)(/.*)?",
            "This credential is for one ad account: ask for /rest/adAccounts/{account}, and its /adCampaigns, /adCampaignGroups and "
            "/creatives below that.",
        ),
    ),
    hosts={"": "LINKEDIN_API_URL"},
    default=(
        "Only requests about this ad account pass: /rest/adAccounts/{account} and what is below it, and /rest/adAnalytics, "
        "conversions, dmpSegments, leadForms, images, videos and posts that name urn:li:sponsoredAccount:{account}."
    ),
    refuse=_refuse,
    urn=re.compile(r"urn(?::|%3A)li(?::|%3A)sponsoredAccount(?::|%3A)(\d+)", re.IGNORECASE),
    # An ordinary post shows in the feed of whoever follows the organisation.
    values={"feeddistribution": words("none")},
    look=_look,
    tunnels=True,
)
