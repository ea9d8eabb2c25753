"""Credentials of the gate: `adtp_...`, for one ad account and one purpose, made from an API key. They are good at the gate alone.

Signed and stateless, as lease ids are: what holds now of key, account and token is asked at each call, so revoking the key ends them.
Beside each stands the beginning of the key's hash, which is in the database alone: with SECRET_KEY and without that nobody forges one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, get_args

from django.core import signing

from accounts.models import ApiKey
from broker.leases.queries import Purpose

PREFIX = "adtp_"
SALT = "adtoken.gate"
MARK = 16  # characters of the hash
DAYS, MOST_DAYS = 30, 90  # that one is good for: where nobody says, and at most


class NoCredential(Exception):  # noqa: N818  # an answer
    """A text that we never signed, or a credential that is over. The text says which: fit for callers."""


@dataclass(frozen=True)
class Credential:
    """What a credential says, once its signature was checked."""

    key_id: int
    account_id: int
    purpose: Purpose
    expires_at: datetime
    mark: str  # whoever asks whether the key is good asks for this beginning of its hash, too


def make_credential(*, key_id: int, account_id: int, purpose: Purpose, expires_at: datetime) -> str:
    """Return the text. Whoever calls has asked whether the key reaches the account, and has its scope."""
    mark = ApiKey.objects.values_list("sha256", flat=True).get(pk=key_id)[:MARK]
    said = [key_id, account_id, purpose, int(expires_at.timestamp()), mark]
    return PREFIX + _signer().sign_object(said)


def read_credential(text: str, *, now: datetime) -> Credential:
    """Check a text and return what it says. Raises NoCredential."""
    found = _signed(text)
    if now > found.expires_at:
        raise NoCredential("credential_over")
    return found


@lru_cache(maxsize=1000)  # a job sends the same one with each call
def _signed(text: str) -> Credential:
    """Return what we signed, perhaps long ago. Raises NoCredential."""
    try:
        if not text.startswith(PREFIX):
            raise ValueError("of another kind")
        said: Any = _signer().unsign_object(text.removeprefix(PREFIX))
        key_id, account_id, purpose, expires, mark = said
        if purpose not in get_args(Purpose) or len(mark) != MARK:
            raise ValueError("nothing that we ever signed")
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise NoCredential("no_credential") from error
    return Credential(key_id, account_id, purpose, datetime.fromtimestamp(expires, UTC), mark)


def ends_at(now: datetime, days: int = DAYS) -> datetime:
    """Return when a credential made now ends. Raises ValueError for a length that none has."""
    if not 1 <= days <= MOST_DAYS:
        raise ValueError(f"A credential is good for 1 to {MOST_DAYS} days.")
    return now + timedelta(days=days)


def _signer() -> signing.Signer:
    return signing.Signer(salt=SALT, sep=".")  # a colon would have to be encoded in an address
