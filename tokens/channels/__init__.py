"""The visible dict of channels. How to add one: docs/add-a-channel.md."""

from tokens.channels import checks  # noqa: F401  # importing it registers the checks
from tokens.channels.base import Channel
from tokens.channels.facebook import CHANNEL as FACEBOOK
from tokens.channels.kinds import Reason
from tokens.channels.linkedin import CHANNEL as LINKEDIN
from tokens.channels.pinterest import CHANNEL as PINTEREST
from tokens.channels.snapchat import CHANNEL as SNAPCHAT
from tokens.channels.tiktok import CHANNEL as TIKTOK
from tokens.channels.x import CHANNEL as X

__all__ = ["CHANNELS", "Channel", "Reason", "UnknownChannel", "get"]

CHANNELS: dict[str, Channel] = {
    "facebook": FACEBOOK,
    "snapchat": SNAPCHAT,
    "x": X,
    "linkedin": LINKEDIN,
    "pinterest": PINTEREST,
    "tiktok": TIKTOK,
}


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
