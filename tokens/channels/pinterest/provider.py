"""Pinterest for allauth: state and callback are allauth's, everything that is sent is ours."""

from django.conf import settings

from tokens.channels.oauth2 import ChannelAdapter, ChannelCallbackView, ChannelProvider
from tokens.channels.pinterest import CHANNEL


class PinterestAdapter(ChannelAdapter):
    """Where Pinterest's consent page is."""

    provider_id = CHANNEL.key
    channel = CHANNEL

    @property
    def authorize_url(self) -> str:
        """Read when asked, so that a test can move it. The slash at the end is part of the address."""
        return f"{settings.PINTEREST_WWW_URL}/oauth/"


class PinterestProvider(ChannelProvider):
    """The provider that allauth's registry knows as "pinterest"."""

    id = CHANNEL.key
    name = CHANNEL.label
    channel = CHANNEL
    oauth2_adapter_class = PinterestAdapter
    scope_delimiter = ","


provider_classes = [PinterestProvider]
callback = ChannelCallbackView.adapter_view(PinterestAdapter)
