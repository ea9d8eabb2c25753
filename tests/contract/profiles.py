"""What the contract expects of each channel: typed from the article's timelines and the fact sheets, not read from the packages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Profile:
    """One channel."""

    key: str
    deadline: str  # date or never, right after linking
    days: int | None  # until the deadline
    read: str  # address of a job's read below the API, {id} is the ad account's
    renews_after: int | None  # days after which a check renews; None: never
    moved_to: int | None = None  # days until the deadline after that renewal, counted from the linking
    doubtful: tuple[
        str, ...
    ] = ()  # actions of which the channel says too little: the log-in rests, and serves again once it is over
    refusals: tuple[Mapping[str, Any], ...] = ()  # answers that might be taken for an end, and are none
    less: Mapping[str, Any] | None = None  # how a consent is given that may only report
    reader: str = "reader"  # the role that may only report
    blocked: Mapping[str, Any] = field(default_factory=dict)  # how an ad account is restricted
    blocked_words: str = ""  # what must be shown of it
    free: Mapping[str, Any] = field(default_factory=dict)  # how the restriction is lifted
    partial: str = ""  # what a person may grant less of: scopes, accounts
    list_path: str = ""  # of the listing of ad accounts


FACEBOOK = Profile(
    "facebook",
    deadline="date",
    days=60,
    less={"scopes": ("ads_read", "business_management")},
    read="/v26.0/act_{id}?fields=name",
    renews_after=16,
    moved_to=76,
    blocked={"account_status": 2, "disable_reason": 1},
    blocked_words="advertising rules",
    free={"account_status": 1, "disable_reason": 0},
    partial="accounts",
    list_path="me/adaccounts",
)
SNAPCHAT = Profile(
    "snapchat",
    deadline="never",
    days=None,
    refusals=(
        {
            "path": "v1/organizations/",
            "status": 403,
            "body": {"request_status": "ERROR", "debug_message": "Not permitted"},
        },
        {"path": "v1/", "status": 429, "body": {"request_status": "ERROR", "msg": "Rate limit exceeded"}},
    ),
    read="/v1/adaccounts/{id}",
    renews_after=1,
    blocked={"status": "PENDING"},
    blocked_words="not yet approved",
    free={"status": "ACTIVE"},
    list_path="organizations",
)
X = Profile(
    "x",
    deadline="never",
    days=None,
    read="/12/accounts/{id}",
    renews_after=None,
    blocked={"approval_status": "REJECTED"},
    blocked_words="not approved",
    free={"approval_status": "ACCEPTED"},
    list_path="12/accounts$",
)
LINKEDIN = Profile(
    "linkedin",
    deadline="date",
    days=365,
    doubtful=("checkpoint",),  # a refresh is given, and what it gives is refused
    refusals=(
        {
            "path": "rest/",
            "status": 426,
            "body": {
                "status": 426,
                "code": "NONEXISTENT_VERSION",
                "message": "Requested version 20260901 is not active",
            },
        },
        {
            "path": "rest/",
            "status": 429,
            "body": {"status": 429, "code": "TOO_MANY_REQUESTS", "message": "APPLICATION DAY limit"},
        },
    ),
    less={"put": {"scope": "r_ads,r_ads_reporting,openid,profile"}},
    read="/rest/adAccounts/{id}",
    renews_after=16,
    moved_to=365,
    blocked={"details": {"servingStatuses": ["BILLING_HOLD"]}},
    blocked_words="billing",
    free={"details": {"servingStatuses": ["RUNNABLE"]}},
    list_path="adAccountUsers",
)
PINTEREST = Profile(
    "pinterest",
    deadline="date",
    days=60,
    refusals=(
        {"path": "v5/", "status": 429, "body": {"code": 8, "message": "This request exceeded a rate limit."}},
        {
            "path": "v5/[ua]",
            "status": 401,
            "body": {
                "code": 3,
                "message": "Your application does not have access to this restricted feature: ads",
            },
        },
    ),
    less={"put": {"scope": "ads:read,user_accounts:read"}},
    read="/v5/ad_accounts/{id}",
    renews_after=8,
    moved_to=68,
    blocked={"details": {"refuses": 2625}},
    blocked_words="disapproved",
    free={"details": {}},
    list_path="ad_accounts$",
)
TIKTOK = Profile(
    "tiktok",
    deadline="never",
    days=None,
    doubtful=("checkpoint",),
    refusals=(
        {
            "path": "",
            "status": 200,
            "body": {"code": 40124, "message": "The developer's application has been rejected."},
        },
        {"path": "advertiser/info", "status": 200, "body": {"code": 40114, "message": "logged out"}},
    ),
    read='/open_api/v1.3/advertiser/info/?advertiser_ids=["{id}"]',
    renews_after=None,
    blocked={
        "status": "STATUS_LIMIT",
        "details": {"rejection_reason": "1:against the rules,endtime:2031-12-31 07:32:13"},
    },
    blocked_words="against the rules",
    free={"status": "STATUS_ENABLE", "details": {"rejection_reason": ""}},
    partial="accounts",
    list_path="oauth2/advertiser/get",
)

PROFILES = (FACEBOOK, SNAPCHAT, X, LINKEDIN, PINTEREST, TIKTOK)
EVERY = {profile.key: profile for profile in PROFILES}
DOUBTFUL = [(profile.key, action) for profile in PROFILES for action in profile.doubtful]

# Trouble on every path: nothing of it may end a token or take an account away.
ODD = {"moon": "in the wrong house", "phase": 3}
TROUBLE: dict[str, dict[str, Any]] = {
    "500": {"status": 500, "body": {"message": "Internal Server Error"}},
    "200 with another object": {"status": 200, "body": ODD},
    "401 unknown": {"status": 401, "body": ODD},
    "403 with a page": {"status": 403, "body": "<html>Access denied</html>"},
}
