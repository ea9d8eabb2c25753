"""Counting in a worker what a draft of a macro of many accounts would tell: for its form, which cannot wait for it.

Nothing is written but the counts. A person has one forecast of each macro: what they typed before is of no interest now.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from macros import changes, counts
from macros import forecast_jobs as jobs
from macros.changes import Changes
from macros.counts import Counts
from macros.forecast_models import Forecast
from macros.models import Macro
from macros.preview import Draft
from users.models import User

State = Forecast.State
FRESH = timedelta(minutes=2)  # what was counted of the same draft so lately is shown again
KEPT_FOR = timedelta(days=1)
UNWATCHED = "unwatched"  # a part: how many accounts no macro watches once the stored macro is off
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
    drafts = {"after": asdict(draft)} | ({"before": asdict(before)} if before else {})
    changed = changes.between(before, draft) if before else None
    same = mine.filter(mark=mark, created_at__gt=now - FRESH).exclude(state=State.FAILED).first()
    if same is not None:
        _rename(same, drafts, changed)
        return same, False
    mine.delete()
    counted = 2 if before is not None and changes.differ(before, draft) else 1
    looks = 1 if changed is not None and changed.enabled is False else 0  # at who watches the accounts then
    return Forecast.objects.create(
        user=user,
        macro=macro,
        mark=mark,
        drafts=drafts,
        changes=asdict(changed) if changed else None,
        total=counted * len(counts.PARTS) + looks,
        created_at=now,
    ), True


def _rename(forecast: Forecast, drafts: dict[str, Any], changed: Changes | None) -> None:
    """Have a forecast say the name and description that were typed since: what was counted stands, and its worker goes on."""
    if drafts != forecast.drafts:
        forecast.drafts, forecast.changes = drafts, asdict(changed) if changed else None
        Forecast.objects.filter(pk=forecast.pk).update(drafts=drafts, changes=forecast.changes)


def mark_of(draft: Draft, before: Draft | None) -> str:
    """Return what stands for what is counted of a draft, and of what it is compared with, where that tells otherwise."""
    differ = before is not None and changes.differ(before, draft)
    return " ".join(changes.mark(one) for one in ((draft, before) if differ else (draft,)) if one)


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
    unwatched = forecast.found.get("after", {}).get(UNWATCHED, changed.unwatched)
    if "before" in drafts:  # anew, in the words of whoever reads it now
        changed = replace(changes.between(drafts["before"], drafts["after"]), unwatched=unwatched)
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


def _parts(forecast: Forecast) -> Iterator[tuple[str, str, Callable[[datetime], Any]]]:
    """Yield what is counted: of which draft, the name of the part, and what counts it."""
    for name, draft in _to_count(forecast).items():
        for part, count in counts.PARTS.items():
            yield name, part, partial(_part, count, draft)
    drafts = drafts_of(forecast)
    if "before" in drafts and changes.between(drafts["before"], drafts["after"]).enabled is False:
        yield "after", UNWATCHED, lambda _now: changes.unwatched_without(drafts["before"])


def _part(count: Callable[[Draft, datetime, int | None], Any], draft: Draft, now: datetime) -> Any:
    return count(draft, now, LONGEST)


def _make(forecast: Forecast, *, clock: Callable[[], datetime], goes_on: Callable[[], bool]) -> None:
    """Count part after part; what a worker that died had counted stands."""
    if not forecast.user.is_active:
        jobs.end(forecast, State.FAILED, clock())
        return
    for name, part, count in _parts(forecast):
        found = forecast.found.setdefault(name, {})
        if part in found:
            continue
        if not goes_on():
            jobs.put_back(forecast)
            return
        found[part] = count(clock())
        forecast.done += 1
        if not jobs.mine(forecast).update(found=forecast.found, done=forecast.done):
            return  # something else was typed since
    jobs.end(forecast, State.READY, clock())
