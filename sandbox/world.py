"""What exists in the stand-in world: apps, native users, ad accounts, what was granted and issued.

All records are flat dataclasses of plain JSON values, so that a state file is just their fields. Times are whole
seconds since the epoch, UTC.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Self

CHANNELS = ("facebook", "snapchat", "x", "linkedin", "pinterest", "tiktok")

MARKER = "SBXTOKEN"
"""Stands in every token and token secret that the sandbox issues, so that leaks can be searched for."""

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
    settings: dict[str, Any] = field(default_factory=dict)  # switches of one channel, see its knobs.py


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
    """An authorisation code of Snapchat, LinkedIn, Pinterest or TikTok, and of X's OAuth 2."""

    code: str
    channel: str
    client_id: str
    user: str
    redirect_uri: str
    scopes: list[str]
    account_ids: list[str]
    issued_at: int
    used: bool = False
    challenge: str = ""  # X: PKCE
    challenge_method: str = ""


@dataclass
class OauthToken(Record):
    """One consent at Snapchat, LinkedIn, Pinterest, TikTok, or X by OAuth 2.

    It holds the access token that is good now and the refresh token, if any.
    `dead` is why the consent ended ("cancelled", "password", ...), or nothing. Old strings of a consent stand in `spent`.
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
    """How the next token answer of Snapchat, LinkedIn, Pinterest or TikTok comes out (control API, `tokens/next`)."""

    channel: str
    kind: str = ""  # code, refresh, or any
    user: str = ""  # empty: anybody's
    put: dict[str, Any] = field(default_factory=dict)  # fields that the answer gets
    omit: list[str] = field(default_factory=list)  # fields that it lacks
    count: int = 1


@dataclass
class NextToken(Record):
    """An order for how the next Facebook token comes out (control API, `next_token`). Empty fields keep the default."""

    kind: str = "exchange"  # exchange (fb_exchange_token) or code
    user: str = ""  # empty: anybody's
    issued_at: int | None = None
    expires_at: int | None = None
    data_access_expires_at: int | None = None
    omit_expires_in: bool = False
    same_token: bool = False  # give back the old string with the old dates
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


FACEBOOK_CLIENT_ID = "100000000000001"
X_CLIENT_ID = "x-sandbox-key"

APPS = {
    # channel: client id, secret
    "facebook": (FACEBOOK_CLIENT_ID, "facebook-sandbox-secret"),
    "snapchat": ("5d7f1c1e-7a52-4c6b-9f0e-2b6d1f8a9c01", "snapchat-sandbox-secret"),
    "x": (X_CLIENT_ID, "x-sandbox-secret"),
    "linkedin": ("861sandbox0abc", "linkedin-sandbox-secret"),
    "pinterest": ("1480001", "pinterest-sandbox-secret"),
    "tiktok": ("7290000000000000001", "tiktok-sandbox-secret"),
}
"""The app of the start world on each channel."""


def start_apps(redirect_bases: list[str]) -> list[App]:
    """One app per channel; their redirect addresses are built from the bases."""
    bases = [base.rstrip("/") for base in redirect_bases]
    return [
        App(channel, *keys, redirect_uris=[f"{base}/link/{channel}/callback/" for base in bases])
        for channel, keys in APPS.items()
    ]


_PEOPLE = {
    "ada": ("Ada Okafor", "AdaOkafor"),
    "ben": ("Ben Lindqvist", "BenLindqvist"),
    "chiara": ("Chiara Rossi", "ChiaraRossi"),
    "emil": ("Emil Novak", "EmilNovak"),
}
_USER_IDS = {
    # in the order of _PEOPLE
    "facebook": ("10215241773831025", "10228604863005643", "10157730912648802", "10163348207715930"),
    "snapchat": (
        "a71cfcae-895d-4314-9460-e2ffd2515dd0",
        "0c3a6be5-5b9c-4d7b-8f5e-9a3d1f2b7c44",
        "d4f8e0a2-6c1b-4b92-9e07-58c6a1b3f0de",
        "9b27c5f1-3e84-4f60-a1d9-7042be6d5a18",
    ),
    "x": ("2417045708", "3160921874", "2893310457", "4471206935"),
    "linkedin": ("HRnXB4kIO7", "qP3vW81tZs", "Lm0yKd5RbE", "xT9cJf2GuA"),
    "pinterest": ("2783136121146311751", "3819017734906426391", "2904415526371180264", "4125338097641152087"),
    "tiktok": ("7012440938512760321", "7025518830147305986", "7038846213590427137", "7049973350268141571"),
}


def start_users() -> list[NativeUser]:
    """Four people, each with a login on every channel."""
    return [
        NativeUser(channel, key, native_id, *_PEOPLE[key], f"{key}@people.example")
        for channel, ids in _USER_IDS.items()
        for key, native_id in zip(_PEOPLE, ids, strict=True)
    ]


_ACCOUNT_IDS = {
    # in the order of start_accounts
    "facebook": (
        "203847561029384",
        "318204957716203",
        "427719305582046",
        "590126384471935",
        "164093827750418",
    ),
    "snapchat": (
        "e4cd371b-8de8-4011-a8d2-860fe77c09e1",
        "5f0d7c0b-2f3e-4a8b-8c57-3f6a1d9be702",
        "c81a9d64-0b5e-47f2-9a3c-d2e5f7081b43",
        "17b3e6f9-94d2-4c0a-b6e8-0a5c3d7f2e61",
        "86e0d4a7-51c9-4e3b-9f12-b7a4c6d8e0f5",
    ),
    "x": ("18ce54d4x5t", "18ce55gq7fk", "18ce563t2hm", "18ce57kw9rz", "18ce4zb1n8c"),
    "linkedin": ("508720451", "509314782", "510086623", "511745904", "502218377"),
    "pinterest": ("549755885175", "549756012348", "549756134902", "549756260071", "549754998816"),
    "tiktok": (
        "7002238017842757633",
        "7014406592318734338",
        "7026631874055290881",
        "7001035076276387841",
        "6987715523890434049",
    ),
}
_BLOCKED: dict[str, dict[str, Any]] = {
    "facebook": {"account_status": 2, "disable_reason": 3},
    "x": {"approval_status": "REJECTED", "able_to_fund": False},
    "linkedin": {"status": "ACTIVE", "details": {"servingStatuses": ["BILLING_HOLD"]}},
    "tiktok": {
        "status": "STATUS_LIMIT",
        "details": {
            "rejection_reason": "1:Your account has been temporarily suspended,endtime:2031-12-31 07:32:13"
        },
    },
    "snapchat": {"status": "PENDING"},
    "pinterest": {"details": {"refuses": 2625}},  # Pinterest has no status: calls say it
}
_CLOSED: dict[str, dict[str, Any]] = {
    "facebook": {"account_status": 101},
    "x": {"approval_status": "CANCELLED"},
    "linkedin": {"status": "CANCELED"},
    "tiktok": {"status": "STATUS_DISABLE"},
    "snapchat": {"status": "DISABLED"},
    "pinterest": {},
}
_IN_ORDER = {"snapchat": "ACTIVE", "linkedin": "ACTIVE", "tiktok": "STATUS_ENABLE"}


def start_accounts() -> list[AdAccount]:
    """Five ad accounts on each channel: three in order, one blocked, one closed."""
    return [account for channel in CHANNELS for account in _accounts_on(channel)]


def _accounts_on(channel: str) -> list[AdAccount]:
    lumen, fern, harbor, marlo, old = _ACCOUNT_IDS[channel]
    berlin, london = ("EUR", "Europe/Berlin"), ("GBP", "Europe/London")
    accounts = [
        AdAccount(
            channel,
            lumen,
            "Lumen Shoes EU",
            *berlin,
            {"ada": "admin", "ben": "advertiser", "chiara": "reader"},
        ),
        AdAccount(channel, fern, "Fern Gardens", *london, {"ada": "admin", "emil": "admin"}),
        AdAccount(channel, harbor, "Harbor Coffee DE", *berlin, {"ben": "admin"}),
        AdAccount(channel, marlo, "Marlo Optics", *berlin, {"ada": "admin", "ben": "advertiser"}),
        AdAccount(channel, old, "Brand EU (old)", *berlin, {"ada": "admin"}),
    ]
    for account in accounts:
        account.status = _IN_ORDER.get(channel, "")
    for account, changes in ((accounts[3], _BLOCKED[channel]), (accounts[4], _CLOSED[channel])):
        for name, value in changes.items():
            setattr(account, name, dict(value) if isinstance(value, dict) else value)
    return accounts
