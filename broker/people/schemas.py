"""What the calls about people take and give."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from broker.api.schemas import ChannelKey, In, optional, without_nul

ADDRESSES = 20  # in one call
KEYS = 100
How = Literal["added", "asked_first", "asked"]


class Leaver(In):
    """Who leaves."""

    email: str = Field(
        min_length=3,
        max_length=254,
        description="With which the person logs in here.",
    )
    _email_without_nul = field_validator("email")(without_nul)


class InviteIn(In):
    """Whom to invite for the accounts that nobody known here could carry."""

    email: str = Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
    team: str | None = Field(
        None,
        max_length=100,
        description="For accounts of this team, by name; left out: of all teams.",
        json_schema_extra=optional,
    )
    _without_nul = field_validator("email", "team")(without_nul)


class OffboardIn(Leaver):
    """Who leaves. What is left out is as it is ticked in the portal."""

    note: str = Field(
        "",
        max_length=300,
        description="Why; kept in the history, and in the mails to colleagues.",
        json_schema_extra=optional,
    )
    _note_without_nul = field_validator("note")(without_nul)
    add_backups: bool = Field(
        default=True,
        description="Add log-ins of colleagues that reach the accounts already, or ask these where the team wants that; left out: true.",
        json_schema_extra=optional,
    )
    ask_colleagues: bool = Field(
        default=True,
        description="Ask colleagues whose log-ins stopped to re-authenticate; left out: true.",
        json_schema_extra=optional,
    )
    invite: list[InviteIn] = Field(
        [],
        max_length=ADDRESSES,
        description="Invited for the accounts that stop or keep one person and that nobody known here could carry: "
        "one mail for each address.",
        json_schema_extra=optional,
    )
    revoke_keys: list[int] = Field(
        [],
        max_length=KEYS,
        description="API keys of the person that end, by the id in the plan; what is named in neither list goes on working.",
        json_schema_extra=optional,
    )
    take_over_keys: list[int] = Field(
        [],
        max_length=KEYS,
        description="API keys of the person for which the maker of this key answers from now on, by the id in the plan.",
        json_schema_extra=optional,
    )


class OffboardingOut(BaseModel):
    """How far an offboarding is. The person is locked out from the first answer on."""

    id: int
    url: str = Field(description="Where to ask again; known for a day.")
    state: Literal["waiting", "working", "done", "failed"] = Field(
        description="failed: send the offboarding again, it does what is left."
    )
    started_at: datetime
    steps: int
    steps_done: int
    failures: list[str] = Field(description="The first steps that could not be done, for people.")
    log_ins_left: int = Field(description="Log-ins of the person that still stand.")
    channels_to_tell: int = Field(
        description="Log-ins that are over here and whose channel does not answer yet; AdToken goes on telling it for a day."
    )


class AccountAtRisk(BaseModel):
    """One account that stops or keeps one person, and who could carry it."""

    channel: ChannelKey
    native_id: str
    name: str
    team: str
    then: Literal["stops", "one_left"]
    who: str | None = Field(description="Who could carry it; null: nobody who is known here.")
    how: How | None = Field(
        description="added: their log-in reaches it and is added. asked_first: so, once they agree. "
        "asked: theirs stopped there, and they are asked to re-authenticate."
    )


class KeyOfLeaver(BaseModel):
    """One API key that the person made and that can be named in the offboarding."""

    id: int
    name: str
    prefix: str
    scopes: list[str]


class TeamToInvite(BaseModel):
    """How many accounts of a team nobody could carry who is known here."""

    team: str
    accounts: int


class OffboardingPlan(BaseModel):
    """What an offboarding would do now. Nothing is changed by asking."""

    log_ins: int = Field(description="Log-ins at the channels that end.")
    stop: int = Field(description="Accounts that nobody else carries.")
    one_left: int = Field(description="Accounts that keep one person.")
    go_on: int
    accounts: list[AccountAtRisk] = Field(description="Those that stop first; 500 at most.")
    accounts_unnamed: int = Field(
        description="Accounts at risk beside these. The worker looks for somebody else for them, too."
    )
    invite_for: list[TeamToInvite] = Field(description="Of the accounts named here.")
    api_keys: list[KeyOfLeaver]
    campaigns: list[str] = Field(
        description="Campaigns that run in the person's name and ask within the key's teams alone."
    )
    campaigns_unnamed: int = Field(description="Campaigns in the person's name beside these.")
    macros: list[str] = Field(description="Macros of the key's teams that the maker of this key takes over.")
    macros_unnamed: int = Field(description="Macros that the maker of this key takes over beside these.")
    client_links: int = Field(
        description="Open ones. They stay open; the team's leads are told of their use."
    )
    led_alone: list[str] = Field(description="Teams that nobody else leads.")
