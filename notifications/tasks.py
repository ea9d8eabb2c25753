"""Celery's doorways into delivery."""

import logging
from threading import BoundedSemaphore

from celery import shared_task
from celery.worker import state as worker_state
from django.db import transaction

from infra import asking_workers, database_clock
from notifications import delivery
from users.login import private_parts

# Runs of one process beside each other: where a mail hangs, others go on. The lane keeps a thread for its other work.
_running = BoundedSemaphore(3)

logger = logging.getLogger(__name__)


@shared_task(name="notifications.deliver_messages", ignore_result=True)
def deliver_messages() -> None:
    """Send what is due. Beat calls it every few seconds; the claims in the database decide who sends what."""
    if not _running.acquire(blocking=False):
        return
    try:
        tally = delivery.deliver(clock=database_clock.now, goes_on=lambda: worker_state.should_stop is None)
    finally:
        _running.release()
    if counts := tally.words():
        logger.info("Messages: %s", counts)
    if tally.more:
        _call()


def deliver_soon() -> None:
    """Ask a worker to deliver as soon as this transaction is committed, once per transaction.

    It is a hint: when the broker cannot be reached, the next sweep sends the message.
    """
    if not private_parts.is_called_on_commit(_call):
        transaction.on_commit(_call, robust=True)


def _call() -> None:
    asking_workers.ask(deliver_messages)
