"""Where allauth looks for providers. One per channel; their addresses are in tokens.urls."""

from tokens.channels.providers import provider_of
from tokens.channels.registry import CHANNELS

provider_classes = [provider_of(channel) for channel in CHANNELS.values()]
