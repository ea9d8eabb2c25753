"""What the calls about asks take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from accounts.asks import links
from broker.api.schemas import (
    AccountName,
    ChannelKey,
    ChannelName,
    In,
    in_whole_characters,
    optional,
    without_nul,
)
from broker.leases.texts import text

MOST = 100  # accounts of one call
NOTE = 200  # characters
Kind = Literal["renew", "second_person", "client_link"]
State = Literal["open", "done", "stopped", "expired"]
Stage = Literal[
    "waiting", "sent", "opened", "at_channel", "done", "failed", "not_askable", "left", "declined"
]
# Fields of each kind; it refuses the others, so that nothing that was meant is left out in silence.
COMMON = {"kind", "accounts", "name", "note"}
TAKES = {
    "renew": COMMON | {"days"},
    "second_person": COMMON | {"email"},
    "client_link": COMMON | {"email", "team", "channels", "days", "send_mail", "return_url"},
}


def _text(most: int, description: str, **more: Any) -> Any:
    """Return a text that may be left out."""
    return Field("", max_length=most, description=description, json_schema_extra=optional, **more)


class AskIn(In):
    """What people are to be asked."""

    kind: Kind = Field(
        description="renew: the people whose log-ins of these accounts stopped or end within 30 days, to re-authenticate. "
        "second_person: somebody, to link these accounts, too. client_link: somebody without a log-in here, to give access."
    )
    accounts: list[AccountName] = Field(
        [],
        max_length=MOST,
        description="Of which accounts. A client link without any lets the person choose; it may name accounts that are not here yet.",
        json_schema_extra=optional,
    )
    email: str = _text(
        254,
        "second_person, client_link: whom to ask.",
        pattern=r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$",
    )
    name: str = _text(150, "Their name; of renew, what the request is called.")
    note: str = _text(NOTE, "Plain text in the mail and on the page.")
    team: str = _text(
        100,
        "client_link: the team that the accounts are for, by name; may be left out where the key has one.",
    )
    channels: list[Annotated[ChannelName, AfterValidator(in_whole_characters)]] = Field(
        [],
        max_length=20,
        description="client_link: at which channels, beside those of `accounts`.",
        json_schema_extra=optional,
    )
    days: int | None = Field(
        None,
        ge=1,
        le=90,
        description=f"How long it asks. renew: 14 if left out. client_link: 7, and {links.LONGEST.days} at most.",
        json_schema_extra=optional,
    )
    send_mail: bool = Field(
        default=True,
        description="client_link: mail it; left out: true. false: you show `address` to the person yourself.",
        json_schema_extra=optional,
    )
    return_url: str = _text(
        500,
        "client_link: where the last page leads once access is given. ASK_RETURN_ORIGINS names its origin.",
    )
    _without_nul = field_validator("email", "name", "note", "team", "return_url")(without_nul)

    @field_validator("note")
    @classmethod
    def _on_one_line(cls, value: str) -> str:
        return " ".join(value.split())  # a mail has it within a sentence

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        for field in sorted(self.model_fields_set - TAKES[self.kind]):
            raise _odd("ask_no_field", field=field, kind=self.kind)
        if self.kind != "renew" and not self.email:
            raise _odd("ask_needs", field="email", kind=self.kind)
        if self.kind != "client_link" and not self.accounts:
            raise _odd("ask_needs", field="accounts", kind=self.kind)
        return self


def _odd(block: str, **facts: str) -> PydanticCustomError:
    return PydanticCustomError("ask", "{said}", {"said": text(block, **facts)})


class AskedBy(BaseModel):
    """Who began it."""

    person: str | None = Field(
        description="In whose name, as far as the key may know. null: an address outside."
    )
    api_key: str | None = Field(description="The key's name; null: somebody pressed it on our pages.")


class Progress(BaseModel):
    """How far it is, in log-ins, accounts, or, of a client link for any accounts, channels; as far as the key sees them."""

    total: int
    done: int
    failed: int = Field(description="What cannot be asked for, failed or was declined.")


class AskOut(BaseModel):
    """One request to people."""

    id: int = Field(description="As webhooks and `/events` name it.")
    url: str
    kind: Kind
    state: State = Field(description="done: nobody is waited for any longer.")
    name: str
    note: str
    email: str | None = Field(
        description="Who is asked. null: several, or whoever the key's teams do not know."
    )
    team: str | None = Field(description="client_link, second_person: whose accounts these are.")
    by: AskedBy
    created_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    opened_at: datetime | None = Field(description="client_link: when somebody first went on to a channel.")
    progress: Progress
    channels: list[str] = Field(description="client_link: at which channels.")
    address: str | None = Field(
        description="client_link: the address that opens it, for the person alone; while it is open, to the key that made it. A secret."
    )
    return_url: str | None


class AskLineOut(BaseModel):
    """One log-in, or one account, that is asked for."""

    channel: ChannelKey
    native_id: str | None = Field(description="second_person, client_link: the account.")
    account: str | None = Field(description="The account's name, or that of the first one of the log-in.")
    person: str | None = Field(description="renew: whose log-in. null: somebody outside the key's teams.")
    stage: Stage
    why: str = Field(description="For people: why it waits or failed.")
    asked_at: datetime | None
    done_at: datetime | None


class LinkedOut(BaseModel):
    """An account that came by a client link."""

    channel: ChannelKey
    native_id: str
    name: str


class AskDetail(AskOut):
    """One request with each thing that is asked for."""

    lines: list[AskLineOut] = Field(description="500 at most.")
    linked: list[LinkedOut] = Field(description="client_link: what was linked by it.")


class AsksMade(BaseModel):
    """What was begun: one request, and of accounts of several teams one for each."""

    asks: list[AskOut]


class AskPage(BaseModel):
    """One page of requests, the newest first. Follow `next` until it is null."""

    asks: list[AskOut]
    next: str | None = Field(description="The `cursor` of the next page.")
