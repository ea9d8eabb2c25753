"""API keys: how one looks, making and revoking them. Who a key lets in, `broker.leases.callers` says."""

import hashlib
import secrets
import zlib
from datetime import datetime
from typing import Any

from django.db.models.signals import pre_delete
from django.utils import timezone

from accounts.models import ApiKey
from users.models import Team, User

PREFIX = "adt_"
FOR_JOBS = (
    ApiKey.Scope.READ,
    ApiKey.Scope.GATE,
)  # what a key may do where nobody says; people are another matter, and so is holding a person's token
SECRET_LENGTH, CHECKSUM_LENGTH = 48, 8  # hexadecimal digits


def issue_key(
    *,
    name: str,
    scopes: list[str],
    teams: list[Team],
    channels: list[str] | None = None,
    created_by: User | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key, without an end where `expires_at` is None. Returns the row and the secret, which is shown once and stored as a hash."""
    secret = secrets.token_hex(SECRET_LENGTH // 2)
    text = f"{PREFIX}{secret}{_checksum(secret)}"
    key = ApiKey.objects.create(
        name=name,
        prefix=text[:12],
        sha256=key_digest(text),
        scopes=scopes,
        channels=channels or [],
        created_by=created_by,
        expires_at=expires_at,
    )
    key.teams.set(teams)
    return key, text


def revoke_key(*, key: ApiKey, now: datetime) -> bool:
    """End a key: calls with it are refused within a second. Returns whether it was still good; of two at once one is told so."""
    return ApiKey.objects.unrevoked().filter(pk=key.pk).update(revoked_at=now) > 0


def take_over_key(*, key: ApiKey, taker: User) -> bool:
    """Have somebody answer for a key from now on: it acts in their name. The secret is unchanged.

    The caller has asked whether the taker sees all that the key reaches and may make keys. Returns False where it is revoked or theirs.
    """
    others = ApiKey.objects.unrevoked().filter(pk=key.pk).exclude(created_by=taker)
    return others.update(created_by=taker, maker_left_at=None) > 0


def is_well_formed(text: str) -> bool:
    """Return whether a text may be one of our keys: a mistyped one is told apart from a wrong one without a query."""
    body = text.removeprefix(PREFIX)
    secret, checksum = body[:SECRET_LENGTH], body[SECRET_LENGTH:]
    whole = text.startswith(PREFIX) and len(body) == SECRET_LENGTH + CHECKSUM_LENGTH
    return whole and _checksum(secret) == checksum


def key_digest(text: str) -> str:
    """Return the hash by which a key is stored and found. The secret has 192 random bits, so a plain one is enough."""
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(secret: str) -> str:
    return f"{zlib.crc32(secret.encode()):08x}"


def connect() -> None:
    """Hear of people who are about to be deleted."""
    pre_delete.connect(_note_maker_left, sender="users.User", dispatch_uid="accounts.api_keys")


def _note_maker_left(sender: Any, *, instance: User, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    ApiKey.objects.filter(created_by=instance).update(maker_left_at=timezone.now())
