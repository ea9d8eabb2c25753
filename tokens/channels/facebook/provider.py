"""Facebook for allauth: state and callback are allauth's, everything that is sent is ours."""

from django.conf import settings

from tokens.channels.facebook import CHANNEL
from tokens.channels.oauth2 import ChannelAdapter, ChannelCallbackView, ChannelProvider


class FacebookAdapter(ChannelAdapter):
    """Where Facebook's consent page is."""

    provider_id = CHANNEL.key
    channel = CHANNEL

    @property
    def authorize_url(self) -> str:
        """Read when asked, so that a test can move it."""
        return f"{settings.FACEBOOK_WWW_URL}/{settings.FACEBOOK_VERSION}/dialog/oauth"


class FacebookProvider(ChannelProvider):
    """The provider that allauth's registry knows as "facebook"."""

    id = CHANNEL.key
    name = CHANNEL.label
    channel = CHANNEL
    oauth2_adapter_class = FacebookAdapter
    scope_delimiter = ","


provider_classes = [FacebookProvider]
callback = ChannelCallbackView.adapter_view(FacebookAdapter)
