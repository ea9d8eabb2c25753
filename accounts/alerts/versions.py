"""Operators hear of the end of a channel's API version before it comes: 60 days ahead, 14 days ahead and at the end.

Every message has a key of its own, so that the hourly run writes nothing twice; whoever becomes an operator later hears what still
holds. The mail says when the version ends, where that stands, and what to set.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.alerts.services import write_alert
from notifications.models import Message
from notifications.outbox.mails import FACTS, Fact, Mail, NotWanted, compose_mail, reader_of
from tokens.channels import registry, versions, words
from tokens.channels.base import Channel
from tokens.models import ChannelApp
from ui import pills
from ui.phrases import phrase
from users.people.recipients import operators


def build_version_mail(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where another version is in use meanwhile."""
    channel = registry.get(message.payload["channel"])
    if versions.name_in_use(channel) != message.payload["version"]:
        raise NotWanted("other_version")
    return compose_mail("versions", message, reader_of(message), _facts(message, channel))


def facts(message: Message) -> list[Fact]:
    """Return what led to a message, for "Why this mail?"."""
    channel = registry.get(message.payload["channel"])
    said = phrase(FACTS, "version_ends", **_when(message, channel))
    return [Fact(f"{channel.label} API {message.payload['version']}", phrase(FACTS, "told"), said)]


def _facts(message: Message, channel: Channel) -> dict[str, object]:
    name = message.payload["version"]
    version, end = channel.versions.find(name), date.fromisoformat(message.payload["end"])
    over = end <= timezone.localdate()
    return _when(message, channel) | {
        "channel": channel.label,
        "channel_key": channel.key,
        "version": name,
        "announced": version is None or version.ends is not None,
        "over": over,
        "pill": pills.pill("version", "ended" if over else "ends"),
        "end": versions.day(end),
        "newer": ", ".join(one.name for one in versions.newer(channel)),
        "setting": channel.versions.setting,
        "note": words.said(channel.key, "version_note"),
        "source": channel.versions.source,
    }


def _when(message: Message, channel: Channel) -> dict[str, object]:
    """Return the day when the version ends, or the one that is to be expected; neither where none is known."""
    version = channel.versions.find(message.payload["version"])
    if version is None or version.end is None:
        return {}
    if version.ends is None:
        return {"expected": versions.day(version.end)}
    return {"day": versions.day(version.ends)}


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
    return sum(write_alert(f"version:{one.key}", one.payload, to, now) for one in news)


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
