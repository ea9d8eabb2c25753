"""Celery doorways of the portal."""

from celery import shared_task
from celery.worker import state as worker_state

from portal import start_ahead
from users import database_clock


@shared_task(ignore_result=True)
def work_out_start_pages() -> None:
    """Work out the start page's figures for those who look at it."""
    start_ahead.work_out_due(clock=database_clock.now, goes_on=lambda: worker_state.should_stop is None)
