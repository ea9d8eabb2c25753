"""Installs what beat sends. Made by name when missing; what staff changed since is left alone."""

from typing import Any

from accounts.schedule import SCHEDULES as ACCOUNTS
from macros.schedule import SCHEDULES as MACROS
from notifications.schedule import SCHEDULES as NOTIFICATIONS

SCHEDULES = {
    "Heartbeat": ("adtoken_project.tasks.heartbeat", 60),
    **ACCOUNTS,
    **MACROS,
    **NOTIFICATIONS,
}


def install(sender: Any = None, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Make the schedules that are missing, after every migration."""
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    for name, (task, seconds) in SCHEDULES.items():
        interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
        # A tick that no worker took before the next one is due is worth nothing: ticks must not pile up.
        defaults = {"task": task, "interval": interval, "expire_seconds": seconds}
        PeriodicTask.objects.get_or_create(name=name, defaults=defaults)
