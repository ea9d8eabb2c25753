"""What the call about credentials of the gate takes and gives."""

from datetime import datetime

from pydantic import BaseModel, Field

from broker.api.schemas import ChannelKey, In, Purpose, SendOut, optional
from broker.gate.credentials import DAYS, MOST_DAYS


class CredentialIn(In):
    """What a credential is for. `{}` is one for publishing."""

    purpose: Purpose = Field(
        "publish",
        description="What for; left out: publish. One for reading changes nothing at the channel.",
        json_schema_extra=optional,
    )
    days: int = Field(
        DAYS,
        ge=1,
        le=MOST_DAYS,
        description=f"How long; left out: {DAYS}. It ends with its key at the latest.",
        json_schema_extra=optional,
        examples=[DAYS],
    )


class CredentialOut(BaseModel):
    """What a job puts where the vendor's token stood. It is good at the gate alone, for one account and one purpose."""

    credential: str
    expires_at: datetime
    channel: ChannelKey
    native_id: str
    purpose: Purpose
    base_url: str = Field(
        description="Stands in place of the channel's own address: what follows there, version and path, follows here."
    )
    send: SendOut = Field(description="For requests by hand, as a lease has it.")
    client: list[str] = Field(
        description="Lines of Python that set up the channel's own client. Do not compare them."
    )
