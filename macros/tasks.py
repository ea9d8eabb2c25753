"""Celery's doorway into the evaluation."""

from celery import shared_task
from django.utils import timezone

from macros import evaluation


@shared_task(name="macros.evaluate_if_due", ignore_result=True)
def evaluate_if_due() -> None:
    """Run today's evaluation if it is due and not done."""
    evaluation.evaluate_if_due(now=timezone.now())
