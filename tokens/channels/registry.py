"""The channels as they are called, by key. Everything else asks here, and names no channel."""

from collections.abc import Iterable
from importlib import import_module

from tokens.channels import declarations
from tokens.channels.base import Channel
from ui.text import join_names


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


def labels(keys: Iterable[str]) -> str:
    """Return the names of channels in a sentence; the key itself where no package has it."""
    return join_names([declarations.label(key) for key in keys])


_ALL: tuple[Channel, ...] = tuple(
    import_module(f"{package}.channel").CHANNEL for package in declarations.PACKAGES
)
CHANNELS: dict[str, Channel] = {channel.key: channel for channel in _ALL}
