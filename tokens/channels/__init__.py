"""The visible dict of channels. Adding one is copying a package and naming it here, in tokens.provider and in tokens.urls."""

from tokens.channels import checks  # noqa: F401  # importing it registers the checks
from tokens.channels.base import Channel, Reason
from tokens.channels.facebook import CHANNEL as FACEBOOK
from tokens.channels.linkedin import CHANNEL as LINKEDIN
from tokens.channels.pinterest import CHANNEL as PINTEREST
from tokens.channels.snapchat import CHANNEL as SNAPCHAT
from tokens.channels.tiktok import CHANNEL as TIKTOK
from tokens.channels.x import CHANNEL as X

__all__ = ["CHANNELS", "UPCOMING", "Channel", "Reason", "UnknownChannel", "get"]

CHANNELS: dict[str, Channel] = {
    "facebook": FACEBOOK,
    "snapchat": SNAPCHAT,
    "x": X,
    "linkedin": LINKEDIN,
    "pinterest": PINTEREST,
    "tiktok": TIKTOK,
}

# Shown as not set up until their packages exist.
UPCOMING: dict[str, str] = {}


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
        soon = f"{UPCOMING[key]} is not built yet" if key in UPCOMING else f"There is no channel {key!r}"
        raise UnknownChannel(f"{soon}. Channels: {known}.") from error
