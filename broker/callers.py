"""Who asks the broker: an API key with its teams, channels and scopes, or our own Python code."""

import hashlib
import secrets
import time
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from accounts.models import ApiKey
from users.models import Team, User

PREFIX = "adt_"
FACTS_FOR = 1.0  # seconds that a process trusts what it read of a key; a revoked key stops within it


@dataclass(frozen=True)
class Caller:
    """What a caller may see. `key_id` 0 is our own Python code, which sees all teams; it names itself by `name`."""

    key_id: int = 0
    name: str = "internal"
    address: str | None = None  # where this call comes from
    teams: frozenset[int] | None = None  # None: all
    channels: frozenset[str] | None = None  # None: all
    scopes: frozenset[str] = frozenset(ApiKey.Scope.values)

    def may(self, scope: str) -> bool:
        """Return whether the caller holds the scope."""
        return scope in self.scopes

    def reaches(self, *, channel: str, team_id: int) -> bool:
        """Return whether an account of this channel and team is within the caller's limits."""
        inside = self.channels is None or channel in self.channels
        return inside and (self.teams is None or team_id in self.teams)

    def visible(self) -> Q:
        """Return the filter of the accounts that this caller sees."""
        condition = Q()
        if self.teams is not None:
            condition &= Q(team_id__in=self.teams)
        if self.channels is not None:
            condition &= Q(channel__in=self.channels)
        return condition


def issue(
    *,
    name: str,
    scopes: list[str],
    teams: list[Team],
    channels: list[str] | None = None,
    created_by: User | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key, without an end where `expires_at` is None. Returns the row and the secret, which is shown once and stored as a hash."""
    secret = secrets.token_hex(24)
    text = f"{PREFIX}{secret}{_check(secret)}"
    key = ApiKey.objects.create(
        name=name,
        prefix=text[:12],
        sha256=_digest(text),
        scopes=scopes,
        channels=channels or [],
        created_by=created_by,
        expires_at=expires_at,
    )
    key.teams.set(teams)
    return key, text


_facts: dict[str, tuple[float, Caller]] = {}


def authenticate(text: str, *, now: datetime) -> Caller | None:
    """Return who this key is, or None. A malformed key costs no database query."""
    body = text.removeprefix(PREFIX)
    if not text.startswith(PREFIX) or len(body) != 56 or _check(body[:48]) != body[48:]:
        return None
    digest = _digest(text)
    known = _facts.get(digest)
    if known is not None and time.monotonic() - known[0] < FACTS_FOR:
        return known[1]
    key = ApiKey.objects.filter(sha256=digest, revoked_at=None).first()
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        _facts.pop(digest, None)
        return None
    caller = Caller(
        key_id=key.pk,
        name=key.name,
        teams=frozenset(key.teams.values_list("pk", flat=True)),
        channels=frozenset(key.channels) or None,
        scopes=frozenset(key.scopes),
    )
    if key.last_used_at is None or now - key.last_used_at > timedelta(hours=1):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    if len(_facts) > 1000:
        _facts.clear()
    _facts[digest] = (time.monotonic(), caller)
    return caller


def _digest(text: str) -> str:
    # The secret has 192 random bits, so a plain hash is enough: there is nothing to guess.
    return hashlib.sha256(text.encode()).hexdigest()


def _check(secret: str) -> str:
    """A checksum, so that a mistyped key is told apart from a wrong one without a query."""
    return f"{zlib.crc32(secret.encode()):08x}"
