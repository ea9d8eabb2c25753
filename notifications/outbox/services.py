"""Writing messages, and asking a worker to deliver them: how is in notifications.delivery."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from celery import current_app
from django.db import transaction

from infra import asking_workers, database_clock, private_parts
from notifications.models import Message
from users.models import Team

DELIVER = "notifications.deliver_messages"  # the task


def enqueue(
    *,
    kind: str,
    recipient: str,
    dedupe_key: str,
    now: datetime,
    team: Team | None = None,
    payload: Mapping[str, Any] | None = None,
) -> bool:
    """Write one message in the caller's transaction, once per dedupe key. Return whether it is new.

    A worker is asked to deliver it once the transaction is committed. It is due at once, also where this host's clock is ahead.
    """
    _, created = Message.objects.get_or_create(
        dedupe_key=dedupe_key,
        defaults={
            "kind": kind,
            "recipient": recipient.lower(),
            "team": team,
            "payload": dict(payload or {}),
            "next_attempt_at": min(now, database_clock.now()),
            "created_at": now,
            "queued_at": now,
        },
    )
    if created:
        deliver_soon()
    return created


def deliver_soon() -> None:
    """Ask a worker to deliver as soon as this transaction is committed, once per transaction.

    It is a hint: when the broker cannot be reached, the next sweep sends the message.
    """
    if not private_parts.is_called_on_commit(ask_to_deliver):
        transaction.on_commit(ask_to_deliver, robust=True)


def ask_to_deliver() -> None:
    """Ask a worker to deliver now."""
    asking_workers.ask(current_app.tasks[DELIVER])
