"""A person comes back from a channel: the consent is kept, then the page that follows."""

from allauth.socialaccount.models import SocialLogin
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.asks import queries
from accounts.linking import consent, renewing
from selfservice.linking import choose_page, own_renewal
from ui.phrases import phrase
from users.models import User


def _wanted(user: User, channel: str) -> list[str] | None:
    """Return the native ids that a person is asked to link at a channel; None for none."""
    waiting = queries.to_link(user, timezone.now()).filter(channel=channel)
    return list(waiting.values_list("native_id", flat=True)) or None


def arrive(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
    """Keep the consent and lead on: to the choice of accounts, or straight to "done" when the same person came back for one account."""
    channel, state = sociallogin.account.provider, sociallogin.state
    begun = consent.expected(request.user, channel, state)
    identity, grant = sociallogin.adtoken.identity, sociallogin.adtoken.grant
    listed = consent.ask_for_list(begun.app, identity, grant)
    try:
        pending = consent.keep(
            app=begun.app,
            user=begun.user,
            identity=identity,
            grant=grant,
            listed=listed,
            target=begun.target,
            next_url=state.get("next") or "",
            now=timezone.now(),
            wanted=None if begun.target else _wanted(begun.user, channel),
        )
    except consent.ConsentRefused:
        renewing.discard(app=begun.app, identity=identity, grant=grant)
        raise
    own_renewal.note_kept(state.get("data") or {}, pending.token_id)
    if consent.came_back(pending):
        if pending.next and pending.account is not None:
            said = phrase(
                "words/linking.txt", "works_again", account=pending.account.name, name=identity.name
            )
            messages.success(request, said)
        return choose_page.welcome_back(pending)
    return redirect("link_choose", pending.pk)
