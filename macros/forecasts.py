"""Counting in a worker what a draft of a macro of many accounts would tell: for its form, which cannot wait for it.

Nothing is written but the counts. A person has one forecast of each macro: what they typed before is of no interest now.
"""

from collections.abc import Callable
from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from accounts import jobs
from macros import changes, counts
from macros.changes import Changes
from macros.counts import Counts
from macros.forecast_models import Forecast
from macros.models import Macro
from macros.preview import Draft
from users.models import User

State = Forecast.State
FRESH = timedelta(minutes=2)  # what was counted of the same draft so lately is shown again
KEPT_FOR = timedelta(days=1)
LONGEST = 60_000  # milliseconds that one part may take: in a worker nobody's page waits


@transaction.atomic
def start(
    *, user: User, draft: Draft, macro: Macro | None, before: Draft | None, now: datetime
) -> tuple[Forecast, bool]:
    """Have a draft counted, and the stored macro `before`, where the draft is an edit of it that tells otherwise.

    Return it, and False where it was asked for before.
    """
    User.objects.select_for_update(no_key=True).get(pk=user.pk)  # two pages at once are one after the other
    mine = Forecast.objects.filter(user=user, macro=macro)
    mark = mark_of(draft, before)
    same = mine.filter(mark=mark, created_at__gt=now - FRESH).exclude(state=State.FAILED).first()
    if same is not None:
        return same, False
    mine.delete()
    drafts = {"after": asdict(draft)} | ({"before": asdict(before)} if before else {})
    counted = 2 if before is not None and changes.differ(before, draft) else 1
    changed = changes.with_unwatched(changes.between(before, draft), before) if before else None
    return Forecast.objects.create(
        user=user,
        macro=macro,
        mark=mark,
        drafts=drafts,
        changes=asdict(changed) if changed else None,
        total=counted * len(counts.PARTS),
        created_at=now,
    ), True


def mark_of(draft: Draft, before: Draft | None) -> str:
    """Return what stands for a draft, and what it is compared with."""
    return " ".join(changes.mark_of_all(one) for one in (draft, before) if one)


def make_next(*, clock: Callable[[], datetime], goes_on: Callable[[], bool]) -> bool:
    """Count for the page that waits longest, or go on where a worker died. Return whether there was one.

    A worker that is to stop leaves the rest to another one.
    """
    if not goes_on():
        return False
    return jobs.run_next(Forecast.objects.all(), partial(_make, clock=clock, goes_on=goes_on), clock())


def sweep(*, now: datetime) -> int:
    """Remove what was asked for a day ago. Returns how many rows."""
    return Forecast.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]


def drafts_of(forecast: Forecast) -> dict[str, Draft]:
    """Return the draft "after" and, of an edit, the one "before"."""
    return {name: Draft(**facts) for name, facts in forecast.drafts.items()}


def counts_of(forecast: Forecast) -> dict[str, Counts]:
    """Return what was counted of each draft, as far as it is."""
    return {name: counts.read(found) for name, found in forecast.found.items()}


def changes_of(forecast: Forecast) -> Changes | None:
    """Return what differs, with its numbers once they are counted; None where nothing does."""
    if forecast.changes is None:
        return None
    drafts, found = drafts_of(forecast), counts_of(forecast)
    known = {one.name for one in fields(Changes)}  # what a version before wrote may have others
    changed = Changes(**{name: value for name, value in forecast.changes.items() if name in known})
    if "before" in drafts:  # anew, in the words of whoever reads it now
        changed = replace(changes.between(drafts["before"], drafts["after"]), unwatched=changed.unwatched)
    if forecast.state != State.READY or "before" not in found:
        return changed
    both: dict[str, Any] = {name: (drafts[name], found[name]) for name in ("before", "after")}
    return changes.counted(changed, **both)


def _to_count(forecast: Forecast) -> dict[str, Draft]:
    """Return the drafts whose mails are counted: of an edit that tells nobody anything else, that alone."""
    drafts = drafts_of(forecast)
    before = drafts.get("before")
    if before is not None and not changes.differ(before, drafts["after"]):
        del drafts["before"]
    return drafts


def _make(forecast: Forecast, *, clock: Callable[[], datetime], goes_on: Callable[[], bool]) -> None:
    """Count part after part; what a worker that died had counted stands."""
    if not forecast.user.is_active:
        jobs.end(forecast, State.FAILED, clock())
        return
    for name, draft in _to_count(forecast).items():
        found = forecast.found.setdefault(name, {})
        for part, count in counts.PARTS.items():
            if part in found:
                continue
            if not goes_on():
                jobs.put_back(forecast)
                return
            found[part] = count(draft, clock(), LONGEST)
            forecast.done += 1
            if not jobs.mine(forecast).update(found=forecast.found, done=forecast.done):
                return  # something else was typed since
    jobs.end(forecast, State.READY, clock())
