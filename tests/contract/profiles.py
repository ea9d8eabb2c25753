"""What the contract expects of each channel: typed from the article's timelines and the fact sheets, not read from the packages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RUN_OUT = "run_out"  # the access token's time is over


@dataclass(frozen=True)
class Death:
    """An action that ends a log-in, and what must be known of it."""

    action: str  # of the stand-in, or RUN_OUT
    reason: str
    lifted: bool = False  # the person can lift it, and the same token works again


@dataclass(frozen=True)
class Profile:
    """One channel."""

    key: str
    deadline: str  # date or never, right after linking
    days: int | None  # until the deadline
    deaths: tuple[Death, ...]
    read: str  # address of a job's read below the API, {id} is the ad account's
    renews_after: int | None  # days after which a check renews; None: never
    moved_to: int | None = None  # days until the deadline after that renewal, counted from the linking
    harmless: tuple[str, ...] = ()  # actions that end nothing
    doubtful: tuple[
        str, ...
    ] = ()  # actions of which the channel says too little: the log-in rests, and serves again once it is over
    switches: tuple[
        Mapping[str, Any], ...
    ] = ()  # of the stand-in: trouble and disputed shapes that end nothing
    less: Mapping[str, Any] | None = None  # how a consent is given that may only report
    reader: str = "reader"  # the role that may only report
    blocked: Mapping[str, Any] = field(default_factory=dict)  # how an ad account is restricted
    blocked_words: str = ""  # what must be shown of it
    free: Mapping[str, Any] = field(default_factory=dict)  # how the restriction is lifted
    partial: str = ""  # what a person may grant less of: scopes, accounts
    list_path: str = ""  # of the listing of ad accounts
    many: int = 0  # so many ad accounts need a second page
    page: tuple[str, int] | None = (
        None  # the size of a page to ask for, where the usual one holds too much for a test
    )
    many_with: Mapping[str, Any] = field(default_factory=dict)  # switches of the stand-in for that


FACEBOOK = Profile(
    "facebook",
    deadline="date",
    days=60,
    deaths=(
        Death("change_password", "password_changed"),
        Death("cancel_authorisation", "authorisation_cancelled"),
        Death("log_out", "session_invalid"),
        Death("checkpoint", "security_checkpoint", lifted=True),
        Death("suspend", "security_checkpoint", lifted=True),
        Death("deactivate", "security_checkpoint", lifted=True),
        Death(RUN_OUT, "expired"),
    ),
    less={"scopes": ("ads_read", "business_management")},
    read="/v26.0/act_{id}?fields=name",
    renews_after=16,
    moved_to=76,
    blocked={"account_status": 2, "disable_reason": 1},
    blocked_words="advertising rules",
    free={"account_status": 1, "disable_reason": 0},
    partial="accounts",
    list_path="me/adaccounts",
    many=130,
)
SNAPCHAT = Profile(
    "snapchat",
    deadline="never",
    days=None,
    deaths=(
        # Snapchat refuses all of them alike and names no cause.
        Death("cancel_authorisation", "authorisation_cancelled"),
        Death("checkpoint", "authorisation_cancelled"),
        Death("suspend", "authorisation_cancelled"),
        Death("deactivate", "authorisation_cancelled"),
    ),
    harmless=("change_password", "log_out", RUN_OUT),
    switches=(
        {"small_letters": True},
        {"nested_roles": False},
        {"nested_accounts": False},
        {"refuses_organization": True},
        {"broken_organizations": True},
        {"rate_limit": {"limit": 0}},
        {"rate_limit": {"limit": 0, "headers": True}},
        {"rotate": True},
        {"expires_in": 3600},
        {"next_link_host": "https://elsewhere.example.com"},
    ),
    read="/v1/adaccounts/{id}",
    renews_after=1,
    blocked={"status": "PENDING"},
    blocked_words="not yet approved",
    free={"status": "ACTIVE"},
    list_path="organizations",
    many=130,
    page=("tokens.channels.snapchat.listing.PAGE_SIZE", 50),
    many_with={"nested_accounts": False},
)
X = Profile(
    "x",
    deadline="never",
    days=None,
    deaths=(
        Death("cancel_authorisation", "authorisation_cancelled"),
        Death("suspend", "suspended", lifted=True),
        Death("checkpoint", "security_checkpoint", lifted=True),
        Death("deactivate", "unknown"),
    ),
    harmless=("change_password", "log_out"),
    read="/12/accounts/{id}",
    renews_after=None,
    blocked={"approval_status": "REJECTED"},
    blocked_words="not approved",
    free={"approval_status": "ACCEPTED"},
    list_path="12/accounts$",
    many=12,
    page=("tokens.channels.x.listing.PAGE_SIZE", 5),
)
LINKEDIN = Profile(
    "linkedin",
    deadline="date",
    days=365,
    deaths=(
        Death("cancel_authorisation", "authorisation_cancelled"),
        Death("change_password", "authorisation_cancelled"),
        Death("suspend", "authorisation_cancelled"),
        Death("deactivate", "authorisation_cancelled"),
    ),
    harmless=("log_out", RUN_OUT),
    doubtful=("checkpoint",),  # a refresh is given, and what it gives is refused
    switches=(
        {"day_quota_over": True},
        {"no_revoke": True},
        {"unknown_is_inactive": True},
        {"rotate_refresh": True},
        {"fresh_delay": 600},
        {"active_versions": ["209901", "209912"]},
    ),
    less={"put": {"scope": "r_ads,r_ads_reporting,openid,profile"}},
    read="/rest/adAccounts/{id}",
    renews_after=16,
    moved_to=365,
    blocked={"details": {"servingStatuses": ["BILLING_HOLD"]}},
    blocked_words="billing",
    free={"details": {"servingStatuses": ["RUNNABLE"]}},
    list_path="adAccountUsers",
    many=130,
)
PINTEREST = Profile(
    "pinterest",
    deadline="date",
    days=60,
    deaths=(
        # Pinterest refuses all of them alike and names no cause.
        Death("cancel_authorisation", "authorisation_cancelled"),
        Death("change_password", "authorisation_cancelled"),
        Death("log_out", "authorisation_cancelled"),
        Death("checkpoint", "authorisation_cancelled"),
        Death("suspend", "authorisation_cancelled"),
        Death("deactivate", "authorisation_cancelled"),
    ),
    harmless=(RUN_OUT,),
    switches=(
        {"rate_limit": 1},
        {"rate_limit": 1, "rate_code": 30},
        {"restricted_feature": "ads"},
        {"numbers_as_text": True},
        {"scope_separator": " "},
        {"legacy": True},
        {"same_within": 60},
        {"rotate": False},
    ),
    less={"put": {"scope": "ads:read,user_accounts:read"}},
    read="/v5/ad_accounts/{id}",
    renews_after=8,
    moved_to=68,
    blocked={"details": {"refuses": 2625}},
    blocked_words="disapproved",
    free={"details": {}},
    list_path="ad_accounts$",
    many=260,
)
TIKTOK = Profile(
    "tiktok",
    deadline="never",
    days=None,
    deaths=(
        Death("cancel_authorisation", "authorisation_cancelled"),
        Death("suspend", "suspended", lifted=True),
        Death("deactivate", "suspended", lifted=True),
        Death(RUN_OUT, "expired"),
    ),
    harmless=("change_password", "log_out"),
    doubtful=("checkpoint",),
    switches=(
        {"burst": {"calls": 0, "seconds": 600, "message": "Too many requests"}},
        {"developer": "rejected"},
        {"developer": "no_permission"},
        {"missing_scopes": ["bc/get"]},
        {"denied": ["bc/get"]},
        {"errors": {"user/info": [50000, "System error"]}},
        {"errors": {"user/info": [40009, "never seen"]}},
        {"errors": {"advertiser/info": [40114, "logged out"]}},
        {"errors": {"bc/get": [40700, "conflict"]}},
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
    many=130,
)

PROFILES = (FACEBOOK, SNAPCHAT, X, LINKEDIN, PINTEREST, TIKTOK)
EVERY = {profile.key: profile for profile in PROFILES}
DOUBTFUL = [(profile.key, action) for profile in PROFILES for action in profile.doubtful]

# Trouble on every path: nothing of it may end a token or take an account away.
ODD = {"moon": "in the wrong house", "phase": 3}
TROUBLE: dict[str, dict[str, Any]] = {
    "500": {"status": 500, "body": {"message": "Internal Server Error"}},
    "429": {"status": 429, "body": {"message": "slow down"}, "headers": {"Retry-After": "30"}},
    "connection cut": {"drop": True},
    "200 with another object": {"status": 200, "body": ODD},
    "200 with a page": {"status": 200, "body": "<html>Please log in</html>"},
    "400 unknown": {"status": 400, "body": ODD},
    "401 unknown": {"status": 401, "body": ODD},
    "403 with a page": {"status": 403, "body": "<html>Access denied</html>"},
    "404 with a page": {"status": 404, "body": "<html>Not found</html>"},
}
