"""Messages in the queue."""

from datetime import datetime
from itertools import count
from typing import Any

from notifications.delivery import claims
from notifications.models import Message
from tests.notifications.conftest import KIND
from tests.support.factories import NOW

_numbers = count(1)


def make_message(recipient: str = "ada@example.com", **fields: Any) -> Message:
    fields.setdefault("kind", KIND)
    fields.setdefault("dedupe_key", f"test:{next(_numbers)}")
    for name in ("created_at", "queued_at", "next_attempt_at"):
        fields.setdefault(name, NOW)
    return Message.objects.create(recipient=recipient, **fields)


def claim_next(*, now: datetime) -> Message | None:
    """Take the next due message, one whose senders vanished too."""
    return claims.claim_next(now=now)
