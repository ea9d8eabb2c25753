"""The key ring of FERNET_KEYS, and re-encrypting stored rows under its newest key, beside an AdToken that runs.

Each batch is one short transaction. It takes the rows that nobody holds, by id, and writes a row only where the ciphertext is still the
one that was read (compare-and-set), so that a renewal which happened meanwhile is never overwritten. What was missed is met again by the
next round; the rows themselves say what is left, so a run that is killed goes on where it stopped.
"""

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import connection, transaction
from django.views.decorators.debug import sensitive_variables

# The ring has the newest key first. A key's name is the start of a hash of it. It is no secret: a key is 256 random bits, which no hash
# gives away, so ciphertexts, pages and logs may name it.
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


BATCH = 500  # rows of one transaction
ROUNDS = 50  # a row that somebody holds for so long is left to the next run
PAUSE = 0.2  # seconds before what was missed is met again
UNKNOWN = ""  # the name of a key that is not in the ring


@dataclass
class Rotated:
    """What a run did: rows moved to the newest key, rows that no key opens, rows that were held or written all the time."""

    moved: int = 0
    closed: int = 0
    missed: int = 0


@dataclass(frozen=True)
class _SealedRow:
    pk: int
    stored: Any


class SealedRows:
    """The rows of one table that hold something sealed."""

    label: ClassVar[str]  # what people call them
    table: ClassVar[str]
    column: ClassVar[str]
    key: ClassVar[str]  # the name of a row's key, in SQL
    changes: ClassVar[str]  # what writes a new value `v.new`, in SQL; the parameter `newest` is its key
    kind: ClassVar[str] = "bytea"  # the column's type
    only: ClassVar[str] = "true"  # which rows are meant, in SQL

    def seal_again(self, stored: Any) -> Any:
        """Return the stored value under the newest key, the same where it stands there already; None where no key opens it."""
        return renewed(bytes(stored))

    def opened_by(self, stored: Any) -> str:
        """Return the name of the key that really opens a stored value; UNKNOWN where none of the ring does."""
        return key_of(bytes(stored))

    def named(self) -> list[tuple[str, int]]:
        """Return how many rows carry the name of each key."""
        text = f"select {self.key}, count(*) from {self.table} where {self._stored} group by 1 order by 1"  # noqa: S608
        return [(str(name), int(count)) for name, count in self._query(text)]

    def rotate(self) -> Rotated:
        """Open all rows and move what is not under the newest key."""
        done, missed = Rotated(), list[int]()
        for rows in self._batches():
            missed += self._move(rows, done)
        for _ in range(ROUNDS):
            if not missed:
                break
            time.sleep(PAUSE)
            again, missed = missed, []
            for rows in self._batches(ids=again):
                missed += self._move(rows, done)
        done.missed = len(missed)
        return done

    def keys(self) -> Counter[str]:
        """Open every row. Returns how many rows each key really opens."""
        return Counter(self.opened_by(row.stored) for rows in self._batches() for row in rows)

    @property
    def _stored(self) -> str:
        return f"{self.column} is not null and {self.only}"

    def _batches(self, *, ids: Sequence[int] | None = None) -> Iterator[Sequence[_SealedRow]]:
        """Yield the rows by id, all or these."""
        read_as = "text" if self.kind == "jsonb" else self.kind
        text = (
            f"select id, {self.column}::{read_as} from {self.table} where {self._stored}"  # noqa: S608  # constants of the classes
            " and (%(ids)s::bigint[] is null or id = any(%(ids)s)) and id > %(after)s order by id limit %(size)s"
        )
        after = 0
        while rows := [_SealedRow(*row) for row in self._query(text, ids=ids, after=after, size=BATCH)]:
            yield rows
            after = rows[-1].pk

    def _move(self, rows: Sequence[_SealedRow], done: Rotated) -> list[int]:
        """Write what is still as it was read, in one transaction. Returns the ids of rows that were held, or written meanwhile."""
        sealed = [(row, self.seal_again(row.stored)) for row in rows]
        done.closed += sum(new is None for _, new in sealed)
        todo = {row.pk: (row.stored, new) for row, new in sealed if new is not None and new != row.stored}
        if not todo:
            return []
        values = f"unnest(%(ids)s::bigint[], %(old)s::{self.kind}[], %(new)s::{self.kind}[]) v (id, old, new)"
        lock = (
            f"select id from {self.table} where id = any(%(ids)s) order by id for no key update skip locked"  # noqa: S608
        )
        write = f"update {self.table} t set {self.changes} from {values} where t.id = v.id and t.{self.column} = v.old returning t.id"  # noqa: S608
        with transaction.atomic():
            # The lock first, and the comparison in a statement of its own: in one, the comparison would be older than the lock.
            ids = [pk for (pk,) in self._query(lock, ids=list(todo))]
            old, new = [todo[pk][0] for pk in ids], [todo[pk][1] for pk in ids]
            moved = {pk for (pk,) in self._query(write, ids=ids, old=old, new=new, newest=fingerprints()[0])}
        done.moved += len(moved)
        return [pk for pk in todo if pk not in moved]

    @staticmethod
    def _query(text: str, **values: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            rows: list[Any] = cursor.fetchall()
        return rows
