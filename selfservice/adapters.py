"""allauth's hook that ends the handshake with a channel. Nothing of it becomes a login, and no token is stored by allauth."""

import secrets
from http import HTTPStatus
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.client_links import views as client_link
from accounts.linking import errors as link_errors
from accounts.linking import renewing
from accounts.linking import services as linking
from accounts.models import AskLine, LinkProblem
from accounts.renewal_links import views as renewal
from tokens.models import ChannelApp, Handshake
from tokens.oauth.services import NotOurs
from users.models import User


def _wanted(user: User, channel: str) -> list[str] | None:
    """Return the native ids that a person is asked to link at a channel; None for none."""
    waiting = AskLine.objects.to_link(user, timezone.now()).filter(channel=channel)
    return list(waiting.values_list("native_id", flat=True)) or None


def arrive(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
    """Keep the consent and lead on: to the choice of accounts, or straight to "done" when the same person came back for one account."""
    channel, state = sociallogin.account.provider, sociallogin.state
    begun = linking.expected_consent(request.user, channel, state)
    identity, grant = sociallogin.adtoken.identity, sociallogin.adtoken.grant
    listed = linking.ask_for_list(begun.app, identity, grant)
    try:
        pending = linking.keep_consent(
            app=begun.app,
            user=begun.user,
            identity=identity,
            grant=grant,
            listed=listed,
            target=begun.target,
            now=timezone.now(),
            wanted=None if begun.target else _wanted(begun.user, channel),
        )
    except linking.ConsentRefused:
        linking.discard_consent(sociallogin)
        raise
    if pending.came_back:
        return redirect(linking.finish_renewal(pending))
    return redirect("link_choose", pending.pk)


# What a handshake that began with a mailed link goes by, by its intent.
_BY_LINK = {renewing.RENEW_INTENT: renewal, linking.CLIENT_INTENT: client_link}


def _mailed(request: HttpRequest) -> Any:
    """Return the module of the mailed link that the handshake which a request answers began with; None where it began behind our log-in."""
    return _BY_LINK.get(link_errors.handshake_of(request).get("intent", ""))


class LinkAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Shows allauth the default app of each channel, and takes over when a person comes back from a channel."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Return False: a channel is never a way to become a user."""
        return False

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        """Return False: a channel is never a way to log in."""
        return False

    def list_providers(self, request: HttpRequest) -> list[Any]:
        """Return nothing, so that no page offers "log in with ..."."""
        return []

    def list_apps(
        self, request: HttpRequest | None, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Return the default channel apps that are set up. The rows are never saved."""
        apps = ChannelApp.objects.leading().filter(secrets__isnull=False)
        if provider:
            apps = apps.filter(channel=provider)
        if client_id:
            apps = apps.filter(client_id=client_id)
        return [
            SocialApp(
                provider=app.channel,
                name=app.label,
                client_id=app.client_id,
                secret="",  # what is sent to a channel is unsealed where it is sent; one that does not open must not end every page
                settings={},
            )
            for app in apps.exclude(state=ChannelApp.State.NOT_SET_UP)
        ]

    def generate_state_param(self, state: dict[str, Any]) -> str:
        """Return a name for a state that nobody guesses: 192 random bits."""
        return secrets.token_urlsafe(24)

    def demand_same(self, request: HttpRequest, channel: str, state: dict[str, Any]) -> None:
        """Refuse a way back, before its code is exchanged, unless person, app and ad account are those it began with."""
        link_errors.note_handshake(request, state.get("data") or {})
        mailed = _mailed(request)
        try:
            if mailed is not None:
                mailed.expected(channel, state, timezone.now())
            else:
                linking.expected_consent(request.user, channel, state)
        except renewing.NotOpen as refusal:
            raise ImmediateHttpResponse(mailed.not_open(request, refusal.link)) from refusal
        except linking.ConsentRefused as refusal:
            raise ImmediateHttpResponse(
                link_errors.show_error(request, channel, refusal.kind, detail=refusal.detail)
            ) from refusal

    def on_refused_way_back(self, request: HttpRequest, channel: str, refusal: NotOurs) -> HttpResponse:
        """Say that this is no way back of a channel, and what to do."""
        answer = link_errors.show_error(
            request, channel, LinkProblem.Kind.BENT, detail=f"refused: {refusal.why}", status=refusal.status
        )
        if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
            answer["Allow"] = "GET"
        return answer

    def on_used_way_back(
        self, request: HttpRequest, channel: str, handshake: Handshake | None
    ) -> HttpResponse:
        """Lead on a person whose first answer was taken; everybody else starts again."""
        if handshake is None:
            return link_errors.show_error(request, channel, LinkProblem.Kind.TOO_LATE, detail="no state")
        if handshake.is_being_answered(timezone.now()):
            return link_errors.show_waiting(request, channel)
        if handshake.led_to:
            return redirect(handshake.led_to)
        return link_errors.show_error(request, channel, LinkProblem.Kind.USED, detail="used state")

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Take the consent. Always raises ImmediateHttpResponse with our own answer: allauth's own login branches are never reached."""
        try:
            answer = self._arrive(request, sociallogin)
        except linking.ConsentRefused as refusal:  # it changed during the exchange
            answer = link_errors.show_error(
                request, sociallogin.account.provider, refusal.kind, detail=refusal.detail
            )
        raise ImmediateHttpResponse(answer)

    def _arrive(self, request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
        mailed = _mailed(request)
        answer: HttpResponse = mailed.arrive(request, sociallogin) if mailed else arrive(request, sociallogin)
        return answer

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: BaseException | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """Raise ImmediateHttpResponse with our own page; allauth's would print the exception."""
        raise ImmediateHttpResponse(
            link_errors.show_failure(request, provider.id, error=error, exception=exception)
        )
