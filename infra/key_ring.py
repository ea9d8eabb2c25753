"""The key ring of FERNET_KEYS, newest first, and the names of its keys.

A key's name is the start of a hash of it. It is no secret: a key is 256 random bits, which no hash gives away, so the name may stand
beside a ciphertext, on pages and in logs.
"""

import hashlib
import logging
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

NAME_LETTERS = 16
logger = logging.getLogger(__name__)


def ring() -> MultiFernet:
    """Return the key ring of the settings, newest key first."""
    return _ring(tuple(settings.FERNET_KEYS))


@lru_cache(maxsize=4)
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def fingerprint(key: str) -> str:
    """Return a key's name, 16 hexadecimal digits."""
    return hashlib.sha256(b"adtoken fernet key:" + key.encode()).hexdigest()[:NAME_LETTERS]


def fingerprints() -> tuple[str, ...]:
    """Return the names of the keys of the ring, newest first."""
    return _fingerprints(tuple(settings.FERNET_KEYS))


@lru_cache(maxsize=4)
def _fingerprints(keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(fingerprint(key) for key in keys)


def key_of(ciphertext: bytes | str) -> str:
    """Return the name of the ring's key that opens a ciphertext; empty where none does."""
    for key, name in zip(settings.FERNET_KEYS, fingerprints(), strict=True):
        try:
            _single(key).decrypt(ciphertext)
        except (InvalidToken, TypeError):
            continue
        return name
    return ""


def renewed(ciphertext: bytes) -> bytes | None:
    """Return the same content under the newest key: as it is where it stands there already. None where no key of the ring opens it."""
    opened_by = key_of(ciphertext)
    if not opened_by:
        return None
    return ciphertext if opened_by == fingerprints()[0] else ring().rotate(ciphertext)


@sensitive_variables()
def seal(text: str) -> str:
    """Return a secret of a second factor, encrypted with the newest key."""
    return ring().encrypt(text.encode()).decode()


@sensitive_variables()
def unseal(sealed: str) -> str | None:
    """Return it in clear; None, with a line in the log, where no key of the ring opens it."""
    try:
        return ring().decrypt(sealed.encode()).decode()
    except (InvalidToken, TypeError, ValueError):
        logger.error("A second factor does not open. Is a key missing from FERNET_KEYS?")
        return None


@lru_cache(maxsize=8)
def _single(key: str) -> Fernet:
    return Fernet(key)
