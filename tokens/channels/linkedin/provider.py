"""LinkedIn for allauth: state and callback are allauth's, everything that is sent is ours."""

from django.conf import settings

from tokens.channels.linkedin import CHANNEL
from tokens.channels.linkedin.verdicts import CANCELLED
from tokens.channels.oauth2 import ChannelAdapter, ChannelCallbackView, ChannelProvider


class LinkedInAdapter(ChannelAdapter):
    """Where LinkedIn's consent page is, and how it says that the person said no."""

    provider_id = CHANNEL.key
    channel = CHANNEL
    cancelled_errors = CANCELLED

    @property
    def authorize_url(self) -> str:
        """Read when asked, so that a test can move it."""
        return f"{settings.LINKEDIN_WWW_URL.rstrip('/')}/oauth/v2/authorization"


class LinkedInProvider(ChannelProvider):
    """The provider that allauth's registry knows as "linkedin"."""

    id = CHANNEL.key
    name = CHANNEL.label
    channel = CHANNEL
    oauth2_adapter_class = LinkedInAdapter


provider_classes = [LinkedInProvider]
callback = ChannelCallbackView.adapter_view(LinkedInAdapter)
