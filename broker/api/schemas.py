"""What the API takes and gives. Fields that are not named here are refused, so that a misspelt one is found by the first call."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError, PydanticKnownError

from accounts.pool import health
from broker.api.codes import Code
from broker.leases.services import MOST
from broker.leases.texts import text
from tokens.channels import declarations
from tokens.channels.kinds import Reason, Verdict
from tokens.models import Token


def _one_of(values: list[str], *, title: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": values, "title": title})


def _one_of_or_null(values: list[str], *, title: str) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "string", "enum": values, "title": title}, {"type": "null"}]})


def optional(schema: dict[str, Any]) -> None:
    """Leave the default out of the schema: generators of clients take a field with a default for one that must be sent."""
    schema.pop("default", None)


def without_nul(value: str | None) -> str | None:
    """Return a text that may be looked for or written as it is. Raises PydanticCustomError for NUL: PostgreSQL keeps no text with it."""
    if value and "\0" in value:
        raise PydanticCustomError("nul", "{said}", {"said": text("no_nul")})
    return value


def in_whole_characters(value: str) -> str:
    """Return a text that can be answered as it is. Raises PydanticKnownError for half a character."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PydanticKnownError("string_unicode") from None
    return value


# The values are known, so clients get them as a type. They are not checked on the way out: a reason that is new here must not cost a lease.
ReasonCode = Annotated[
    str | None,
    BeforeValidator(lambda value: value or None),
    _one_of_or_null(
        sorted({*Reason, *health.DECIDED_HERE, Token.DOUBTED, "paused", "min_valid_for"}),
        title="Reason",
    ),
]
ProblemCode = Annotated[str, _one_of(list(Code), title="ProblemCode")]
VerdictCode = Annotated[str, _one_of([verdict.value for verdict in Verdict], title="Verdict")]
# In addresses: one that is unknown is answered 404, as an account that is.
ChannelName = Annotated[str, _one_of(list(declarations.channel_keys()), title="ChannelKey")]
if TYPE_CHECKING:
    ChannelKey = str  # to a type checker; the values are the registry's
else:
    ChannelKey = StrEnum("ChannelKey", {key.upper(): key for key in declarations.channel_keys()})
    ChannelKey.__doc__ = "The channels of this installation."
AccountState = Literal["connected", "interrupted", "deactivated", "paused", "restricted"]
DeadlineKind = Literal["date", "never", "unknown", "none"]
Purpose = Literal["publish", "read"]

_KEY, _NAME = declarations.choices()[0]  # of examples

NAMED = (
    "ProblemCode",
    "Reason",
    "Verdict",
    "ChannelKey",
    "AccountState",
)  # lists of values that clients get as one type each
STATE_HELP = (
    "connected: a lease for publishing is given. interrupted: tokens are being checked, 503. "
    "deactivated, paused, restricted (by the channel): only a person can help, 409."
)
ELSEWHERE_HELP = "null: somebody outside the key's teams."


class FieldProblem(BaseModel):
    """What is wrong with one field or parameter."""

    location: Literal["body", "query", "path", "header"]
    field: str = Field(description="By its own name, with dots between levels; empty: the body as a whole.")
    detail: str


class Problem(BaseModel):
    """An error as RFC 9457 has it, with what a caller needs to decide."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": Code.PERSON_NEEDED.reference,
                "code": Code.PERSON_NEEDED,
                "title": "Only a person can help",
                "status": 409,
                "detail": f"This account is deactivated (password_changed). Somebody must re-authenticate at {_NAME}.",
                "reason": "password_changed",
                "since": "2026-11-25T09:00:00Z",
                "who": ["Ada Okafor"],
                "steps": ["Open the link in the mail from AdToken."],
            }
        }
    )

    type: str = Field(description="Address of the code's entry, relative to the installation.")
    code: ProblemCode = Field(description="What went wrong. Compare this.")
    title: str
    status: int
    detail: str = Field(description="For people. Do not compare it.")
    reason: ReasonCode = Field(None, description="409: why only a person can help.")
    since: datetime | None = Field(None, description="409: since when.")
    who: list[str] | None = Field(None, description="409: who can help.")
    steps: list[str] | None = Field(None, description="409: what they do.")
    retry_after: int | None = Field(None, description="409, 429, 503: seconds, as in the header Retry-After.")
    errors: list[FieldProblem] | None = Field(None, description="422: each field that is wrong.")


class ProblemEntry(BaseModel):
    """What a code means."""

    code: ProblemCode
    status: int
    title: str
    meaning: str


class PoolEntry(BaseModel):
    """One token of an account's pool, without anything secret."""

    token_id: int
    person: str | None = Field(description=f"Who authorised it. {ELSEWHERE_HELP}")
    native_user: str | None = Field(description=f"The person's name at the channel. {ELSEWHERE_HELP}")
    state: Literal["valid", "cooling", "dead"]
    reason: ReasonCode
    active: bool = Field(description="True: this one is leased now.")
    access: Literal["ok", "lost"]
    can_publish: Literal["yes", "no", "unknown"]
    deadline: datetime | None
    deadline_kind: Literal["date", "never", "unknown"]
    last_checked_at: datetime | None


