"""Making credentials of the gate: for the account and the key that whoever calls has found, by API, on a page, or at the token endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from accounts.models import Account, ApiKey
from broker.gate.credentials import make_credential
from broker.leases.queries import Purpose
from tokens.channels import registry
from tokens.channels.declarations import declared
from tokens.channels.kinds import AppKeys, Credentials

_NO_APP = AppKeys(client_id="", secrets=("",), redirect_uri="", scopes=())


@dataclass(frozen=True)
class Minted:
    """A credential, and how the vendor's client takes it."""

    channel: str
    expires_at: datetime
    text: str = field(repr=False)

    @property
    def base_url(self) -> str:
        """What stands in place of the channel's own address; what follows there follows here."""
        return f"{settings.BASE_URL}/proxy/{self.channel}"

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of a request by hand: the credential is where a token would be."""
        native = registry.get(self.channel)
        if native.signs:
            return {"Authorization": f'OAuth oauth_token="{self.text}"'}
        return native.send(_NO_APP, Credentials(self.text)).headers

    @property
    def client(self) -> tuple[str, ...]:
        """Lines of Python that set the channel's own client up."""
        lines = declared()[self.channel].client
        return tuple(line.format(base=self.base_url, credential=self.text) for line in lines)


def mint(*, key: ApiKey, account: Account, purpose: Purpose, ends_at: datetime) -> Minted:
    """Make a credential, which ends with its key at the latest. The caller asked for the scope and whether the key sees the account."""
    ends_at = min(ends_at, key.expires_at or ends_at)
    text = make_credential(key_id=key.pk, account_id=account.pk, purpose=purpose, expires_at=ends_at)
    return Minted(account.channel, ends_at.replace(microsecond=0), text)
