"""Facebook for allauth: state and callback are allauth's, everything that is sent is ours."""

from django.conf import settings

from tokens.channels.facebook import CHANNEL
from tokens.channels.kinds import AppKeys
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

    def query(self, keys: AppKeys) -> dict[str, str]:
        """Ask by a configuration of Login for Business where the app has one: it names the permissions, and whose token comes."""
        query = super().query(keys)
        if not keys.config_id:
            return query
        del query["scope"]
        # The kind of answer is the configuration's choice for system users, unless it is overridden by the code that we exchange.
        return {**query, "config_id": keys.config_id, "override_default_response_type": "true"}


provider_classes = [FacebookProvider]
callback = ChannelCallbackView.adapter_view(FacebookAdapter)