class AccountOut(BaseModel):
    """An ad account as its pool stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "channel": _KEY,
                "native_id": "203847561029384",
                "name": "Lumen Shoes EU",
                "team": "General",
                "state": "connected",
                "reason": None,
                "since": "2026-11-25T09:00:00Z",
                "restriction": "",
                "deadline": "2027-01-24T09:00:00Z",
                "deadline_kind": "date",
                "usable_count": 2,
                "people": 2,
            }
        }
    )

    channel: ChannelKey
    native_id: str
    name: str
    team: str
    state: AccountState = Field(title="AccountState", description=STATE_HELP)
    reason: ReasonCode
    since: datetime
    restriction: str = Field(description="Why the channel limits it; empty: it does not.")
    deadline: datetime | None = Field(
        description="From when on the account stops unless a person acts before."
    )
    deadline_kind: DeadlineKind
    usable_count: int = Field(description="Tokens that could be leased now.")
    people: int = Field(description="People who keep it connected.")


class AccountDetail(AccountOut):
    """An ad account with its pool, and what to do where it needs a person."""

    pool: list[PoolEntry]
    what: str = Field(description="What happened, where the account is not connected.")
    who: str = Field(description="Who must act.")
    causes: list[str] = Field(description="Likely causes, never proven ones.")
    steps: list[str]


class AccountPage(BaseModel):
    """One page of accounts. Follow `next` until it is null."""

    accounts: list[AccountOut]
    next: str | None = Field(description="The `cursor` of the next page.")


class In(BaseModel):
    """A body that refuses what it does not know."""

    model_config = ConfigDict(
        extra="forbid", from_attributes=True
    )  # the latter as ninja's own: it words errors


class LeaseIn(In):
    """What a job needs. `{}` is a lease for publishing."""

    min_valid_for: int = Field(
        0, ge=0, le=31_536_000, description="Seconds that the token must still live; left out: 0. "
        "Ask for what the job takes: tokens of some channels live 30 minutes.",
        json_schema_extra=optional,
    )  # fmt: skip
    purpose: Purpose = Field(
        "publish", description="What for; left out: publish.", json_schema_extra=optional
    )


class AccountName(In):
    """An account, as addresses name it."""

    channel: Annotated[ChannelName, AfterValidator(in_whole_characters)]
    native_id: str = Field(max_length=200)


class KeyOut(BaseModel):
    """An API key, without its secret."""

    name: str
    scopes: list[str]
    teams: list[str]
    channels: list[str] = Field(description="None: all.")
    expires_at: datetime | None


class LeasesIn(LeaseIn):
    """The accounts of one batch, and what a job needs of each."""

    accounts: list[AccountName] = Field(min_length=1, max_length=MOST)


class SendOut(BaseModel):
    """Merge both blindly into the request."""

    headers: dict[str, str]
    query: dict[str, str]


class LeaseOut(BaseModel):
    """A token that works now."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "lease_id": "WzIsMSwxLDEs...:1tQ...",
                "expires_at": "2026-11-25T09:15:00Z",
                "channel": _KEY,
                "native_id": "203847561029384",
                "native_user": "Ada Okafor",
                "base_url": "https://api.channel.example/v1",
                "version": "v1",
                "signs": False,
                "send": {
                    "headers": {"Authorization": "Bearer EAAB..."},
                    "query": {"appsecret_proof": "5f3c..."},
                },
            }
        }
    )

    lease_id: str
    expires_at: datetime
    channel: ChannelKey
    native_id: str
    native_user: str | None = Field(description=f"Whose log-in it is, at the channel. {ELSEWHERE_HELP}")
    base_url: str = Field(
        description="What the addresses of the channel's ads API begin with, its version included where that is a part of them: "
        "add `/` and the call's own path."
    )
    version: str = Field(description="The version of the channel's API that AdToken itself uses.")
    signs: bool = Field(description="True: `send` is empty and every request is signed by POST .../sign.")
    send: SendOut


class LeaseOrProblem(BaseModel):
    """What became of one account of a batch: either of the two."""

    channel: str
    native_id: str
    lease: LeaseOut | None
    problem: Problem | None = Field(
        description="As the account's own lease would answer; `status` says which."
    )


class LeasesOut(BaseModel):
    """One for each account that was sent, in the same order."""

    leases: list[LeaseOrProblem]


class SignIn(In):
    """One request that is to be signed. It must be about the lease's ad account."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    url: str = Field(
        max_length=4000,
        description="Absolute address at the channel's Ads API.",
    )
    params: dict[str, str] = Field(
        {}, description="Query and form parameters that are not in the address.", json_schema_extra=optional
    )


class SignOut(BaseModel):
    """The header to send."""

    authorization: str = Field(examples=['OAuth oauth_consumer_key="...", oauth_signature="..."'])


class ReportIn(In):
    """What the channel answered to the job."""

    status: int = Field(ge=0, le=599, description="HTTP status; 0: no answer came.")
    body: Any = Field(
        None,
        description="Parsed JSON, else the text.",
        json_schema_extra=optional,
    )
    method: Literal["", "GET", "POST", "PUT", "PATCH", "DELETE"] = Field(
        "",
        description="Of the request that was answered. A good answer to a write shows that the person may write.",
        json_schema_extra=optional,
    )


class ReportOut(BaseModel):
    """What to do next."""

    verdict: VerdictCode = Field(
        description="What the answer says of the token, the account, or us. Where AdToken asked the channel itself, what that says: "
        "`ok` with `none` is an answer about the request, however it looked."
    )
    action: Literal["none", "retry_with", "retry_later", "hold"] = Field(
        description="none: nothing. Either the answer was good, or the token works as it is and the answer is about the request itself: "
        "correct that, or take it as it is; another lease is answered the same. "
        "retry_with: the lease below, of another log-in or a renewed token. retry_later: after `retry_after` seconds; "
        "of a refused write, also where this key's last one moved the account on within the hour. "
        "hold: until a person acted."
    )
    reason: ReasonCode
    detail: str = Field(description="For people; empty where the reason says it.")
    lease: LeaseOut | None = None
    retry_after: int | None = None
    problem: Problem | None = None
