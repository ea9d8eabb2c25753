"""TikTok for allauth: state and callback are allauth's, everything that is sent is ours."""

from django.conf import settings

from tokens.channels.kinds import AppKeys
from tokens.channels.oauth2 import ChannelAdapter, ChannelCallbackView, ChannelProvider
from tokens.channels.tiktok import CHANNEL


class TikTokAdapter(ChannelAdapter):
    """Where TikTok's consent page is. A second parameter `code` may come back; the documented name is `auth_code`."""

    provider_id = CHANNEL.key
    channel = CHANNEL
    code_parameter = "auth_code"

    @property
    def authorize_url(self) -> str:
        """Read when asked, so that a test can move it."""
        return f"{settings.TIKTOK_API_URL.rstrip('/')}/portal/auth"


class TikTokProvider(ChannelProvider):
    """The provider that allauth's registry knows as "tiktok"."""

    id = CHANNEL.key
    name = CHANNEL.label
    channel = CHANNEL
    oauth2_adapter_class = TikTokAdapter

    def query(self, keys: AppKeys) -> dict[str, str]:
        """No scope: its numbers are set in TikTok's portal, and leaving it out asks for all that the app may."""
        return {"app_id": keys.client_id, "redirect_uri": keys.redirect_uri}


provider_classes = [TikTokProvider]
callback = ChannelCallbackView.adapter_view(TikTokAdapter)
