"""Tasks of the whole."""

from celery import shared_task
from django.utils import timezone

from adtoken_project.models import Heartbeat


@shared_task
def heartbeat() -> None:
    """Write that beat sent this and a worker ran it."""
    now = timezone.now()
    for name in ("beat", "worker"):
        Heartbeat.objects.update_or_create(name=name, defaults={"at": now})
