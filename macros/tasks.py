"""Celery's doorway into the evaluation."""

from celery import shared_task

from infra import database_clock
from macros.at_once import services as at_once
from macros.warnings import services as evaluation
from macros.webhooks import services as webhooks


@shared_task(name="macros.evaluate_if_due", ignore_result=True)
def evaluate_if_due() -> None:
    """Run today's evaluation if it is due and not done."""
    evaluation.evaluate_if_due(now=database_clock.now())


@shared_task(name="macros.tell_at_once", ignore_result=True)
def tell_at_once() -> None:
    """Write the mails about what just happened."""
    at_once.tell_news(database_clock.now())


@shared_task(name="macros.tell_systems", ignore_result=True)
def tell_systems() -> None:
    """Write what happened into the stream, and have it sent to the endpoints that want it."""
    for endpoint in webhooks.publish(database_clock.now()):
        send_webhooks.apply_async((endpoint,), retry=False)


@shared_task(name="macros.send_webhooks", ignore_result=True)
def send_webhooks(endpoint: int) -> None:
    """Send what waits for an endpoint."""
    webhooks.send_to(endpoint)
