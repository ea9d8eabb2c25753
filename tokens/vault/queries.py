"""What the key ring encrypts and that lasts, and which keys these rows need: counts, and whether this process has them all.

What a handshake with a channel seals is not here: it is in a session, and over ten minutes later.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import DatabaseError

from infra.keys import UNKNOWN, SealedRows, fingerprints
from ui.phrases import phrase
from ui.text import number
from users.login.second_factor import FactorRows


class TokenRows(SealedRows):
    """The credentials of log-ins."""

    label = "log-ins"
    table = "tokens_token"
    column = "credentials"
    key = "credentials_key"
    changes = "credentials = v.new, credentials_key = %(newest)s"


class AppRows(SealedRows):
    """The secrets of channel apps."""

    label = "channel apps"
    table = "tokens_channelapp"
    column = "secrets"
    key = "secrets_key"
    changes = "secrets = v.new, secrets_key = %(newest)s"


class ImportRows(SealedRows):
    """Lines of files that staff uploaded and that are not imported yet."""

    label = "import lines"
    table = "accounts_importfileline"
    column = "sealed"
    key = "sealed_key"
    changes = "sealed = v.new, sealed_key = %(newest)s"


class EndpointRows(SealedRows):
    """The addresses of other systems that are told what happens."""

    label = "webhooks"
    table = "macros_endpoint"
    column = "address"
    key = "address_key"
    changes = "address = v.new, address_key = %(newest)s"


PLACES = (AppRows(), TokenRows(), ImportRows(), EndpointRows(), FactorRows())

say = partial(phrase, "words/key_usage.txt")
LOOK_EVERY = 5.0  # seconds


@dataclass(frozen=True)
class KeyInUse:
    """One key: how many rows of each kind it opens, and whether it is in FERNET_KEYS."""

    key: str  # its name; empty: they need more than one
    rows: dict[str, int]  # "log-ins" -> 12
    in_ring: bool
    newest: bool

    @property
    def total(self) -> int:
        """The rows of all kinds."""
        return sum(self.rows.values())

    @property
    def counted(self) -> list[tuple[str, int]]:
        """The kinds of rows that there are, and how many."""
        return [(what, count) for what, count in self.rows.items() if count]

    @property
    def said(self) -> str:
        """The rows in words: "2 channel apps, 1,200 log-ins"."""
        found = [say(_block(what), n=count, number=number(count)) for what, count in self.counted]
        return ", ".join(found) or say("nothing")


def keys_in_use() -> list[KeyInUse]:
    """Return the keys of the ring, newest first, then those that rows need beside it, as the rows name them."""
    found: dict[str, dict[str, int]] = {name: {} for name in fingerprints()}
    for place in PLACES:
        for name, count in place.named():
            found.setdefault(name, {})[place.label] = count
    ring = fingerprints()
    return [
        KeyInUse(key=name, rows=rows, in_ring=name in ring, newest=name == ring[0])
        for name, rows in found.items()
    ]


def key_problems() -> list[str]:
    """Return in a sentence each which keys rows need that are neither in the ring nor known to be lost. Looks every few seconds at most."""
    ring, now = tuple(settings.FERNET_KEYS), time.monotonic()
    if not (_last and _last[0][0] == ring and 0 <= now - _last[0][1] < LOOK_EVERY):
        known = {*fingerprints(), *settings.FERNET_KEYS_LOST, UNKNOWN}
        _last[:] = [(ring, now, [one for one in keys_in_use() if one.key not in known])]
    return [say("missing", key=one.key, where=one.said) for one in _last[0][2]]


_last: list[tuple[tuple[str, ...], float, list[KeyInUse]]] = []


def forget() -> None:
    """Look again at the next question. For tests."""
    _last.clear()


def _block(label: str) -> str:
    return label.replace(" ", "_").replace("-", "_")


@register(Tags.database)
def check_key_ring(databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """Warn of keys that stored rows need and FERNET_KEYS lacks. A warning: a copy without keys must migrate, too."""
    if not databases:
        return []
    try:
        found = key_problems()
    except DatabaseError:  # before the first migration
        return []
    hint = "Put the key back, behind the newest one: docs/rotate-the-key.md."
    return [checks.Warning(words, hint=hint, id="tokens.W010") for words in found]
