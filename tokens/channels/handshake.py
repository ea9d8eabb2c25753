"""What both protocols share when a person comes back from a channel."""

from typing import Any, cast

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.helpers import complete_social_login, render_authentication_error
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError, Provider, ProviderAccount, ProviderException
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from tokens.channels.base import (
    START_AGAIN,
    AppKeys,
    Channel,
    ChannelConsent,
    ChannelError,
    Reason,
    Ruling,
    Verdict,
)
from tokens.models import ChannelApp
from tokens.vault import VaultError


class ChannelProviderBase(Provider):  # type: ignore[misc]  # allauth ships no types
    """A provider of ours. Nothing of it is a way to log in."""

    channel: Channel
    account_class = ProviderAccount

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
        raise ChannelError(Ruling(Verdict.APP_FAULT, Reason.APP_FAULT, row="no keys")) from error


def provider_of(adapter: Any) -> Any:
    """Return the adapter's provider; a channel without an app has no callback."""
    try:
        return adapter.get_provider()
    except SocialApp.DoesNotExist as error:
        raise Http404 from error


def check_app(state: dict[str, Any], keys: AppKeys) -> None:
    """Raise ChannelError unless the handshake began with the app that is the default now: a code fits only its own app."""
    begun_with = (state.get("data") or {}).get("client_id")
    if begun_with != keys.client_id:
        raise ChannelError(Ruling(Verdict.OUR_BUG, row=START_AGAIN))


def finish(
    request: HttpRequest, provider: Any, consent: ChannelConsent, state: dict[str, Any]
) -> HttpResponse:
    """Hand the consent to our social adapter, as `sociallogin.adtoken`; the login itself holds no token."""
    identity = consent.identity
    login: SocialLogin = provider.sociallogin_from_response(request, {"id": identity.native_user_id})
    login.adtoken = consent
    login.state = state
    return cast("HttpResponse", complete_social_login(request, login))


def refuse(
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
