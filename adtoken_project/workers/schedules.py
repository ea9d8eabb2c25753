"""Installs what beat sends: after every migration the rows are what the code says, so that a changed interval arrives.

Rows made here carry MARK, and go when the code no longer names them: beat would send the old task's name for ever. What operators switched
off stays off, and rows that they made themselves are left alone.
"""

from typing import Any

from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.tasks import SCHEDULES as ACCOUNTS

# Seconds after which a tick that no worker took is thrown away, so that they do not pile up for ever. By the clocks of two hosts, of which
# one may be wrong by hours; one too many does no harm.
KEPT = 86_400
MARK = "Installed by AdToken; every upgrade puts it back."
SCHEDULES: dict[str, tuple[str, int]] = {  # name -> task, every so many seconds
    "Watch the lanes": ("adtoken_project.tasks.watch_lanes", 60),
    "Heartbeat": ("adtoken_project.tasks.heartbeat", 60),
    "Remove old records": ("adtoken_project.tasks.prune_records", 3_600),
    "Remove old history": ("adtoken_project.tasks.prune_history", 3_600),
    "Remove sessions that have ended": ("adtoken_project.tasks.clear_sessions", 3_600),
    **ACCOUNTS,
    "Evaluate macros if due": ("macros.evaluate_if_due", 300),
    "Tell other systems": ("macros.tell_systems", 20),
    "Tell at once what happened": ("macros.tell_at_once", 20),
    "Deliver messages": ("notifications.deliver_messages", 15),
}


def install_schedules(sender: Any = None, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Create, correct and remove schedules until the database says what the code says."""
    for name, (task, seconds) in SCHEDULES.items():
        interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
        wanted = {"task": task, "interval": interval, "expire_seconds": KEPT, "description": MARK}
        if not PeriodicTask.objects.filter(name=name, **wanted).exists():
            PeriodicTask.objects.update_or_create(name=name, defaults=wanted)
    for gone in PeriodicTask.objects.filter(description=MARK).exclude(name__in=SCHEDULES):
        gone.delete()  # one by one: beat hears of it by a signal
