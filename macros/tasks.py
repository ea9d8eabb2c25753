"""Celery's doorway into the evaluation."""

from threading import BoundedSemaphore

from celery import shared_task
from celery.worker import state as worker_state

from macros import at_once, evaluation, forecasts
from users import database_clock

_counting = BoundedSemaphore(2)  # at once in a process: each keeps a core of the database busy


@shared_task(name="macros.evaluate_if_due", ignore_result=True)
def evaluate_if_due() -> None:
    """Run today's evaluation if it is due and not done."""
    evaluation.evaluate_if_due(now=database_clock.now())


@shared_task(name="macros.tell_at_once", ignore_result=True)
def tell_at_once() -> None:
    """Write the mails of macros about what just happened."""
    at_once.tell(database_clock.now())


@shared_task(name="macros.make_forecasts", ignore_result=True)
def make_forecasts() -> None:
    """Count what drafts of macros would tell, for their forms."""
    if not _counting.acquire(blocking=False):
        return
    try:
        forecasts.sweep(now=database_clock.now())
        while forecasts.make_next(clock=database_clock.now, goes_on=lambda: worker_state.should_stop is None):
            pass
    finally:
        _counting.release()
