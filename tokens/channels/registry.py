"""The channels as they are called, by key. Everything else asks here, and names no channel."""

from importlib import import_module
from inspect import getfile
from pathlib import Path

from tokens.channels import declarations, words
from tokens.channels.base import Channel


class UnknownChannel(KeyError):  # noqa: N818  # the name that callers catch
    """There is no package for this channel. Its text says which ones there are."""

    def __str__(self) -> str:
        return str(self.args[0])


def get(key: str) -> Channel:
    """Return a channel by its key. Raises UnknownChannel."""
    try:
        return CHANNELS[key]
    except KeyError as error:
        known = ", ".join(CHANNELS)
        raise UnknownChannel(f"There is no channel {key!r}. Channels: {known}.") from error


def add(channel: Channel) -> None:
    """Take in a channel that no package of this installation declares. Raises ImproperlyConfigured where its key is taken."""
    declarations.add(channel.declaration, package=type(channel).__module__)
    CHANNELS[channel.key] = channel
    _take_words(channel)


def drop(key: str) -> None:
    """Forget a channel, as if it were not installed."""
    declarations.drop(key)
    CHANNELS.pop(key, None)
    words.drop(key)


def _load() -> dict[str, Channel]:
    declarations.declared()  # says what is wrong with one before anything of it runs
    found = [import_module(f"{package}.channel").CHANNEL for package in declarations.packages()]
    for channel in found:
        _take_words(channel)
    return {channel.key: channel for channel in found}


def _take_words(channel: Channel) -> None:
    words.add(channel.key, Path(getfile(type(channel))).parent)


CHANNELS: dict[str, Channel] = _load()
