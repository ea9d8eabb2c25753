"""What the key ring encrypts and that lasts, and which keys these rows need: counts, and a quick check that this process can open them.

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
from django.db import DatabaseError, connection

from infra.keys import SealedRows, fingerprints
from tokens.channels import declarations
from tokens.vault import services as vault
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
UNNAMED = "unnamed"  # in FERNET_KEYS_LOST: the rows without a key's name
SAMPLES = 3  # rows of one app under one key, and second factors under one, so that a single damaged row does not look like a missing key
LOOK_EVERY = 5.0  # seconds

# The pairs of key and app, each found by one step through the index, and a few rows of each.
_STORED = """
with recursive pair as (
  (select credentials_key as key, app_id from tokens_token where credentials is not null order by 1, 2 limit 1)
  union all
  select following.* from pair, lateral (
    select t.credentials_key, t.app_id from tokens_token t
    where t.credentials is not null and (t.credentials_key, t.app_id) > (pair.key, pair.app_id) order by 1, 2 limit 1) following
)
select pair.key, a.channel, 'token:' || a.channel || ':' || a.client_id || ':' || t.native_user_id, t.credentials
from pair join tokens_channelapp a on a.id = pair.app_id, lateral (
  select native_user_id, credentials from tokens_token
  where credentials is not null and credentials_key = pair.key and app_id = pair.app_id limit %(samples)s) t
union all
select secrets_key, channel, 'app:' || channel || ':' || client_id, secrets from tokens_channelapp where secrets is not null
"""


@dataclass(frozen=True)
class KeyInUse:
    """One key: how many rows of each kind it opens, and whether it is in FERNET_KEYS."""

    key: str  # its name; empty: nobody has named these rows' key yet
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
    """Return in a sentence each why stored rows do not open here; none where they do. Looks every few seconds at most."""
    ring, now = tuple(settings.FERNET_KEYS), time.monotonic()
    if not (_last and _last[0][0] == ring and 0 <= now - _last[0][1] < LOOK_EVERY):
        _last[:] = [(ring, now, _look())]
    return [_sentence(name, what) for name, what in _last[0][2]]  # in the language of whoever asks


_last: list[tuple[tuple[str, ...], float, list[tuple[str, list[str]]]]] = []


def forget() -> None:
    """Look again at the next question. For tests."""
    _last.clear()


def _look() -> list[tuple[str, list[str]]]:
    """Return the keys whose rows stay closed, each with the channels, or the label of second factors."""
    with connection.cursor() as cursor:
        cursor.execute(_STORED, {"samples": SAMPLES})
        stored = cursor.fetchall()
    opened: dict[tuple[str, str], bool] = {}
    for key, channel, owner, ciphertext in stored:
        pair = key, declarations.label(channel)
        opened[pair] = _opens(owner, ciphertext) or opened.get(pair, False)
    closed = {pair for pair, good in opened.items() if not good}
    factors = FactorRows()
    closed |= {(name, factors.label) for name, good in factors.opens(samples=SAMPLES).items() if not good}
    lost = {"" if name == UNNAMED else name for name in settings.FERNET_KEYS_LOST}
    names = sorted({key for key, _ in closed} - lost)
    return [(name, sorted(what for key, what in closed if key == name)) for name in names]


def _opens(owner: str, ciphertext: bytes) -> bool:
    try:
        vault.unseal(owner, vault.Sealed(ciphertext))
    except vault.VaultError:
        return False
    return True


def _block(label: str) -> str:
    return label.replace(" ", "_").replace("-", "_")


def _sentence(key: str, what: list[str]) -> str:
    where = ", ".join(say("of_second_factors") if one == FactorRows.label else one for one in what)
    if not key:
        return say("nobody_named", where=where)
    return say("does_not_open" if key in fingerprints() else "missing", key=key, where=where)


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
