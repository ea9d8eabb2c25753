"""What exists in the stand-in world: apps, native users, ad accounts, what was granted and issued.

All records are flat dataclasses of plain JSON values, so that a state file is just their fields. Times are whole
seconds since the epoch, UTC.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Self

CHANNELS = ("facebook", "x")

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


ROLES: dict[str, dict[str, list[str]]] = {
    "admin": {
        "facebook": ["DRAFT", "ANALYZE", "ADVERTISE", "MANAGE"],
        "x": ["ACCOUNT_ADMIN", "TWEET_COMPOSER"],
    },
    "advertiser": {"facebook": ["DRAFT", "ANALYZE", "ADVERTISE"], "x": ["AD_MANAGER", "TWEET_COMPOSER"]},
    "reader": {"facebook": ["ANALYZE"], "x": ["ANALYST"]},
}
"""Role -> what each channel calls it: Facebook's user_tasks, X's permissions."""


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


def start_apps(redirect_bases: list[str]) -> list[App]:
    """The two apps of the start world; their redirect addresses are built from the bases."""
    bases = [base.rstrip("/") for base in redirect_bases]

    def uris(channel: str) -> list[str]:
        return [f"{base}/link/{channel}/callback/" for base in bases]

    return [
        App("facebook", FACEBOOK_CLIENT_ID, "facebook-sandbox-secret", redirect_uris=uris("facebook")),
        App("x", X_CLIENT_ID, "x-sandbox-secret", redirect_uris=uris("x")),
    ]


_PEOPLE = [
    ("ada", "Ada Okafor", "AdaOkafor", "10215241773831025", "2417045708"),
    ("ben", "Ben Lindqvist", "BenLindqvist", "10228604863005643", "3160921874"),
    ("chiara", "Chiara Rossi", "ChiaraRossi", "10157730912648802", "2893310457"),
    ("emil", "Emil Novak", "EmilNovak", "10163348207715930", "4471206935"),
]


def start_users() -> list[NativeUser]:
    """Four people, each with a login on both channels."""
    users = []
    for key, name, screen_name, facebook_id, x_id in _PEOPLE:
        email = f"{key}@people.example"
        users.append(NativeUser("facebook", key, facebook_id, name, screen_name, email))
        users.append(NativeUser("x", key, x_id, name, screen_name, email))
    return users


def start_accounts() -> list[AdAccount]:
    """Five ad accounts on each channel: three in order, one blocked, one closed."""
    berlin, london = ("EUR", "Europe/Berlin"), ("GBP", "Europe/London")
    lumen = {"ada": "admin", "ben": "advertiser", "chiara": "reader"}
    fern = {"ada": "admin", "emil": "admin"}
    marlo = {"ada": "admin", "ben": "advertiser"}
    blocked_fb: dict[str, Any] = {"account_status": 2, "disable_reason": 3}
    blocked_x: dict[str, Any] = {"approval_status": "REJECTED", "able_to_fund": False}
    return [
        AdAccount("facebook", "203847561029384", "Lumen Shoes EU", *berlin, dict(lumen)),
        AdAccount("facebook", "318204957716203", "Fern Gardens", *london, dict(fern)),
        AdAccount("facebook", "427719305582046", "Harbor Coffee DE", *berlin, {"ben": "admin"}),
        AdAccount("facebook", "590126384471935", "Marlo Optics", *berlin, dict(marlo), **blocked_fb),
        AdAccount(
            "facebook", "164093827750418", "Brand EU (old)", *berlin, {"ada": "admin"}, account_status=101
        ),
        AdAccount("x", "18ce54d4x5t", "Lumen Shoes EU", *berlin, dict(lumen)),
        AdAccount("x", "18ce55gq7fk", "Fern Gardens", *london, dict(fern)),
        AdAccount("x", "18ce563t2hm", "Harbor Coffee DE", *berlin, {"ben": "admin"}),
        AdAccount("x", "18ce57kw9rz", "Marlo Optics", *berlin, dict(marlo), **blocked_x),
        AdAccount(
            "x", "18ce4zb1n8c", "Brand EU (old)", *berlin, {"ada": "admin"}, approval_status="CANCELLED"
        ),
    ]
