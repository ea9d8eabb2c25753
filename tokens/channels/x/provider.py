"""X for allauth: state and callback are allauth's, everything that is sent is ours."""

from tokens.channels.kinds import AppKeys, Credentials
from tokens.channels.oauth1 import ChannelAdapter, ChannelCallbackView, ChannelProvider
from tokens.channels.x import CHANNEL, calls


class XAdapter(ChannelAdapter):
    """Where X's consent page is, and how a request token is had."""

    provider_id = CHANNEL.key
    channel = CHANNEL

    @property
    def authorize_url(self) -> str:
        """Read when asked, so that a test can move it. Not oauth/authenticate, which may skip the question."""
        return calls.api("oauth/authorize")

    def request_token(self, keys: AppKeys) -> Credentials:
        """Ask X for a request token."""
        return calls.request_token(keys)


class XProvider(ChannelProvider):
    """The provider that allauth's registry knows as "x"."""

    id = CHANNEL.key
    name = CHANNEL.label
    channel = CHANNEL
    oauth_adapter_class = XAdapter


provider_classes = [XProvider]
callback = ChannelCallbackView.adapter_view(XAdapter)
