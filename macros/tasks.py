"""Celery's doorway into the evaluation."""

from celery import shared_task

from infra import database_clock
from macros.at_once import services as at_once
from macros.warnings import services as evaluation


@shared_task(name="macros.evaluate_if_due", ignore_result=True)
def evaluate_if_due() -> None:
    """Run today's evaluation if it is due and not done."""
    evaluation.evaluate_if_due(now=database_clock.now())


@shared_task(name="macros.tell_at_once", ignore_result=True)
def tell_at_once() -> None:
    """Write the mails about what just happened."""
    at_once.tell_news(database_clock.now())
