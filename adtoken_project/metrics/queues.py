"""What waits in the queues of calls to workers, and since when."""

import json
import time
from dataclasses import dataclass
from typing import Any

from adtoken_project import lanes
from adtoken_project.celery import app
from adtoken_project.metrics.signals import SENT_AT


@dataclass(frozen=True)
class Queue:
    """How many calls wait, and for how many seconds the oldest has; 0: none waits, or it does not say."""

    length: int
    age: float


def read() -> dict[str, Queue]:
    """Return what waits in each queue. Raises OperationalError where the broker is away."""
    with app.connection_for_read() as connection:
        client: Any = getattr(connection.default_channel, "client")  # noqa: B009  # of kombu's Redis transport alone
        # New calls are added on the left.
        return {name: Queue(int(client.llen(name)), _age(client.lindex(name, -1))) for name in lanes.QUEUES}


def _age(message: bytes | None) -> float:
    sent = json.loads(message)["headers"].get(SENT_AT) if message else None
    return max(0.0, time.time() - sent) if sent else 0.0
