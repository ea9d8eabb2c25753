"""Who asks the broker: an API key with its teams, channels and scopes, or our own Python code."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from accounts.api_keys import services as api_keys
from accounts.models import ApiKey

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

    @property
    def teams_written(self) -> str | None:
        """The ids of the teams as PostgreSQL writes an array: psycopg takes a third of a lease's read to make it of a list."""
        return None if self.teams is None else "{" + ",".join(map(str, self.teams)) + "}"

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


def caller_of_key(key_id: int, *, mark: str, address: str | None, now: datetime) -> Caller | None:
    """Return who a key is, which did not come itself, or None where it lets nobody in now. `mark`: the beginning of its hash."""
    key = ApiKey.objects.in_use(now).filter(pk=key_id, sha256__startswith=mark).first()
    return _caller(key, address) if key else None


def _caller(key: ApiKey, address: str | None = None) -> Caller:
    return Caller(
        key_id=key.pk,
        name=key.name,
        address=address,
        teams=frozenset(key.teams.values_list("pk", flat=True)),
        channels=frozenset(key.channels) or None,
        scopes=frozenset(key.scopes),
    )


_facts: dict[str, tuple[float, Caller]] = {}


def known_caller(text: str) -> Caller | None:
    """Return who this key is, where that was read within the last second."""
    read_at, caller = _facts.get(api_keys.key_digest(text), (0.0, None))
    return caller if time.monotonic() - read_at < FACTS_FOR else None


def authenticate(text: str, *, now: datetime) -> Caller | None:
    """Return who this key is, or None. A malformed key costs no database query."""
    if not api_keys.is_well_formed(text):
        return None
    if known := known_caller(text):
        return known
    digest = api_keys.key_digest(text)
    key = ApiKey.objects.in_use(now).filter(sha256=digest).first()
    if key is None:
        _facts.pop(digest, None)
        return None
    caller = _caller(key)
    if key.last_used_at is None or now - key.last_used_at > timedelta(hours=1):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    if len(_facts) > 1000:
        _facts.clear()
    _facts[digest] = (time.monotonic(), caller)
    return caller
