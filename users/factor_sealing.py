"""The secrets of second factors: encrypted, and each factor bound to its person.

The library asks to encrypt and decrypt a text without saying whose it is. So the text is sealed together with the person who enrols, and
what is loaded from a row carries whose row it is. A seed in another person's row, which only a writer to the database can put there, gives
codes that fit nothing.

A security key has no secret here, only the public half of one. Its row holds a sealed trace of it, too, which is made when the key is
added, and asked for when it is used (users/security_keys.py).
"""

import base64
import hashlib
import json
import logging
import secrets
from typing import Any

from allauth.core import context
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.views.decorators.debug import sensitive_variables

from users.key_ring import ring

logger = logging.getLogger(__name__)

BOUND = "bound"  # in the data of a security key: the sealed trace


class Loaded(str):
    """A ciphertext in a row of `owner`."""

    __slots__ = ("owner",)
    owner: int

    def __new__(cls, text: str, owner: int) -> "Loaded":
        """Return the ciphertext that knows its row."""
        made = super().__new__(cls, text)
        made.owner = owner
        return made


@sensitive_variables()
def seal(text: str, owner: int) -> str:
    """Return the text, encrypted with the newest key and bound to the person."""
    return ring().encrypt(json.dumps({"owner": owner, "text": text}).encode()).decode()


@sensitive_variables()
def unseal(sealed: str, owner: int) -> str | None:
    """Return the text; None, with a line in the log, where it does not open or was sealed for somebody else."""
    try:
        content = json.loads(ring().decrypt(sealed.encode()))
        if content["owner"] == owner:
            return str(content["text"])
        logger.error("The second factor of person %s was sealed for somebody else", owner)
    except (InvalidToken, ValueError, TypeError, KeyError):
        logger.error(
            "The second factor of person %s does not open. Is a key missing from FERNET_KEYS?", owner
        )
    return None


@sensitive_variables()
def opened(sealed: str) -> str:
    """Return the secret where it is in its own person's row; else a random one, which no code fits, with a line in the log."""
    text = unseal(sealed, getattr(sealed, "owner", 0))  # nobody has the number 0
    return base64.b32encode(secrets.token_bytes(20)).decode() if text is None else text


def bind_security_key(*, instance: Authenticator, **_kwargs: Any) -> None:
    """Bind a security key to its person when it is added. An existing row is never bound again."""
    if instance._state.adding and instance.type == Authenticator.Type.WEBAUTHN:  # noqa: SLF001  # documented API
        instance.data[BOUND] = seal(_trace(instance), instance.user_id)


def is_bound(authenticator: Authenticator) -> bool:
    """Return whether a security key is in the row of the person who added it."""
    sealed = authenticator.data.get(BOUND)
    if sealed is None:
        logger.error(
            "The security key of person %s is bound to nobody. If a process of an older version added it, reset the second factor",
            authenticator.user_id,
        )
        return False
    return unseal(sealed, authenticator.user_id) == _trace(authenticator)


def _trace(authenticator: Authenticator) -> str:
    return hashlib.sha256(json.dumps(authenticator.data["credential"], sort_keys=True).encode()).hexdigest()


def enrolling() -> int:
    """Return who enrols: the person of this request. Raises LookupError outside one."""
    user = getattr(context.request, "user", None)
    if user is None or user.pk is None:
        raise LookupError("A second factor is enrolled by its person, in a request.")
    return int(user.pk)


def mark_owner(*, instance: Authenticator, **_kwargs: Any) -> None:
    """Let the ciphertexts of a row know whose row it is, whenever one is loaded or made."""
    data = instance.__dict__.get("data")  # not there where a query left it out
    if isinstance(data, dict):
        instance.data = {key: _marked(value, instance.user_id) for key, value in data.items()}


def _marked(value: Any, owner: int) -> Any:
    if isinstance(value, list):
        return [_marked(one, owner) for one in value]
    return Loaded(value, owner) if isinstance(value, str) else value
