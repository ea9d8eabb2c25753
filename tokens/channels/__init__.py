"""The channels. Which there are: `declarations`; as they are called: `registry`. How to add one: docs/add-a-channel.md."""

from tokens.channels.base import Channel
from tokens.channels.kinds import Reason
from tokens.channels.registry import CHANNELS, UnknownChannel, get

__all__ = ["CHANNELS", "Channel", "Reason", "UnknownChannel", "get"]
