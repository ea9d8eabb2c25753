"""What exists in the stand-in world: apps, native users, ad accounts, what was granted and issued. What is in it at first: start.py.

All records are flat dataclasses of plain JSON values, so that a state file is just their fields. Times are whole
seconds since the epoch, UTC.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Self

CHANNELS = ("facebook", "snapchat", "x", "linkedin", "pinterest", "tiktok")

MARKER = "SBXTOKEN"
"""Part of every token and token secret that the sandbox issues, so that leaks can be searched for."""

DAY = 86_400
NEVER = 0
"""`expires_at` of a Facebook token that never ends."""


@dataclass
class Record:
    """A row of the world that can be read back from JSON."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Take the known fields of `data`; unknown ones (of an older or newer sandbox) are left out."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})


@dataclass
class App(Record):
    """A developer app on one channel."""

    channel: str
    client_id: str
    secret: str
    name: str = "AdToken"
    redirect_uris: list[str] = field(default_factory=list)
    proof_required: bool = True  # Facebook: "Require app secret" of the app's advanced settings
    suspended: bool = False
    deauthorise_url: str = ""  # Facebook: called when a native user removes the app
    settings: dict[str, Any] = field(default_factory=dict)  # switches of one channel, see its switches.py


@dataclass
class NativeUser(Record):
    """A person on one channel. `key` is our short name for the person, the same on all channels."""

    channel: str
    key: str
    id: str
    name: str
    screen_name: str
    email: str = ""
    checkpoint: bool = False
    suspended: bool = False
    deactivated: bool = False


@dataclass
class AdAccount(Record):
    """An ad account. `roles` maps the key of a native user to one of ROLES."""

    channel: str
    id: str
    name: str
    currency: str
    time_zone: str
    roles: dict[str, str] = field(default_factory=dict)
    account_status: int = 1  # Facebook
    disable_reason: int = 0  # Facebook
    approval_status: str = "ACCEPTED"  # X
    able_to_fund: bool = True  # X, of its funding instrument
    status: str = ""  # Snapchat, LinkedIn and TikTok, in the channel's own word
    details: dict[str, Any] = field(default_factory=dict)  # further fields of one channel


ROLES: dict[str, dict[str, list[str]]] = {
    "admin": {
        "facebook": ["DRAFT", "ANALYZE", "ADVERTISE", "MANAGE"],
        "snapchat": ["admin"],
        "x": ["ACCOUNT_ADMIN", "TWEET_COMPOSER"],
        "linkedin": ["ACCOUNT_BILLING_ADMIN"],
        "pinterest": ["OWNER"],
        "tiktok": ["ADMIN"],
    },
    "advertiser": {
        "facebook": ["DRAFT", "ANALYZE", "ADVERTISE"],
        "snapchat": ["general"],
        "x": ["AD_MANAGER", "TWEET_COMPOSER"],
        "linkedin": ["CAMPAIGN_MANAGER"],
        "pinterest": ["CAMPAIGN_MANAGER"],
        "tiktok": ["OPERATOR"],
    },
    "reader": {
        "facebook": ["ANALYZE"],
        "snapchat": ["reports"],
        "x": ["ANALYST"],
        "linkedin": ["VIEWER"],
        "pinterest": ["ANALYST"],
        "tiktok": ["ANALYST"],
    },
}
"""Role -> what each channel calls it: Facebook's user_tasks, the permissions of X and Pinterest, the roles of the others."""


@dataclass
class Grant(Record):
    """What one Facebook user allows one app. All tokens of the pair follow it, old ones too."""

    client_id: str
    user: str
    scopes: list[str]
    declined: list[str]
    account_ids: list[str]


@dataclass
class FacebookCode(Record):
    """An authorisation code of the dialog."""

    code: str
    client_id: str
    user: str
    redirect_uri: str
    issued_at: int
    used: bool = False
    system: bool = False  # a configuration of Login for Business gives a system user's token


@dataclass
class FacebookToken(Record):
    """A user access token. `dead_subcode` is the row of the error table that ended it (458, 460, 467), or none."""

    token: str
    client_id: str
    user: str
    issued_at: int
    expires_at: int
    data_access_expires_at: int
    long_lived: bool
    dead_subcode: int | None = None
    system: bool = False  # the token of a system user: never ends, or after 60 days


@dataclass
class XRequestToken(Record):
    """The temporary pair of the OAuth 1.0a dance; the verifier comes with the consent and is good once."""

    token: str
    secret: str
    client_id: str
    callback: str
    issued_at: int
    user: str = ""
    verifier: str = ""
    used: bool = False


@dataclass
class XToken(Record):
    """An OAuth 1.0a pair. It has no end date: it lives until it is revoked."""

    token: str
    secret: str
    client_id: str
    user: str
    issued_at: int
    dead: bool = False


@dataclass
class OauthCode(Record):
    """An authorisation code of Snapchat, LinkedIn, Pinterest or TikTok."""

    code: str
    channel: str
    client_id: str
    user: str
    redirect_uri: str
    scopes: list[str]
    account_ids: list[str]
    issued_at: int
    used: bool = False


@dataclass
class OauthToken(Record):
    """One consent at Snapchat, LinkedIn, Pinterest or TikTok.

    It holds the access token that is good now and the refresh token, if any.
    `dead` is why the consent ended ("cancelled", "password", ...), or nothing. Old strings of a consent are in `spent`.
    """

    token: str
    channel: str
    client_id: str
    user: str
    scopes: list[str]
    account_ids: list[str]
    consented_at: int
    issued_at: int
    expires_at: int = NEVER
    refresh_token: str = ""
    refresh_expires_at: int = NEVER
    dead: str = ""
    spent: list[str] = field(default_factory=list)


@dataclass
class Order(Record):
    """How the next token answer comes out (control API, `tokens/next`); not X's.

    Of Facebook `put` sets dates of the token, or `same_token`: the exchange gives the old string and dates back.
    """

    channel: str
    kind: str = ""  # code, refresh (Facebook: exchange), or any
    user: str = ""  # empty: anybody's
    put: dict[str, Any] = field(default_factory=dict)  # fields that the answer gets
    omit: list[str] = field(default_factory=list)  # fields that it lacks
    count: int = 1


@dataclass
class Campaign(Record):
    """A campaign that was published; `fields` as the channel takes and shows them."""

    channel: str
    id: str
    account_id: str
    fields: dict[str, Any]
    created_by: str
    created_at: int
