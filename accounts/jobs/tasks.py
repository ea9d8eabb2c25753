"""What a worker does about jobs."""

from celery import shared_task
from celery.worker import state as worker_state

from accounts.jobs import services
from infra import database_clock

SCHEDULE = {"Do what was asked for to many": ("accounts.tasks.run_jobs", 30)}


@shared_task(name="accounts.tasks.run_jobs")
def run_jobs() -> None:
    """Do what staff asked for to many at once. Several workers do several of them."""
    while services.do_next_job(clock=database_clock.now, goes_on=lambda: worker_state.should_stop is None):
        pass
