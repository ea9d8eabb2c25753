"""Which version of each channel's API is in use, and when it ends. The facts are data of the packages (`Channel.versions`)."""

from datetime import date
from functools import partial
from typing import Any

from django.core.checks import CheckMessage, register
from django.core.checks import Warning as CheckWarning

from tokens.channels.base import Channel
from tokens.channels.kinds import Version
from tokens.channels.registry import CHANNELS
from ui import dates
from ui.phrases import phrase

say = partial(phrase, "words/channel_apps.txt")

WARNED = (60, 14, 0)  # days before the end of a version on which operators are told


@register()
def versions_are_known(**_: Any) -> list[CheckMessage]:
    """Check that every version in the settings is one whose end AdToken knows, or knows to be not announced."""
    return [
        CheckWarning(
            f"{channel.versions.setting} is {channel.version()!r}, a version of {channel.label} that AdToken does not know:"
            " nobody will be warned before it ends.",
            hint=f"Known are {', '.join(one.name for one in channel.versions.known)}. {channel.label} lists its versions at"
            f" {channel.versions.source}.",
            id="tokens.W102",
        )
        for channel in CHANNELS.values()
        if in_use(channel) is None
    ]


def in_use(channel: Channel) -> Version | None:
    """Return the version that the setting names; None where AdToken does not know it."""
    return channel.versions.find(channel.version())


def stage(end: date, today: date) -> int | None:
    """Return the last of the days of WARNED that has come; None where the end is further away than all of them."""
    left = (end - today).days
    return min((days for days in WARNED if left <= days), default=None)


def newer(channel: Channel) -> tuple[Version, ...]:
    """Return the versions that end later than the one in use, or of which no end is announced; the oldest first."""
    now, known = in_use(channel), channel.versions.known
    if now is None:
        return known[-1:]
    return known[known.index(now) + 1 :] if now in known else ()


def summary(channel: Channel, today: date) -> str:
    """Return in one line for staff which version is in use and when it ends."""
    name, version = channel.version(), in_use(channel)
    if version is None:
        return say("version_unknown", name=name)
    if version.ends is not None:
        return say(
            "version_ends" if version.ends > today else "version_ended", name=name, when=day(version.ends)
        )
    if version.expected is not None:
        return say("version_expected", name=name, when=day(version.expected))
    return say("version_open", name=name)


def day(moment: date) -> str:
    """Return a date as people read it: 23 February 2027."""
    return dates.long_day(moment)
