"""Beginning an ask to re-authenticate, on a page or by API, and what workers do about asks."""

from functools import partial
from typing import Any

from celery import shared_task
from celery.worker import state as worker_state
from django.db import transaction

from accounts.asks import services
from accounts.asks.models import Ask
from infra import asking_workers, database_clock

SCHEDULE = {"Run asks": ("accounts.tasks.run_asks", 60)}


@shared_task(name="accounts.tasks.run_asks")
def run_asks() -> None:
    """Find how far the log-ins are that are asked for, write the mails that are due, and end what is over."""
    services.send_due_requests(clock=database_clock.now, goes_on=lambda: worker_state.should_stop is None)


def begin(**facts: Any) -> Ask:
    """Begin an ask (`services.start_ask`), and have a worker write its mails."""
    ask, is_new = services.start_ask(**facts)
    if is_new:
        transaction.on_commit(partial(asking_workers.ask, run_asks))
    return ask
