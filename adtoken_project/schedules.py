"""Installs what beat sends: after every migration the rows are what the code says, so that a changed interval arrives.

Rows made here carry MARK, and go when the code no longer names them: beat would send the old task's name for ever. What operators switched
off stays off, and rows that they made themselves are left alone.
"""

from typing import Any

from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.schedule import SCHEDULES as ACCOUNTS
from macros.schedule import SCHEDULES as MACROS
from notifications.schedule import SCHEDULES as NOTIFICATIONS

MARK = "Installed by AdToken; every upgrade puts it back."
SCHEDULES = {
    "Watch the lanes": ("adtoken_project.tasks.watch_lanes", 60),
    "Heartbeat": ("adtoken_project.tasks.heartbeat", 60),
    "Remove old records": ("adtoken_project.tasks.prune_records", 3_600),
    "Remove old history": ("adtoken_project.tasks.prune_history", 60),
    "Remove sessions that have ended": ("adtoken_project.tasks.clear_sessions", 3_600),
    **ACCOUNTS,
    **MACROS,
    **NOTIFICATIONS,
}


def install(sender: Any = None, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Create, correct and remove schedules until the database says what the code says."""
    for name, (task, seconds) in SCHEDULES.items():
        interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
        # A tick that no worker took before the next one is due is worth nothing: ticks must not pile up.
        wanted = {"task": task, "interval": interval, "expire_seconds": seconds, "description": MARK}
        if not PeriodicTask.objects.filter(name=name, **wanted).exists():
            PeriodicTask.objects.update_or_create(name=name, defaults=wanted)
    for gone in PeriodicTask.objects.filter(description=MARK).exclude(name__in=SCHEDULES):
        gone.delete()  # one by one: beat hears of it by a signal
