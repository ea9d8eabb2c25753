"""Rows of requests that come at the same time in one process, written in one statement and with one commit.

A commit waits for the disk and costs several times what a row costs. Nobody waits for others to come: whoever comes first writes at once,
and who comes meanwhile is written by the next, all together. Every request still waits until its own row is committed.
"""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError

Row = tuple[Any, ...]


class _Waiting:
    """A row and its request's thread."""

    __slots__ = ("error", "leads", "row", "woken", "written")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.written = False
        self.leads = False  # it is woken to write, for itself and whoever else waits
        self.error: DatabaseError | InterfaceError | None = None  # of all of the group
        self.woken = threading.Lock()
        self.woken.acquire()


class GroupCommit:
    """`insert` writes rows, all or none, and commits; `most`: rows of one statement."""

    def __init__(self, insert: Callable[[Sequence[Row]], None], *, most: int) -> None:
        self._insert, self._most = insert, most
        self._begin()
        os.register_at_fork(after_in_child=self._begin)  # threads that write do not come along

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[_Waiting] = []
        self._is_written = False  # a thread writes, and will wake the next

    def write(self, row: Row) -> None:
        """Return once the row is committed. Raises DatabaseError or InterfaceError where it is not."""
        mine = _Waiting(row)
        with self._lock:
            self._queue.append(mine)
            mine.leads, self._is_written = not self._is_written, True
        if not mine.leads:
            mine.woken.acquire()
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise type(mine.error)(*mine.error.args) from mine.error  # an exception of its own in each thread
        if not mine.written:
            self._insert([row])  # one of the others is refused: each for itself

    def _lead(self) -> None:
        """Write what waits, our own row first, and wake whose it is; then the next who leads, if anybody waits."""
        with self._lock:
            group, self._queue = self._queue[: self._most], self._queue[self._most :]
        try:
            self._insert([one.row for one in group])
        except (OperationalError, InterfaceError) as error:
            for one in group:
                one.error = error
        except DatabaseError as error:
            if len(group) == 1:
                group[0].error = error
        else:
            for one in group:
                one.written = True
        finally:
            self._hand_on(group)

    def _hand_on(self, group: Sequence[_Waiting]) -> None:
        with self._lock:
            following = self._queue[0] if self._queue else None
            self._is_written = following is not None
        if following is not None:
            following.leads = True
            following.woken.release()
        for one in group[1:]:
            one.woken.release()
