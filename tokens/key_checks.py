"""The system check that misses a key: `manage.py check --database default`, and every `migrate`."""

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import DatabaseError

from tokens import key_usage


@register(Tags.database)
def check_key_ring(databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """Warn of keys that stored rows need and FERNET_KEYS lacks. A warning: a copy without keys must migrate, too."""
    if not databases:
        return []
    try:
        found = key_usage.problems()
    except DatabaseError:  # before the first migration
        return []
    hint = "Put the key back, behind the newest one: docs/rotate-the-key.md."
    return [checks.Warning(words, hint=hint, id="tokens.W010") for words in found]
