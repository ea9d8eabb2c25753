"""What a channel package speaks of, in our words: verdicts, reasons, and the shapes of what it is given and gives. It reads no setting."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from django.utils.functional import Promise


class Verdict(StrEnum):
    """What an answer of a channel says about the token, the account, the channel app, or us."""

    OK = "ok"
    TRANSIENT = "transient"  # passing trouble; never kills
    RATE_LIMITED = "rate_limited"
    CONFIRM_FIRST = "confirm_first"  # looks dead, but this answer alone does not prove it
    TOKEN_DEAD = "token_dead"  # noqa: S105  # a verdict, not a secret
    # The token lives, this ad account is out of its reach, for everything or for publishing only.
    ACCESS_LOST = "access_lost"
    ACCOUNT_RESTRICTED = "account_restricted"
    APP_FAULT = "app_fault"  # the channel refuses our app; no token is touched
    OUR_BUG = "our_bug"


DOUBTFUL = frozenset({Verdict.TOKEN_DEAD, Verdict.CONFIRM_FIRST})  # the token looks dead
HARMLESS = frozenset({Verdict.TRANSIENT, Verdict.RATE_LIMITED})  # passes by itself
HINDERED = HARMLESS | {Verdict.APP_FAULT}  # the question was not answered: nothing follows for the token


class Reason(StrEnum):
    """Why a token is not valid, or a pair of token and account is of no use."""

    EXPIRED = "expired"
    DATA_ACCESS_EXPIRED = "data_access_expired"  # the access token's own date is still to come
    REFRESH_EXPIRED = "refresh_expired"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # a reason, not a secret
    AUTHORISATION_CANCELLED = "authorisation_cancelled"
    SESSION_INVALID = "session_invalid"
    ANSWER_LOST = "answer_lost"  # the answer to one of our refreshes never reached us: whatever is refused since is nobody's doing
    UNKNOWN = "unknown"
    SECURITY_CHECKPOINT = "security_checkpoint"
    SUSPENDED = "suspended"
    POLICY_VIOLATION = "policy_violation"
    # Of a pair, never of a token:
    SCOPE_MISSING = "scope_missing"
    ACCESS_LOST = "access_lost"
    PUBLISHING_LOST = "publishing_lost"
    # Of a pair too: the role permits writing, and the channel refuses what this person writes.
    TWO_FACTOR_REQUIRED = "two_factor_required"
    VERIFICATION_REQUIRED = "verification_required"
    ADVERTISING_REFUSED = "advertising_refused"
    WRITING_REFUSED = "writing_refused"
    # Beside the token:
    RESTRICTED = "restricted"
    APP_FAULT = "app_fault"
    TRANSIENT = "transient"


# The person lifts these at the channel and the same token works again, so it is asked again daily for 30 days.
LIFTABLE = frozenset({Reason.SECURITY_CHECKPOINT, Reason.SUSPENDED, Reason.POLICY_VIOLATION})
# An admin of the ad account gives back what is missing; no new consent of the person does.
AN_ADMIN_HELPS = frozenset({Reason.ACCESS_LOST, Reason.PUBLISHING_LOST})
# The channel stopped the person's own account: they can only appeal there, and meanwhile somebody else links the ad account.
AN_APPEAL_HELPS = frozenset({Reason.SUSPENDED, Reason.POLICY_VIOLATION})
# A new consent changes nothing here.
NOT_BY_CONSENT = AN_ADMIN_HELPS | AN_APPEAL_HELPS | {Reason.RESTRICTED, Reason.APP_FAULT, Reason.TRANSIENT}
# Only an answer to a write shows these: the log-in works, and reading the role says that the person may write.
WRITE_REFUSALS = frozenset(
    {
        Reason.TWO_FACTOR_REQUIRED,
        Reason.VERIFICATION_REQUIRED,
        Reason.ADVERTISING_REFUSED,
        Reason.WRITING_REFUSED,
    }
)

Call = Literal["api", "refresh", "exchange", "introspect", "list_accounts", "authorize_callback"]
CanPublish = Literal["yes", "no", "unknown"]
DateSource = Literal["provider", "introspection", "never", "unknown"]


@dataclass(frozen=True)
class Answer:
    """One HTTP answer of a channel, names of headers in lower case. `body` is the parsed JSON, else the text. Status 0: no answer came."""

    call: Call
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True)
class Classification:
    """What an answer means. `row` names the row of the channel's verdict table that decided."""

    verdict: Verdict
    reason: Reason | None = None
    row: str = ""
    retry_after: int | None = None  # seconds, where the channel says so
    note: str = ""  # the channel's own words on a restriction, without secrets
    unknown: str = ""  # fingerprint of an answer that no row of the table knows; "" where one does


