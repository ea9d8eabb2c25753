"""What the calls about people take and give."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from broker.api.schemas import In, optional, without_nul


class OffboardIn(In):
    """Who leaves. What is left out is as it is ticked in the portal."""

    email: str = Field(min_length=3, max_length=254, description="With which the person logs in here.")
    note: str = Field(
        "",
        max_length=300,
        description="Why; kept in the history, and in the mails to colleagues.",
        json_schema_extra=optional,
    )
    _without_nul = field_validator("email", "note")(without_nul)
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
