"""Deeds of staff on so many things that no web process waits for them: a worker does them, some things in a transaction of their own.

That transaction says that they are done, too: so nothing is done twice, and another worker goes on where one died. On hold nothing is
done, and what was begun waits.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F, Func, Q, QuerySet

from accounts import deed_rows, jobs
from accounts.deed_rows import Result
from accounts.models import Account, Deed
from ui.refusal import Refusal
from users import hold
from users.models import User

State = Deed.State
KEPT_FOR = timedelta(days=1)
PART = 500  # keys that are read at one time
MANY = 100  # accounts in one transaction
SHOWN = 20  # failures that are kept in words

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """A kind of deed: what one needs to do it (nothing, for what people do to what is their own), and how it is done to one thing.

    `act` gets the deed, the thing's key and the time. It returns whether anything was done, or raises Refusal with the reason. `ask` in its
    place gets the same of a person, and returns what came of it, which is kept.
    `after` is called with the same once that is committed, for what happens outside any transaction. A worker that dies before it leaves
    it undone, so it is what a sweep would do as well.

    A deed on accounts has `many` in place of `act`: it gets the ids of some accounts and returns what came of each, in their order,
    which is kept; a Refusal is the answer for all of them.

    `holds` says, before each thing, whether what the deed is about is still as it must be; where not, it ends as failed. `finish` is called
    once, in the transaction that ends the deed, however it ends; `deed.state` says how. `undo` names the kind of deed that takes it back.
    """

    permission: str
    act: Callable[[Deed, int, datetime], bool] | None = None
    after: Callable[[Deed, int, datetime], object] | None = None
    many: Callable[[Deed, Sequence[int], datetime], Sequence[Result]] | None = None
    holds: Callable[[Deed], bool] | None = None
    finish: Callable[[Deed, datetime], object] | None = None
    undo: str = ""
    ask: Callable[[Deed, int, datetime], Result] | None = None


def start(
    *,
    user: User,
    kind: str,
    subject_id: int,
    keys: Sequence[int],
    note: str,
    skipped: int,
    now: datetime,
    options: Mapping[str, object] | None = None,
) -> tuple[Deed, bool]:
    """Have a deed done. Return it, and False where one of this kind on this subject is under way already."""
    try:
        with transaction.atomic():
            facts: dict[str, Any] = {"keys": list(keys), "total": len(keys), "note": note, "skipped": skipped}
            facts["options"] = dict(options or {})
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
            user=user,
            kind=kind,
            subject_id=subject_id,
            keys=keys,
            note=note,
            skipped=skipped,
            now=now,
            options=options,
        )


def start_on(
    accounts: QuerySet[Any, Any],
    *,
    user: User,
    kind: str,
    now: datetime,
    subject_id: int = 0,
    note: str = "",
    options: Mapping[str, object] | None = None,
    once: str = "",
    undoes: Deed | None = None,
) -> tuple[Deed, bool]:
    """Have a deed done on accounts (a query of one column, their ids, in order). Return it, and False where the page asked already.

    The ids stay in the database: a web process need not hold a million of them.
    """
    facts: dict[str, Any] = {"subject_id": subject_id, "note": note[:300], "options": dict(options or {})}
    try:
        with transaction.atomic():
            made = Deed.objects.create(
                user=user,
                kind=kind,
                keys=ArraySubquery(accounts),
                total=0,
                once=once,
                undoes=undoes,
                created_at=now,
                **facts,
            )
            mine = Deed.objects.defer("keys").filter(pk=made.pk)
            mine.update(total=Func("keys", function="cardinality"))
            return mine.get(), True
    except IntegrityError:
        known = Deed.objects.defer("keys")
        same = known.filter(user=user, once=once).first() if once else None
        return same or known.filter(undoes=undoes).exclude(state=State.FAILED).latest("pk"), False


def allows(kind: Kind, user: User) -> bool:
    """Return whether a person holds the permission that a kind of deed needs, where it needs one."""
    return not kind.permission or user.has_perm(kind.permission)


def accounts_of(deed: Deed, keys: Sequence[int]) -> QuerySet[Account]:
    """Return those of these accounts that the deed's person sees now."""
    return Account.objects.visible_to(deed.user).filter(pk__in=keys)


def locked(deed: Deed, keys: Iterable[int]) -> list[Account]:
    """Lock and return the same."""
    return list(Account.objects.visible_to(deed.user).filter(pk__in=list(keys)).locked())


def do_next(*, kinds: Mapping[str, Kind], clock: Callable[[], datetime], goes_on: Callable[[], bool]) -> bool:
    """Do the deed that waits longest, or go on with one whose worker died. Return whether there was one.

    A worker that is to stop leaves the rest to another one. On hold all of them wait.
    """
    if not goes_on() or hold.current() is not None:
        return False
    work = partial(_do, kinds=kinds, clock=clock, goes_on=goes_on)
    return jobs.run_next(Deed.objects.defer("keys"), work, clock()) or _close_dead(kinds, clock())


def _close_dead(kinds: Mapping[str, Kind], now: datetime) -> bool:
    """Finish deeds of which too many workers died: the accounts that they did not come to are named. Return False."""
    ends = [name for name, kind in kinds.items() if kind.many is not None or kind.finish is not None]
    dead = Deed.objects.defer("keys").filter(state=State.FAILED, kind__in=ends)
    dead = dead.filter(done__lt=F("total"), keys__len__gt=0)
    if not dead.exists():
        return False
    with transaction.atomic():
        for deed in dead.order_by("pk").select_for_update(no_key=True, skip_locked=True):
            if kinds[deed.kind].many is not None:
                deed_rows.give_up(deed, now)
            Deed.objects.filter(pk=deed.pk).update(keys=[])
            finish = kinds[deed.kind].finish
            if finish is not None:
                finish(deed, now)
    return False


