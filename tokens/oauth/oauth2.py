"""OAuth 2 on allauth's bases: state and callback are allauth's; what is sent to a channel goes through http.py only."""

from typing import Any
from urllib.parse import quote, urlencode

from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter, OAuth2CallbackView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from tokens.channels.base import Channel
from tokens.channels.kinds import Answer, AppKeys, ChannelConsent, ChannelError
from tokens.oauth.views import AnsweredByUs, Cancelled, ChannelProviderBase, answer_once, default_keys

# What a channel may send back is short. More is no answer of its consent page.
LONGEST_CODE = 4096
# How a consent page says why there is no code. Facebook has names of its own for what is wrong with the app.
SAID = ("error", "error_description", "error_code", "error_message")


class ConsentPage(OAuth2Adapter):  # type: ignore[misc]  # allauth ships no types
    """Names the channel whose consent page it is. A subclass for each is made by `tokens.provider`."""

    channel: Channel


class ChannelProvider(ChannelProviderBase, OAuth2Provider):  # type: ignore[misc]  # allauth ships no types
    """Starts the handshake. Everything in the address is ours; the browser's query has no say."""

    def redirect(
        self,
        request: HttpRequest,
        process: str,
        next_url: str | None = None,
        data: Any = None,
        auth_params: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> HttpResponse:
        """Send the person to the consent page. Raises ChannelError where the app's keys do not open."""
        keys = default_keys(self.channel)
        state_id = self.stash_redirect_state(request, process, next_url, data, **kwargs)
        params = self.channel.authorize_params() if auth_params is None else auth_params
        query = {**params, **self.channel.consent_query(keys), "state": state_id}
        return HttpResponseRedirect(f"{self.channel.authorize_url()}?{urlencode(query, quote_via=quote)}")


class ChannelCallbackView(AnsweredByUs, OAuth2CallbackView):  # type: ignore[misc]  # allauth ships no types
    """Ends the handshake: what came, then its state, then who came, then the exchange, then our social adapter."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer the browser that comes back."""
        return answer_once(request, self.adapter, request.GET.get("state", ""), self._consent)

    def _consent(
        self, request: HttpRequest, keys: AppKeys, _state_id: str, _state: dict[str, Any]
    ) -> ChannelConsent:
        """Exchange what came. Raises ChannelError, Cancelled where the person said no."""
        if request.GET.get("error") in self.adapter.channel.cancelled_errors:
            raise Cancelled
        channel: Channel = self.adapter.channel
        return channel.consent(keys, {"code": self._code(request, channel)})

    def _code(self, request: HttpRequest, channel: Channel) -> str:
        code = request.GET.get(channel.code_parameter, "")
        if not code or len(code) > LONGEST_CODE:
            said = {name: request.GET[name][:300] for name in SAID if name in request.GET}
            raise ChannelError(channel.classify(Answer("authorize_callback", 400, body=said)))
        return code
