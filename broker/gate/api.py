"""The call that makes a credential of the gate."""

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from accounts.models import ApiKey
from broker.api import reach
from broker.api.api import caller_of
from broker.api.schemas import ChannelName, SendOut
from broker.gate.credentials import ends_at
from broker.gate.minting import mint
from broker.gate.schemas import CredentialIn, CredentialOut

router = Router(tags=["gate"])


@router.post(
    "/accounts/{channel}/{native_id}/credential",
    response=CredentialOut,
    operation_id="make_credential",
    summary="Make a credential for a vendor's client",
)
def make_credential(
    request: HttpRequest, channel: ChannelName, native_id: str, wanted: CredentialIn | None = None
) -> CredentialOut:
    """Return what stands where the vendor's token stood, and the address that stands in place of the channel's: the job holds no token.

    Whether the account can be served is asked at each request. Revoking the key ends the credential at once.
    """
    caller, now = caller_of(request, ApiKey.Scope.GATE), timezone.now()
    wanted = wanted or CredentialIn.model_validate({})
    account = reach.find_account(caller, channel, native_id)
    made = mint(
        key=reach.key_of(caller), account=account, purpose=wanted.purpose, ends_at=ends_at(now, wanted.days)
    )
    return CredentialOut(
        credential=made.text,
        expires_at=made.expires_at,
        channel=account.channel,
        native_id=account.native_id,
        purpose=wanted.purpose,
        base_url=made.base_url,
        send=SendOut(headers=dict(made.headers), query={}),
        client=list(made.client),
    )