def sweep(*, now: datetime) -> int:
    """Remove what was over a day ago, unless what takes it back is kept still. Returns how many rows."""
    over = jobs.over_before(now - KEPT_FOR)
    undos = Deed.objects.exclude(over).filter(~Q(undoes=None) | Q(options__has_key=deed_rows.UNDOES))
    named = {pk or options[deed_rows.UNDOES] for pk, options in undos.values_list("undoes", "options")}
    return Deed.objects.filter(over).exclude(pk__in=named).delete()[0]


def _do(
    deed: Deed, *, kinds: Mapping[str, Kind], clock: Callable[[], datetime], goes_on: Callable[[], bool]
) -> None:
    """Do what is left of a deed, and end it, or put it back."""
    kind = kinds[deed.kind]
    try:
        state = _go_on(deed, kind, clock, goes_on)
        if state is not None:
            _end(deed, kind, state, clock())
    except hold.OnHold:
        jobs.put_back(deed)
    except OperationalError:
        logger.warning("Deed %s is begun again where it was: PostgreSQL did not take it", deed.pk)
        jobs.put_back(deed, counted=True)
    except Exception:
        logger.exception("Deed %s could not be done", deed.pk)
        _end(deed, kind, State.FAILED, clock())


def _go_on(
    deed: Deed, kind: Kind, clock: Callable[[], datetime], goes_on: Callable[[], bool]
) -> Deed.State | None:
    """Do what is left. Return how it ended; None where it is another worker's now."""
    size = 1 if kind.many is None else MANY
    while deed.done < deed.total:
        part = Deed.objects.values_list(f"keys__{deed.done}_{deed.done + PART}", flat=True).get(pk=deed.pk)
        if not part:
            raise LookupError(f"Deed {deed.pk} names {deed.done} things and not {deed.total}.")
        for first in range(0, len(part), size):
            keys = part[first : first + size]
            if not goes_on() or hold.current() is not None:
                jobs.put_back(deed)
                return None
            if not _may(deed, kind) or (kind.holds is not None and not kind.holds(deed)):
                return State.FAILED
            one = kind.many is None
            done = _do_one(deed, kind, keys[0], clock()) if one else _do_many(deed, kind, keys, clock())
            if not done:
                return None
            if kind.after:
                kind.after(deed, keys[0], clock())
    return State.READY


@transaction.atomic
def _end(deed: Deed, kind: Kind, state: Deed.State, now: datetime) -> None:
    """End a deed. Of accounts that it did not come to, its rows say so."""
    if kind.many is not None and deed.done < deed.total:
        deed_rows.give_up(deed, now)
    deed.state = state
    if jobs.end(deed, state, now) and kind.finish:
        kind.finish(deed, now)


def _may(deed: Deed, kind: Kind) -> bool:
    """Return whether the person may still do it: asked anew for each thing, since a deed may take minutes."""
    # What the person may do, the object has kept; and whoever saw that person off may have taken the deed over.
    before = deed.user_id
    deed.user = User.objects.get(pk__in=Deed.objects.filter(pk=deed.pk).values("user"))
    if deed.user_id != before:
        deed.refresh_from_db(fields=["options"])
    return deed.user.is_active and allows(kind, deed.user)


@transaction.atomic
def _do_one(deed: Deed, kind: Kind, key: int, now: datetime) -> bool:
    """Do it to one thing, and say so. Return False where another worker has begun since.

    The row is written before, so that a worker that was taken for dead waits here and does nothing twice.
    """
    mine = jobs.mine(deed)
    if not mine.update(done=deed.done + 1):
        return False
    if kind.ask is not None:
        mine.update(**deed_rows.write(deed, [_answer(deed, kind.ask, key, now)], now))
        deed.done += 1
        return True
    assert kind.act is not None
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


def _answer(deed: Deed, ask: Callable[[Deed, int, datetime], Result], key: int, now: datetime) -> Result:
    """Return what came of one person. A refusal ends no deed."""
    try:
        with transaction.atomic():
            return ask(deed, key, now)
    except Refusal as refusal:
        return Result.fails(key, "as_told", text=str(refusal))


@transaction.atomic
def _do_many(deed: Deed, kind: Kind, keys: Sequence[int], now: datetime) -> bool:
    """Do it to some accounts, and keep what came of each. Return False where another worker has begun since."""
    mine = jobs.mine(deed)
    if not mine.update(done=deed.done + len(keys)):
        return False
    results = _results(deed, kind, keys, now)
    mine.update(**deed_rows.write(deed, results, now))
    deed.done += len(keys)
    return True


def _results(deed: Deed, kind: Kind, keys: Sequence[int], now: datetime) -> list[Result]:
    """Return what came of each. One that is at fault spoils no other: then each is done by itself."""
    assert kind.many is not None
    try:
        with transaction.atomic():
            return list(kind.many(deed, keys, now))
    except Refusal as refusal:
        return [Result.fails(key, "as_told", text=str(refusal)) for key in keys]
    except (hold.OnHold, OperationalError):
        raise
    except Exception:
        logger.exception("Deed %s could not be done to %s", deed.pk, keys)
        if len(keys) == 1:
            return [Result.fails(keys[0], "our_fault")]
    return [one for key in keys for one in _results(deed, kind, [key], now)]
