"""Operators hear of the end of a channel's API version before it comes: 60 days ahead, 14 days ahead and at the end.

Every message has a key of its own, so
that the hourly run writes nothing twice; whoever becomes an operator later hears what still holds.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.alerts import services as alerts
from notifications.outbox import services as outbox
from tokens.channels import registry, versions
from tokens.models import ChannelApp
from users.people.recipients import operators

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class VersionNews:
    """What operators are to hear: `key` is the same for the same news."""

    key: str
    payload: dict[str, Any]


@transaction.atomic
def tell_operators(now: datetime) -> int:
    """Write what operators were not told yet. Return how many messages were written."""
    news = list(_ends(now))
    if not news:
        return 0
    to = operators()
    if not to:
        logger.warning("A version of a channel's API ends and there is nobody to tell: set OPERATOR_EMAILS.")
    return sum(
        outbox.enqueue(
            kind=alerts.KIND,
            recipient=address,
            dedupe_key=f"{alerts.KIND}:version:{one.key}:{address}",
            payload=one.payload,
            now=now,
        )
        for one in news
        for address in to
    )


def _ends(now: datetime) -> Iterator[VersionNews]:
    """Give the ends that are near, of channels that have an app in use."""
    used = _apps_in_use().values_list("channel", flat=True)
    today = timezone.localdate(now)
    for key in sorted(set(used) & registry.CHANNELS.keys()):
        version = versions.in_use(registry.get(key))
        if version is None or version.end is None:
            continue
        stage = versions.stage(version.end, today)
        if stage is not None:
            payload = {"version": version.name, "channel": key, "end": version.end.isoformat()}
            yield VersionNews(f"{key}:{version.name}:{version.end}:{stage}", payload)


def _apps_in_use() -> Any:
    return ChannelApp.objects.exclude(state=ChannelApp.State.NOT_SET_UP)
