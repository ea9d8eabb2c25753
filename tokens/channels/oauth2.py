"""OAuth 2 on allauth's bases: state and callback are allauth's; what is sent to a channel goes through http.py only."""

from abc import abstractmethod
from typing import Any
from urllib.parse import quote, urlencode

from allauth.socialaccount.providers.base import AuthError
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter, OAuth2CallbackView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from tokens.channels.base import Answer, AppKeys, Channel, ChannelError
from tokens.channels.handshake import (
    ChannelProviderBase,
    check_app,
    default_keys,
    finish,
    provider_of,
    refuse,
)

# What a channel may send back is short. More is no answer of its consent page.
LONGEST_CODE = 4096
# How a consent page says why there is no code. Facebook has names of its own for what is wrong with the app.
SAID = ("error", "error_description", "error_code", "error_message")


class ChannelAdapter(OAuth2Adapter):  # type: ignore[misc]  # allauth ships no types
    """Names the channel and its consent page."""

    channel: Channel
    code_parameter = "code"  # what the code is called in the callback's address
    cancelled_errors = frozenset({"access_denied"})  # `error` where the person said no

    @property
    @abstractmethod
    def authorize_url(self) -> str:
        """The address of the consent page, read from the settings when asked."""


class ChannelProvider(ChannelProviderBase, OAuth2Provider):  # type: ignore[misc]  # allauth ships no types
    """Starts the handshake. Everything in the address is ours; the browser's query has no say."""

    scope_delimiter = " "

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
        query = {**params, **self.query(keys), "state": state_id}
        adapter = self.get_oauth2_adapter(request)
        return HttpResponseRedirect(f"{adapter.authorize_url}?{urlencode(query, quote_via=quote)}")

    def query(self, keys: AppKeys) -> dict[str, str]:
        """Return what the consent page is asked with, besides the state. Channels with names of their own override it."""
        scopes = keys.scopes or tuple(scope.name for scope in self.channel.scopes)
        return {
            "client_id": keys.client_id,
            "redirect_uri": keys.redirect_uri,
            "response_type": "code",
            "scope": self.scope_delimiter.join(scopes),
        }


class ChannelCallbackView(OAuth2CallbackView):  # type: ignore[misc]  # allauth ships no types
    """Ends the handshake: state first, then the exchange, then our social adapter."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer the browser that comes back."""
        provider = provider_of(self.adapter)
        state, trouble = self._get_state(request, provider)
        if trouble is not None:
            answer: HttpResponse = trouble
            return answer
        if request.GET.get("error") in self.adapter.cancelled_errors:
            return refuse(request, provider, error=AuthError.CANCELLED)
        try:
            channel: Channel = self.adapter.channel
            keys = default_keys(channel)
            check_app(state, keys)
            consent = channel.consent(keys, {"code": self._code(request, channel)})
        except ChannelError as error:
            return refuse(request, provider, cause=error)
        return finish(request, provider, consent, state)

    def _code(self, request: HttpRequest, channel: Channel) -> str:
        code = request.GET.get(self.adapter.code_parameter, "")
        if not code or len(code) > LONGEST_CODE:
            said = {name: request.GET[name][:300] for name in SAID if name in request.GET}
            raise ChannelError(channel.classify(Answer("authorize_callback", 400, body=said)))
        return code
