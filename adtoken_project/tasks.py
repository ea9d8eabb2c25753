"""Tasks of the whole."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings

from adtoken_project.models import Heartbeat
from adtoken_project.ops import lateness, pruning
from adtoken_project.workers import signs_of_life
from infra import append_only, database_clock
from notifications.mails import tell_operators
from users.login import limits
from users.sessions.services import SessionStore


@shared_task
def heartbeat() -> None:
    """Write that beat sent this and a worker ran it, and forget processes that are gone."""
    now = database_clock.now()
    Heartbeat.objects.update_or_create(name="ticks", defaults={"at": now})
    signs_of_life.prune_signs(now=now)


@shared_task
def watch_lanes() -> None:
    """Tell operators of a lane that is late, and of addresses that mail does not reach."""
    lateness.tell_operators(now=database_clock.now())
    tell_operators(database_clock.now())


@shared_task
def prune_records() -> None:
    """Remove records of hand-outs and log-ins that are older than they are kept."""
    append_only.prune(now=database_clock.now(), keep=timedelta(days=settings.RECORDS_DAYS))


@shared_task
def prune_history() -> None:
    """At night: remove history that is older than it is kept, for a minute; the next one goes on."""
    pruning.run_at_night(now=database_clock.now())


@shared_task
def clear_sessions() -> None:
    """Remove the sessions that have ended: they hold addresses and browsers of people. And counts of limits that are over."""
    SessionStore.clear_expired()
    limits.remove_ended_counts()
