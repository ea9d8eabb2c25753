"""What workers do about asks."""

from celery import shared_task
from celery.worker import state as worker_state

from accounts.asks import services
from infra import database_clock

SCHEDULE = {"Run asks": ("accounts.tasks.run_asks", 60)}


@shared_task(name="accounts.tasks.run_asks")
def run_asks() -> None:
    """Find how far the log-ins are that are asked for, write the mails that are due, and end what is over."""
    services.send_due_requests(clock=database_clock.now, goes_on=lambda: worker_state.should_stop is None)
