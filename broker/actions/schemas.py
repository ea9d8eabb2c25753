"""What the calls that act on accounts take and give."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from accounts.jobs.tasks import SMALL
from broker.api.schemas import AccountName, ChannelKey, In, optional, without_nul

NOTE = 200  # characters
CheckResult = Literal[
    "fine", "dead", "access_lost", "cannot_publish", "doubted", "unclear", "app_fault", "our_bug"
]


class WhyIn(In):
    """Why; kept in the account's history."""

    note: str = Field("", max_length=NOTE, json_schema_extra=optional)
    _note_without_nul = field_validator("note")(without_nul)


class TokenCheck(BaseModel):
    """What came of the check of one token of the pool."""

    token_id: int
    result: CheckResult | None = Field(description="null: not done yet.")


class CheckOut(BaseModel):
    """How far a check is that was asked for."""

    asked_at: datetime
    url: str = Field(description="Where to ask again; known for ten minutes.")
    done: bool
    tokens: list[TokenCheck]


class MacroOut(BaseModel):
    """A macro: whom it tells what, of which accounts."""

    id: int
    name: str
    description: str
    enabled: bool
    team: str | None = Field(description="null: of all teams.")
    applies_to: Literal["chosen", "channels", "all"] = Field(
        description="chosen: only such a macro can be applied to accounts."
    )
    channels: list[str]
    days: list[int] = Field(description="Days in advance on which it warns.")
    tells_at_once: list[str] = Field(description="Of what it tells at once.")
    accounts: int = Field(description="chosen: accounts that it is applied to and that the key sees.")


class MacrosOut(BaseModel):
    """The macros that can be seen."""

    macros: list[MacroOut]


class ApplyIn(In):
    """The accounts to add."""

    accounts: list[AccountName] = Field(min_length=1, max_length=SMALL)


class AppliedTo(BaseModel):
    """What became of one account."""

    channel: ChannelKey
    native_id: str
    outcome: Literal["applied", "skipped", "failed", "waiting"] = Field(
        description="waiting: a worker does it within a minute."
    )
    why: str = Field(description="For people; of skipped and failed.")


class AppliedOut(BaseModel):
    """What became of each account."""

    macro: MacroOut
    accounts: list[AppliedTo]
