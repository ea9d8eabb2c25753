"""What both protocols share when a person comes back from a channel."""

from collections.abc import Callable
from typing import Any, cast

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.helpers import complete_social_login, render_authentication_error
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError, Provider, ProviderAccount, ProviderException
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from tokens.channels import gate
from tokens.channels.base import Channel
from tokens.channels.kinds import (
    START_AGAIN,
    AppKeys,
    ChannelConsent,
    ChannelError,
    Classification,
    Reason,
    Verdict,
)
from tokens.models import ChannelApp
from tokens.oauth import services as callback
from tokens.vault.services import VaultError


class ChannelProviderBase(Provider):  # type: ignore[misc]  # allauth ships no types
    """One of our providers. None of them is a way to log in."""

    channel: Channel
    account_class = ProviderAccount

    def stash_redirect_state(
        self,
        request: HttpRequest,
        process: str,
        next_url: str | None = None,
        data: Any = None,
        state_id: str | None = None,
        **kwargs: Any,
    ) -> str:
        """Keep in the person's session what the handshake is about, and beside it that it is answered once."""
        stashed: str = super().stash_redirect_state(
            request, process, next_url, data, state_id=state_id, **kwargs
        )
        user_id = int(data["user"]) if data["user"] else None
        callback.begin_handshake(stashed, channel=self.channel.key, user_id=user_id, now=timezone.now())
        if str(request.user.pk) != data["user"]:
            callback.remember_in_browser(request, stashed)
        return stashed

    def get_login_url(self, request: HttpRequest, **kwargs: Any) -> str:
        """Return our own page: it asks by GET and starts by POST."""
        return reverse("link", args=[self.id])

    def extract_uid(self, data: dict[str, str]) -> str:
        """Return the native user's id."""
        return data["id"]

    def extract_extra_data(self, data: dict[str, str]) -> dict[str, str]:
        """Return nothing: allauth would keep it."""
        return {}

    def extract_common_fields(self, data: dict[str, str]) -> dict[str, str]:
        """Return nothing: without an e-mail every e-mail path of allauth stays dead."""
        return {}


def default_keys(channel: Channel) -> AppKeys:
    """Return the keys of the channel's default app. Raises ChannelError where they do not open: operators must act."""
    try:
        return ChannelApp.objects.get(channel=channel.key, is_default=True).keys()
    except (ChannelApp.DoesNotExist, ValueError, VaultError) as error:
        raise ChannelError(Classification(Verdict.APP_FAULT, Reason.APP_FAULT, row="no keys")) from error


def provider_of(adapter: Any) -> Any:
    """Return the adapter's provider; a channel without an app has no callback. Raises Http404."""
    try:
        return adapter.get_provider()
    except SocialApp.DoesNotExist as error:
        raise Http404 from error


def ensure_same_app(state: dict[str, Any], keys: AppKeys) -> None:
    """Raise ChannelError unless the handshake began with the app that is the default now: a code fits only its own app."""
    begun_with = (state.get("data") or {}).get("client_id")
    if begun_with != keys.client_id:
        raise ChannelError(Classification(Verdict.OUR_BUG, row=START_AGAIN))


class AnsweredByUs:
    """A way back whose every request reaches us, a forged POST too: we refuse it with a page that says what to do."""

    @classmethod
    def adapter_view(cls, adapter: Any) -> Callable[..., HttpResponse]:
        """Return the view, which no check for forgery answers first: only a GET with its state does anything."""
        view: Callable[..., HttpResponse] = super().adapter_view(adapter)  # type: ignore[misc]  # of allauth's views
        return csrf_exempt(view)


class Cancelled(Exception):  # noqa: N818  # an answer
    """The person said no at the channel."""


Exchange = Callable[[HttpRequest, AppKeys, str, dict[str, Any]], ChannelConsent]


def answer_once(request: HttpRequest, adapter: Any, state_id: str, exchange: Exchange) -> HttpResponse:
    """Answer one way back: refuse what no channel sends, take the state once, ask who came, exchange, and lead on.

    `exchange` turns what came into a consent; it is called at most once for a state, and only for the person, the app and the ad account
    that the handshake began with.
    """
    provider, channel = provider_of(adapter), adapter.channel.key
    try:
        callback.demand_whole(request)
    except callback.NotOurs as refusal:
        return callback.not_ours(request, channel, refusal)
    try:
        with gate.person_waits(channel):
            return _answer_and_note(request, provider, adapter.channel, state_id, exchange)
    except gate.NoRoom:  # the state was not taken, so the same address is good in a moment
        full = ChannelError(
            Classification(Verdict.TRANSIENT, Reason.TRANSIENT, row="too many wait for this channel")
        )
        answer = refuse_consent(request, provider, cause=full)
        answer.status_code, answer["Retry-After"] = 503, str(gate.ROOM_AFTER)
        return answer


def _answer_and_note(
    request: HttpRequest, provider: Any, channel: Channel, state_id: str, exchange: Exchange
) -> HttpResponse:
    state = callback.take_state(request, channel=channel.key, provider_id=provider.sub_id, state_id=state_id)
    if state is None:
        return callback.once_more(request, channel.key, state_id)
    answer: HttpResponse | None = None
    try:
        answer = _answer(request, provider, channel, state_id, state, exchange)
    finally:
        callback.end_handshake(state_id, answer)
    return answer


def _answer(
    request: HttpRequest,
    provider: Any,
    channel: Channel,
    state_id: str,
    state: dict[str, Any],
    exchange: Exchange,
) -> HttpResponse:
    try:
        callback.demand_same(request, channel.key, state)
        keys = default_keys(channel)
        ensure_same_app(state, keys)
        consent = exchange(request, keys, state_id, state)
    except ImmediateHttpResponse as refusal:
        return cast("HttpResponse", refusal.response)
    except Cancelled:
        return refuse_consent(request, provider, error=AuthError.CANCELLED)
    except ChannelError as error:
        return refuse_consent(request, provider, cause=error)
    return finish_consent(request, provider, consent, state)


def finish_consent(
    request: HttpRequest, provider: Any, consent: ChannelConsent, state: dict[str, Any]
) -> HttpResponse:
    """Hand the consent to our social adapter, as `sociallogin.adtoken`; the login itself holds no token."""
    identity = consent.identity
    login: SocialLogin = provider.sociallogin_from_response(request, {"id": identity.native_user_id})
    login.adtoken = consent
    login.state = state
    return cast("HttpResponse", complete_social_login(request, login))


def refuse_consent(
    request: HttpRequest, provider: Any, *, error: str = AuthError.UNKNOWN, cause: ChannelError | None = None
) -> HttpResponse:
    """End the handshake on our error page. The exception's text is a verdict, never a body."""
    failure = None
    if cause is not None:
        failure = ProviderException(str(cause))
        failure.__cause__ = cause
    try:
        return cast(
            "HttpResponse", render_authentication_error(request, provider, error=error, exception=failure)
        )
    except ImmediateHttpResponse as answer:
        return cast("HttpResponse", answer.response)
