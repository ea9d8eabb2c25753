"""What a worker works out before pages ask for it, or beside them: since when each is due, and what could not be counted.

Pages do without it: filters ask the tables, the start page counts by itself, a macro is saved without its numbers. So nobody would notice.
"""

from datetime import datetime, timedelta

from django.db import connection

from accounts import backups, kept_sets, people_left
from accounts.models import KeptSet
from macros.models import Forecast
from portal import start_ahead, start_kept

SETS = (backups.KEPT, people_left.KEPT)
DAY = timedelta(days=1)
_OLDEST = """
select min(coalesce(to_timestamp((figures #>> array[%(figure)s, '0'])::float8), looked_at))
from accounts_startfigures where looked_at > %(since)s"""


def sets_due(began: datetime | None) -> datetime | None:
    """Return since when the set that is longest overdue should have been looked through. One query.

    `began`: since when the clock runs, which counts for one that was never worked out; None: it does not run.
    """
    kept = KeptSet.objects.in_bulk(SETS)
    due = [kept_sets.due_at(kept[name]) if name in kept else began for name in SETS]
    return min((at for at in due if at is not None), default=None)


def preview_waits() -> datetime | None:
    """Return since when the oldest preview of a macro waits that no worker has begun to count."""
    waiting = Forecast.objects.filter(state=Forecast.State.WAITING)
    return waiting.order_by("created_at").values_list("created_at", flat=True).first()


def start_page_due(now: datetime) -> datetime | None:
    """Return since when the oldest figures of the start page should have been worked out anew, for those who looked lately. One query.

    It goes by the figure that pages leave to the worker; where there was none yet, by when somebody looked last.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST, {"figure": start_kept.PEOPLE.name, "since": now - start_ahead.REMEMBERED})
        row = cursor.fetchone()
    return row[0] + start_ahead.KEPT_WARM if row and row[0] else None


def previews_failed(now: datetime) -> int:
    """Return how many previews of macros could not be counted within a day, which is as long as they are kept."""
    return Forecast.objects.filter(state=Forecast.State.FAILED, created_at__gt=now - DAY).count()
