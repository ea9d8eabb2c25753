"""Celery's doorways into delivery."""

import logging
from threading import BoundedSemaphore

from celery import shared_task
from celery.worker import state as worker_state

from infra import database_clock
from notifications import outbox
from notifications.delivery import services as delivery

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
        outbox.ask_to_deliver()
