"""Works out the start page's figures in a worker, before they are asked for: for whoever sees very many accounts, and looked lately.

Whoever looked within the last hour finds them five minutes old at most; whoever looked within the last week, an hour. For whoever did not,
nothing is worked out: the page does it at the first look, once. A turn takes a few seconds, so that 300 teams hold nothing up: their
figures are older then, and the page says how old.
"""

import logging
import time
from collections.abc import Callable
from datetime import MINYEAR, UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from accounts.models import StartFigures
from accounts.permissions import VIEW
from portal import start_kept, start_viewer

RENEWED = timedelta(minutes=5)  # while somebody looks
KEPT_WARM = timedelta(hours=1)  # where somebody may come back
LOOKS_ON = timedelta(hours=1)  # after a look somebody is taken to look again
REMEMBERED = timedelta(days=7)
TURN = 3.0  # seconds, of the 15 between two turns
_NEVER = datetime(MINYEAR, 1, 1, tzinfo=UTC)

logger = logging.getLogger(__name__)


def work_out_due(*, clock: Callable[[], datetime], goes_on: Callable[[], bool], turn: float = TURN) -> int:
    """Work out what is due, the oldest first, and forget who did not look for long. Returns how many sets of figures. Never raises.

    `turn`: seconds after which no other one is begun.
    """
    now, ends = clock(), time.monotonic() + turn
    StartFigures.objects.filter(looked_at__lt=now - REMEMBERED).delete()
    rows = [row for row in StartFigures.objects.defer("figures").select_related("user") if is_due(row, now)]
    done = 0
    for row in sorted(rows, key=lambda one: one.begun_at or _NEVER):
        if not goes_on():
            break
        try:
            done += _work_out(row, clock())
        except (
            Exception
        ):  # the other ones are none the worse for it; this one has its next turn in some minutes
            logger.exception("The start page's figures of %s could not be worked out", row)
        if time.monotonic() >= ends:
            break
    return done


def is_due(row: StartFigures, now: datetime) -> bool:
    """Return whether figures are too old for those who look at them, or of yesterday. `begun_at` counts: what fails waits, too."""
    if row.begun_at is None:
        return True
    zone = ZoneInfo(row.zone)
    if row.begun_at.astimezone(zone).date() != now.astimezone(zone).date():
        return True
    looks = now - row.looked_at < LOOKS_ON
    return now - row.begun_at >= (RENEWED if looks else KEPT_WARM)


def _work_out(row: StartFigures, now: datetime) -> bool:
    """Work one set out, unless another worker has begun it since. Return whether that was done."""
    mine = StartFigures.objects.filter(pk=row.pk)
    if not mine.filter(begun_at=row.begun_at).update(begun_at=now):
        return False
    user = row.user
    if not (user.is_active and user.has_perm(VIEW)) or start_viewer.whose(user) != row.whose:
        mine.delete()  # who looked last sees something else now, or nothing; others come with their next look
        return False
    with timezone.override(ZoneInfo(row.zone)):
        viewer = start_viewer.unkept(user, now)
        found = {one.name: one.entry(one.work_out(viewer), now) for one in start_kept.AHEAD}
    mine.update(figures=found)
    return True
