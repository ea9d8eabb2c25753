"""Jobs of a page that does one thing to many: what will be done, what is skipped and why, and one count at the end."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone

from accounts.errors import DeedRefused
from accounts.models import Account
from users.models import User, person

SHOWN = 100  # lines on the page


@dataclass(frozen=True)
class Job:
    """One thing that will be done, or is skipped with a reason."""

    who: str
    what: str
    skipped: str
    run: Callable[[User, str, datetime], None]
    again: bool = False  # a tick on the page does it all the same
    run_again: Callable[[User, str, datetime], None] | None = None  # what the tick does; None: the same
    but: str = ""  # what is left out of it, and why


def labels(accounts: Sequence[Account]) -> dict[int, str]:
    """Return the accounts' names by id: with the channel where two have one name, and the channel's id where that is the same too."""
    several = {one.pk: one for one in accounts}
    names = Counter(one.name for one in several.values())
    on_channel = Counter((one.name, one.channel) for one in several.values())
    found = {}
    for pk, one in several.items():
        more = one.get_channel_display()
        if on_channel[one.name, one.channel] > 1:
            more += f", {one.native_id}"
        found[pk] = f"{one.name} ({more})" if names[one.name] > 1 else one.name
    return found


def run(request: HttpRequest, jobs: Sequence[Job], note: str, *, done: Callable[[int], str]) -> None:
    """Do what is not skipped, one by one; one that fails stops no other. Say one count, and what failed by name."""
    again, did, skipped = bool(request.POST.get("again")), 0, 0
    for job in jobs:
        if job.skipped and not (job.again and again):
            skipped += 1
            continue
        try:
            does = job.run_again if again and job.again and job.run_again else job.run
            does(person(request), note, timezone.now())
        except DeedRefused as refusal:
            messages.error(request, f"{job.who}: {refusal}")
        else:
            did += 1
    text = done(did) + (f" {skipped} skipped." if skipped else "")
    messages.success(request, text) if did else messages.warning(request, text)


def lines(jobs: Sequence[Job], does: str) -> list[tuple[str, str, str]]:
    """Return the page's lines: who, what, and what happens."""
    found = [(job.who, job.what, _what_happens(job, does)) for job in jobs[:SHOWN]]
    if len(jobs) > SHOWN:
        found.append((f"and {len(jobs) - SHOWN} more", "", ""))
    return found


def _what_happens(job: Job, does: str) -> str:
    if job.skipped:
        return f"skipped: {job.skipped}"
    return f"{does}, {job.but}" if job.but else does


def number(count: int, word: str) -> str:
    """Return "1 account", "2 accounts"."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def live(jobs: Sequence[Job]) -> int:
    """Count the jobs that are not skipped."""
    return sum(not job.skipped for job in jobs)