class ChannelError(Exception):
    """A call to a channel that did not give what was asked. Carries the decision; its text is fit for staff."""

    def __init__(self, classification: Classification, *, evidence: Mapping[str, Any] | None = None) -> None:
        super().__init__(
            f"{classification.verdict}: {classification.row or classification.reason or 'no detail'}"
        )
        self.classification = classification
        self.evidence = dict(evidence or {})


@dataclass(frozen=True, repr=False)
class Credentials:
    """What authenticates a call as one native user. Never printed."""

    access_token: str
    refresh_token: str = ""
    secret: str = ""  # the token secret of OAuth 1.0a

    def __repr__(self) -> str:
        return "<credentials>"

    def as_dict(self) -> dict[str, str]:
        """Return the secret parts that are set, ready to be sealed."""
        parts = {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "secret": self.secret,
        }
        return {name: value for name, value in parts.items() if value}


@dataclass(frozen=True)
class Dates:
    """The clocks of a token and who said them. A missing date is unknown, never expired."""

    issued_at: datetime | None = None
    access_expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    data_access_expires_at: datetime | None = None
    # clock ("access", "refresh", "data_access") -> who said it; "never": the channel says that this clock has no end
    sources: Mapping[str, DateSource] = field(default_factory=dict)


@dataclass(frozen=True)
class Identity:
    """Who consented, on the channel's own side."""

    native_user_id: str
    name: str
    kind: Literal["person", "system"] = "person"  # system: a user that belongs to a business, not to a person


@dataclass(frozen=True)
class Who:
    """By which names a good answer says whose token it is, the best first; in the object that is called `within`, if there is one."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    within: str = ""
    numeric: bool = True  # whether an id is a number, which may come as text


@dataclass(frozen=True)
class Grant:
    """What an exchange, a renewal or a pasted token gave."""

    credentials: Credentials
    dates: Dates
    scopes: tuple[str, ...] | None = None  # None: the channel did not say


@dataclass(frozen=True)
class ChannelConsent:
    """What a person's consent gave. Its repr shows no credentials."""

    identity: Identity
    grant: Grant


@dataclass(frozen=True)
class NativeAccount:
    """One ad account as the channel shows it to one native user."""

    native_id: str  # canonical, see Channel.canonical_id
    name: str
    currency: str = ""
    time_zone: str = ""
    native_status: str = ""  # the channel's own word
    restriction: str | None = ""  # in the channel's words; empty: none; None: this answer does not tell
    closed: bool = False  # closed or deleted: cannot be linked
    role: str = ""  # the channel's own word
    can_publish: CanPublish = "unknown"
    role_told: bool = True  # False: nobody could be asked about the role, so what is known of it stands
    business: str = ""  # whose it is at the channel, by name, where it tells; a team of that name is proposed


@dataclass(frozen=True)
class AccountList:
    """The ad accounts of one native user. Incomplete lists change nothing and are shown as such."""

    accounts: tuple[NativeAccount, ...]
    complete: bool = True


@dataclass(frozen=True)
class Inspection:
    """What the channel says of a token when asked directly. `classification.verdict` is OK, TOKEN_DEAD, or what hindered the question."""

    classification: Classification
    dates: Dates | None = None
    scopes: tuple[str, ...] | None = None
    native_user_id: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    # Of the log-in, for readings of its ad accounts: see `Channel.read_account`.
    told: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class AccessCheck:
    """One ad account read with one token. ACCESS_LOST in `classification` is about this pair only."""

    classification: Classification
    account: NativeAccount | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Owner:
    """Which ad account an object belongs to: "" for none. With `answer` it is not known: the channel answered that instead."""

    native_id: str = ""
    answer: Answer | None = None


