"""Celery doorways into the mails to operators."""

from celery import shared_task

from accounts.alerts import services
from infra import database_clock

SCHEDULE = {
    "Tell operators": ("accounts.tasks.tell_operators", 60),
    "Watch the versions of the channels": ("accounts.tasks.watch_versions", 3_600),
}


@shared_task(name="accounts.tasks.tell_operators")
def tell_operators() -> None:
    """Tell operators of faults, doubts, unknown answers and refused writes that checks, reports and consents found."""
    now = database_clock.now()
    services.tell_operators(now=now)
    services.tell_of_doubts(now)
    services.tell_of_refusals(now=now)


@shared_task(name="accounts.tasks.watch_versions")
def watch_versions() -> None:
    """Tell operators of versions that end."""
    services.tell_of_versions(now=database_clock.now())
