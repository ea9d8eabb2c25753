"""System checks: a channel lacks no part."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.urls import NoReverseMatch, reverse

from tokens.channels.base import Channel, Reason

PARTS = ("key", "label", "protocol", "scopes", "partial_grants", "lifetime", "last_step", "manage_url")


@register()
def channels_are_whole(**_: Any) -> list[CheckMessage]:
    """Check every channel of the dict."""
    from tokens.channels import CHANNELS

    return [problem for key, channel in CHANNELS.items() for problem in problems(key, channel)]


def problems(key: str, channel: Channel) -> list[CheckMessage]:
    """Return what one channel lacks."""
    from tokens.models import ChannelKey
    from tokens.provider import provider_classes

    said: list[str] = []
    said += [f"has no {part}" for part in PARTS if not hasattr(channel, part)]
    if getattr(channel, "key", key) != key:
        said.append(f"calls itself {channel.key}")
    if key not in ChannelKey.values:
        said.append("is not in tokens.models.ChannelKey")
    said += [f"has no steps for {reason}" for reason in Reason if not _has_steps(channel, reason)]
    if key not in {provider.id for provider in provider_classes}:
        said.append("has no provider class in tokens.provider")
    if not _has_callback(key):
        said.append(f"has no address {key}_callback in tokens.urls")
    return [
        Error(f"Channel {key} {text}.", hint="See tokens/channels/base.py.", id="tokens.E101")
        for text in said
    ]


def _has_steps(channel: Channel, reason: Reason) -> bool:
    try:
        channel.steps(reason)
    except KeyError:
        return False
    return True


def _has_callback(key: str) -> bool:
    try:
        reverse(f"{key}_callback")
    except NoReverseMatch:
        return False
    return True