@dataclass(frozen=True, repr=False)
class Send:
    """How a caller sends a token: merge both blindly into the request. Never printed."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "<send>"


@dataclass(frozen=True)
class RequestedScope:
    """One permission that is asked for."""

    name: str  # the channel's name
    label: str | Promise  # as people read it: “Manage ads”
    publishing: bool  # whether publishing needs it


@dataclass(frozen=True)
class Lifetime:
    """How long authorisations last at this channel: data with a source, because vendors change it. What is said of it: words.txt."""

    access: timedelta | None  # None: it has no end
    source: str
    checked: str  # ISO date


@dataclass(frozen=True)
class Version:
    """One version of a channel's API."""

    name: str  # as the setting has it: "v26.0"
    # The first day on which the channel does not serve it; None: no end is announced.
    ends: date | None = None
    # Where no end is announced: the day by which earlier versions ended after as long. Then the channel's page is to be read again.
    expected: date | None = None

    @property
    def end(self) -> date | None:
        """The day that operators are warned of: announced, else expected, else none."""
        return self.ends or self.expected


@dataclass(frozen=True)
class Versions:
    """The versions of a channel's API that AdToken knows: data with a source, because vendors end them."""

    setting: str  # the setting that holds the one in use
    default: str  # what the setting says where nobody set it
    known: tuple[Version, ...]  # the oldest first
    source: str
    checked: str  # ISO date

    def find(self, name: str) -> Version | None:
        """Return a version by its name; None where AdToken does not know it, and it is older than the newest that it knows.

        One that is newer is expected to live as long as that one, or for a year from the month that it is named by.
        """
        newest = self.known[-1]
        found = next((version for version in self.known if version.name == name), None)
        if found is not None or _numbers(name) <= _numbers(newest.name):
            return found
        month = _MONTH.fullmatch(name)
        expected = date(int(month[1]) + 1, int(month[2]), 1) if month else newest.end
        return Version(name, expected=expected)


_MONTH = re.compile(r"(20\d\d)(0[1-9]|1[0-2])")


def _numbers(name: str) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", name)]


@dataclass(frozen=True)
class Declaration:
    """What must be known of a channel before Django is set up: its names, addresses and colours. Every setting begins with the key."""

    key: str  # "facebook": lower case, no underscore, 20 characters at most
    label: str  # "Facebook"
    addresses: Mapping[
        str, str
    ]  # setting -> the channel's own address, which a stand-in's takes the place of
    consent: str  # the setting of `addresses` under which its consent page is
    consent_path: str  # the page below that address; {version} stands for the version in use
    api: str  # the setting of `addresses` under which its ads API is
    api_path: str  # what all calls' addresses there begin with, alike
    versions: Versions
    colours: tuple[str, str]  # of its mark and charts on light and on dark ground: "#2f62c9"
    client: tuple[str, ...]  # lines of Python that set its own client up for the gate: {base}, {credential}
    # A refresh token whose answer was lost may be tried once more at once.
    refresh_again_is_safe: bool = False


@dataclass(frozen=True)
class Renewal:
    """How a channel's tokens are renewed without a person: data, which the engine in tokens.token.renewal goes by.

    Two kinds: with a refresh token (`exchange` false), or by exchanging a living token that has a date (`exchange` true), which is then
    accepted only where the date moved.
    """

    exchange: bool
    source: str
    lead: timedelta | None = None  # renewed once less than this of the access date is left
    every: timedelta | None = None  # renewed at least so often, whatever the dates say
    again_after: timedelta = timedelta(hours=1)  # the next try after one that did not help
    spare: timedelta = timedelta(0)  # a lease with less left of the access token renews it first
    # Every renewal gives the refresh token a new life of this length; None: its date stands, or it has none.
    rolls: timedelta | None = None
    # How long a refresh token of an older kind lives from the consent on, which no renewal moves. What the last renewal gives outlives it.
    fixed: timedelta | None = None


@dataclass(frozen=True)
class AppKeys:
    """A channel app, unsealed: what native calls need of it. Never printed."""

    client_id: str
    secrets: tuple[str, ...] = field(repr=False)  # newest first
    redirect_uri: str
    scopes: tuple[str, ...]
    # A configuration of the log-in, where the channel has such (Facebook's Login for Business).
    config_id: str = ""

    @property
    def secret(self) -> str:
        """The newest secret."""
        return self.secrets[0]


def refresh_form(credentials: Credentials) -> dict[str, str]:
    """Return what a renewal by refresh token sends, besides what proves the app (RFC 6749, section 6)."""
    return {"grant_type": "refresh_token", "refresh_token": credentials.refresh_token}


START_AGAIN = "state"  # name of table rows that say: this handshake is over, the person starts again
