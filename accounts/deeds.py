"""Deeds of staff on so many things that no web process waits for them: a worker does them, each thing in a transaction of its own.

That transaction says that the thing is done, too: so nothing is done twice, and another worker goes on where one died.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts import jobs
from accounts.models import Deed
from ui.refusal import Refusal
from users.models import User

State = Deed.State
KEPT_FOR = timedelta(days=1)
PART = 500  # keys that are read at one time
SHOWN = 20  # failures that are kept in words


@dataclass(frozen=True)
class Kind:
    """A kind of deed: what one needs to do it, and how it is done to one thing.

    `act` gets the deed, the thing's key and the time. It returns whether anything was done, or raises Refusal with the reason.
    `after` is called with the same once that is committed, for what happens outside any transaction. A worker that dies before it leaves
    it undone, so it is what a sweep would do as well.
    """

    permission: str
    act: Callable[[Deed, int, datetime], bool]
    after: Callable[[Deed, int, datetime], object] | None = None


def start(
    *, user: User, kind: str, subject_id: int, keys: Sequence[int], note: str, skipped: int, now: datetime
) -> tuple[Deed, bool]:
    """Have a deed done. Return it, and False where one of this kind on this subject is under way already."""
    try:
        with transaction.atomic():
            facts: dict[str, Any] = {"keys": list(keys), "total": len(keys), "note": note, "skipped": skipped}
            return Deed.objects.create(
                user=user, kind=kind, subject_id=subject_id, created_at=now, **facts
            ), True
    except IntegrityError:
        running = (
            Deed.objects.defer("keys").filter(kind=kind, subject_id=subject_id, state__in=jobs.GOING).first()
        )
        if running:
            return running, False
        return start(
            user=user, kind=kind, subject_id=subject_id, keys=keys, note=note, skipped=skipped, now=now
        )


def do_next(*, kinds: Mapping[str, Kind], clock: Callable[[], datetime], goes_on: Callable[[], bool]) -> bool:
    """Do the deed that waits longest, or go on with one whose worker died. Return whether there was one.

    A worker that is to stop leaves the rest to another one.
    """
    return jobs.run_next(
        Deed.objects.defer("keys"), partial(_do, kinds=kinds, clock=clock, goes_on=goes_on), clock()
    )


def sweep(*, now: datetime) -> int:
    """Remove what was asked for a day ago and is over. Returns how many rows."""
    return Deed.objects.filter(created_at__lt=now - KEPT_FOR).exclude(state__in=jobs.GOING).delete()[0]


def _do(
    deed: Deed, *, kinds: Mapping[str, Kind], clock: Callable[[], datetime], goes_on: Callable[[], bool]
) -> None:
    kind = kinds[deed.kind]
    while deed.done < deed.total:
        keys = Deed.objects.values_list(f"keys__{deed.done}_{deed.done + PART}", flat=True).get(pk=deed.pk)
        for key in keys:
            if not goes_on():
                jobs.put_back(deed)
                return
            if not _may(deed.user_id, kind):
                jobs.end(deed, State.FAILED)
                return
            if not _do_one(deed, kind, key, clock()):
                return
            if kind.after:
                kind.after(deed, key, clock())
    jobs.end(deed, State.READY)


def _may(user_id: int, kind: Kind) -> bool:
    """Return whether the person may still do it: asked anew for each thing, since a deed may take minutes."""
    user = User.objects.get(pk=user_id)
    return user.is_active and user.has_perm(kind.permission)


@transaction.atomic
def _do_one(deed: Deed, kind: Kind, key: int, now: datetime) -> bool:
    """Do it to one thing, and say so. Return False where another worker has begun since.

    The row is written before, so that a worker that was taken for dead waits here and does nothing twice.
    """
    mine = jobs.mine(deed)
    if not mine.update(done=deed.done + 1):
        return False
    try:
        with transaction.atomic():
            acted = kind.act(deed, key, now)
    except Refusal as refusal:
        deed.failed += 1
        deed.failures = [*deed.failures, str(refusal)][:SHOWN]
        mine.update(failed=deed.failed, failures=deed.failures)
    else:
        column = "acted" if acted else "skipped"
        mine.update(**{column: F(column) + 1})
    deed.done += 1
    return True
