"""Snapchat for allauth: state and callback are allauth's, everything that is sent is ours."""

from tokens.channels.oauth2 import ChannelAdapter, ChannelCallbackView, ChannelProvider
from tokens.channels.snapchat import CHANNEL, calls


class SnapchatAdapter(ChannelAdapter):
    """Where Snapchat's consent page is."""

    provider_id = CHANNEL.key
    channel = CHANNEL

    @property
    def authorize_url(self) -> str:
        """Read when asked, so that a test can move it."""
        return calls.accounts("login/oauth2/authorize")


class SnapchatProvider(ChannelProvider):
    """The provider that allauth's registry knows as "snapchat"."""

    id = CHANNEL.key
    name = CHANNEL.label
    channel = CHANNEL
    oauth2_adapter_class = SnapchatAdapter


provider_classes = [SnapchatProvider]
callback = ChannelCallbackView.adapter_view(SnapchatAdapter)
