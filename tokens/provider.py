"""Where allauth looks for providers. One per channel; their addresses are in tokens.urls."""

from tokens.channels.registry import CHANNELS
from tokens.oauth.providers import provider_of

provider_classes = [provider_of(channel) for channel in CHANNELS.values()]
