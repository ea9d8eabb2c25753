"""The mail to operators about a version of a channel's API: when it ends, where that stands, and what to set."""

from datetime import date

from django.utils import timezone

from notifications.models import Message
from notifications.outbox import composing
from notifications.outbox.kinds import FACTS, Fact, Mail, NotWanted
from tokens.channels import registry, versions, words
from tokens.channels.base import Channel
from ui import pills
from ui.phrases import phrase


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where another version is in use meanwhile."""
    channel = registry.get(message.payload["channel"])
    if versions.name_in_use(channel) != message.payload["version"]:
        raise NotWanted("other_version")
    return composing.compose("versions", message, composing.reader_of(message), _facts(message, channel))


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
