"""Re-encrypting stored rows under the newest key, beside an AdToken that runs.

Each batch is one short transaction. It takes the rows that nobody holds, by id, and writes a row only where the ciphertext is still the
one that was read (compare-and-set), so that a renewal which happened meanwhile is never overwritten. What was missed is met again by the
next round; the rows themselves say what is left, so a run that is killed goes on where it stopped.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db import connection, transaction

from infra.key_ring import fingerprints, key_of, renewed

BATCH = 500
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
    key: str  # as it is written beside the ciphertext


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

    def count(self) -> int:
        """Return how many rows there are."""
        return sum(count for _, count in self.named())

    def rotate(
        self, *, batch: int = BATCH, progress: Callable[[int], object] = lambda _rows: None
    ) -> Rotated:
        """Open all rows and move what is not under the newest key. `progress` hears of the rows of each batch."""
        done, missed = Rotated(), list[int]()
        for rows in self._batches(batch):
            missed += self._move(rows, done)
            progress(len(rows))
        for _ in range(ROUNDS):
            if not missed:
                break
            time.sleep(PAUSE)
            again, missed = missed, []
            for rows in self._batches(batch, ids=again):
                missed += self._move(rows, done)
        done.missed = len(missed)
        return done

    def keys(self, *, batch: int = BATCH) -> Counter[tuple[str, str]]:
        """Open every row. Returns how many rows there are of each key that opens them and name that they carry."""
        return Counter((self.opened_by(row.stored), row.key) for rows in self._batches(batch) for row in rows)

    @property
    def _stored(self) -> str:
        return f"{self.column} is not null and {self.only}"

    def _batches(self, size: int, *, ids: Sequence[int] | None = None) -> Iterator[Sequence[_SealedRow]]:
        """Yield the rows by id, all or these."""
        read_as = "text" if self.kind == "jsonb" else self.kind
        text = (
            f"select id, {self.column}::{read_as}, {self.key} from {self.table} where {self._stored}"  # noqa: S608  # constants of the classes
            " and (%(ids)s::bigint[] is null or id = any(%(ids)s)) and id > %(after)s order by id limit %(size)s"
        )
        after = 0
        while rows := [_SealedRow(*row) for row in self._query(text, ids=ids, after=after, size=size)]:
            yield rows
            after = rows[-1].pk

    def _move(self, rows: Sequence[_SealedRow], done: Rotated) -> list[int]:
        """Write what is still as it was read, in one transaction. Returns the ids of rows that were held, or written meanwhile."""
        newest = fingerprints()[0]
        sealed = [(row, self.seal_again(row.stored)) for row in rows]
        done.closed += sum(new is None for _, new in sealed)
        todo = {
            row.pk: (row.stored, new)
            for row, new in sealed
            if new is not None and (new != row.stored or row.key != newest)
        }
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
            moved = {pk for (pk,) in self._query(write, ids=ids, old=old, new=new, newest=newest)}
        done.moved += len(moved)
        return [pk for pk in todo if pk not in moved]

    @staticmethod
    def _query(text: str, **values: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            rows: list[Any] = cursor.fetchall()
        return rows
