"""OAuth 1.0a on allauth's bases: state and callback are allauth's; what is sent to a channel goes through http.py only.

There is no `state` in OAuth 1.0a: the request token itself names the handshake, so that two tabs do not mix. It is used once.
Access token and secret never enter the session; the request token's secret is sealed in it.
"""

from typing import Any
from urllib.parse import urlencode

from allauth.socialaccount.providers.oauth.provider import OAuthProvider
from allauth.socialaccount.providers.oauth.views import OAuthAdapter, OAuthView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from tokens.channels.base import Channel
from tokens.channels.kinds import START_AGAIN, AppKeys, ChannelConsent, ChannelError, Classification, Verdict
from tokens.oauth.views import AnsweredByUs, Cancelled, ChannelProviderBase, answer_once, default_keys
from tokens.vault import services as vault

SECRET = "request_token_secret"  # noqa: S105  # the name in the state, not a secret
LONGEST_VERIFIER = 500


class ConsentPage(OAuthAdapter):  # type: ignore[misc]  # allauth ships no types
    """Names the channel whose consent page it is. A subclass for each is made by `tokens.provider`."""

    channel: Channel


class ChannelProvider(ChannelProviderBase, OAuthProvider):  # type: ignore[misc]  # allauth ships no types
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
        """Send the person to the consent page. Raises ChannelError where the channel gives no request token."""
        keys = default_keys(self.channel)
        temporary = self.channel.request_token(keys)
        # A session outlives a handshake that nobody ends, so even this secret is sealed in it.
        sealed = vault.seal(_owner(self.channel, temporary.access_token), {"secret": temporary.secret})
        kwargs[SECRET] = sealed.ciphertext.decode()
        self.stash_redirect_state(request, process, next_url, data, state_id=temporary.access_token, **kwargs)
        query = {
            **(self.channel.authorize_params() if auth_params is None else auth_params),
            "oauth_token": temporary.access_token,
        }
        return HttpResponseRedirect(f"{self.channel.authorize_url()}?{urlencode(query)}")


class ChannelCallbackView(AnsweredByUs, OAuthView):  # type: ignore[misc]  # allauth ships no types
    """Ends the handshake: what came, then its state, then who came, then the exchange, then our social adapter."""

    adapter: ConsentPage

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer the browser that comes back with `oauth_token` and `oauth_verifier`, or with `denied`."""
        request_token = request.GET.get("denied", "") or request.GET.get("oauth_token", "")
        return answer_once(request, self.adapter, request_token, self._consent)

    def _consent(
        self, request: HttpRequest, keys: AppKeys, request_token: str, state: dict[str, Any]
    ) -> ChannelConsent:
        """Exchange what came. Raises ChannelError, Cancelled where the person said no."""
        if "denied" in request.GET:
            raise Cancelled
        channel = self.adapter.channel
        secret = _opened(_owner(channel, request_token), state.pop(SECRET, ""))
        return channel.consent(keys, _answer(request, request_token, secret))


def _owner(channel: Channel, request_token: str) -> str:
    return f"request:{channel.key}:{request_token}"


def _opened(owner: str, sealed: str) -> str:
    """Return the secret that a state kept sealed. Raises ChannelError where the key ring has changed meanwhile."""
    try:
        return str(vault.unseal(owner, vault.Sealed(sealed.encode()))["secret"])
    except vault.VaultError as error:
        raise ChannelError(Classification(Verdict.OUR_BUG, row=START_AGAIN)) from error


def _answer(request: HttpRequest, request_token: str, secret: str) -> dict[str, str]:
    """Return what the exchange needs. Raises ChannelError where the browser brought no verifier."""
    verifier = request.GET.get("oauth_verifier", "")
    if not verifier or len(verifier) > LONGEST_VERIFIER:
        raise ChannelError(Classification(Verdict.OUR_BUG, row=START_AGAIN))
    return {"oauth_token": request_token, "oauth_token_secret": secret, "oauth_verifier": verifier}
