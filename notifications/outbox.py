"""Writing messages. Delivery is in notifications.delivery."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from infra import database_clock
from notifications.models import Message
from notifications.tasks import deliver_soon
from users.models import Team


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
