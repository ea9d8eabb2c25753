"""System checks: a channel lacks no part. They see what is missing, not what is wrong."""

from inspect import unwrap
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.urls import NoReverseMatch, reverse
from django.utils.translation import override

from tokens.channels import declarations, versions, words
from tokens.channels.base import Channel
from tokens.channels.registry import CHANNELS
from users.languages import ENGLISH

PARTS = (
    "key", "label", "protocol", "scopes", "partial_grants", "lifetime", "versions", "manage_url",
)  # fmt: skip
OF_LIFETIME = ("source", "checked")


@register()
def channels_are_whole(**_: Any) -> list[CheckMessage]:
    """Check every channel of the dict."""
    return [problem for key, channel in CHANNELS.items() for problem in problems(key, channel)]


@register()
def versions_are_known(**_: Any) -> list[CheckMessage]:
    """Check that every version in the settings is one whose end AdToken knows, or knows to be not announced."""
    return [
        CheckWarning(
            f"{channel.versions.setting} is {versions.name_in_use(channel)!r}, a version of {channel.label} that AdToken does not know:"
            " nobody will be warned before it ends.",
            hint=f"Known are {', '.join(one.name for one in channel.versions.known)}. {channel.label} lists its versions at"
            f" {channel.versions.source}.",
            id="tokens.W102",
        )
        for channel in CHANNELS.values()
        if hasattr(channel, "versions") and versions.in_use(channel) is None
    ]


def problems(key: str, channel: Channel) -> list[CheckMessage]:
    """Return what one channel lacks."""
    said = [*_of_the_class(key, channel), *_of_the_words(channel), *_of_the_places(key, channel)]
    return [
        Error(f"Channel {key} {text}.", hint="Follow docs/add-a-channel.md.", id="tokens.E101")
        for text in said
    ]


def _of_the_class(key: str, channel: Channel) -> list[str]:
    said = [f"has no {part}" for part in PARTS if not hasattr(channel, part)]
    if getattr(channel, "key", key) != key:
        said.append(f"calls itself {channel.key}")
    if (channel.renewal is None) != (unwrap(type(channel).renew) is unwrap(Channel.renew)):
        said.append("has only one of `renewal` and `renew`: without both nothing is renewed")
    if getattr(channel, "protocol", "") == "oauth1" and channel.declaration.regions:
        said.append("has regions, which OAuth 1.0a does not carry through a consent")
    return said + _of_the_idle_clock(channel)


def _of_the_idle_clock(channel: Channel) -> list[str]:
    """Say what would let tokens die for want of use. One renewal may fail before anybody hears of it."""
    idle = channel.lifetime.idle if hasattr(channel, "lifetime") else None
    if idle is None:
        return []
    if not idle.kept_by:
        return ["does not say in lifetime.idle what counts as use"]
    every = channel.renewal.every if channel.renewal else None
    if idle.kept_by == {"renewal"} and (every is None or 2 * every > idle.quiet):
        return [f"renews too seldom for lifetime.idle: `renewal.every` must be {idle.quiet / 2} at most"]
    return []


def _of_the_words(channel: Channel) -> list[str]:
    lifetime = getattr(channel, "lifetime", None)
    said = [
        f"says nothing in lifetime.{part}" for part in OF_LIFETIME if lifetime and not getattr(lifetime, part)
    ]
    key = getattr(channel, "key", "")
    with override(ENGLISH):
        last = words.said(key, "last_step")
    if last and not last.startswith("Press "):
        said.append("has a last_step that does not begin with “Press ”")
    if not words.has_own(key):
        said.append(
            "has no words.txt beside its channel.py: an installed distribution lists it as package data"
        )
    return said + [f"says nothing in {name} of its words.txt" for name in words.missing(key)]


def _of_the_places(key: str, channel: Channel) -> list[str]:
    said: list[str] = []
    if key not in declarations.declared():
        said.append("is not declared: its package has no module `declaration`")
    else:
        said += [
            f"asks for consent at {origin}, to which the content policy lets no browser go"
            for origin in _consent_origins(channel)
            if origin not in settings.CONSENT_ORIGINS
        ]
    if not _has_callback(key):
        said.append(f"has no address {key}_callback in tokens.urls")
    return said


def _consent_origins(channel: Channel) -> list[str]:
    """Return scheme and host of each consent page: browsers hold the form that leads there to the content policy."""
    pages = [urlsplit(channel.authorize_url(region)) for region in channel.declaration.regions or ("",)]
    return list(dict.fromkeys(f"{page.scheme}://{page.netloc}" for page in pages))


def _has_callback(key: str) -> bool:
    try:
        reverse(f"{key}_callback")
    except NoReverseMatch:
        return False
    return True
