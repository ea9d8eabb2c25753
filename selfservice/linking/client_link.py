"""Giving access by a client link: what happens between the press and the channel, and when the person comes back.

Nobody is logged in by it, and whoever is logged in in the same browser has no part in it.
"""

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from allauth.socialaccount.models import SocialLogin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.asks import links
from accounts.linking import client_consent, consent, renewing
from accounts.models import Ask
from selfservice.linking import handshakes
from users.models import Invitation, User

# In the session: of each list that this browser may choose from, by its id, the link that it came by, and what became of it.
CHOICES, CHOICES_KEPT = "client_choices", 10


expected = client_consent.expected


def leave(request: HttpRequest, link: Ask, channel: str) -> HttpResponse:
    """Send whoever pressed to a channel of the link. Raises OnHold where the way back would not be taken."""
    data = {"intent": client_consent.INTENT, "client_link": link.pk, "user": ""}
    note = partial(links.note_opened, link, timezone.now())
    return handshakes.by_link(request, channel, data, note=note)


def broken(request: HttpRequest) -> HttpResponse:
    """Say that an address was cut, or that we never made it."""
    return render(request, "selfservice/mails/broken_link.html", status=404)


def not_open(request: HttpRequest, link: Ask | None, *, late: bool = False) -> HttpResponse:
    """Show why a link opens nothing, and whom to ask; None: it is gone, with its team.

    Where it still works (`late`: its person took too long to choose; or this channel was used meanwhile) the page leads back to it.
    """
    now = timezone.now()
    is_open = link is not None and link.is_open(now)
    barred = links.barred_by(link, now) if link is not None and is_open else None
    invited = isinstance(barred, Invitation)
    if invited or (isinstance(barred, User) and barred.is_active):
        return render(request, "selfservice/client/log_in.html", {"link": link, "invited": invited})
    context = {
        "link": link,
        "state": links.state(link, now) if link is not None else "",
        "open_url": links.path_of(link) if link is not None and is_open and barred is None else "",
        "late": late,
    }
    status = 409 if context["open_url"] else 410
    return render(request, "selfservice/client/not_open.html", context, status=status)


def arrive(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
    """Keep the consent and lead on to the choice of accounts."""
    channel = sociallogin.account.provider
    identity, grant = sociallogin.adtoken.identity, sociallogin.adtoken.grant
    try:
        app, link = client_consent.expected(channel, sociallogin.state, timezone.now())
        listed = consent.ask_for_list(app, identity, grant)
        pending = client_consent.keep(
            app=app, link=link, identity=identity, grant=grant, listed=listed, now=timezone.now()
        )
    except (renewing.NotOpen, consent.ConsentRefused) as refusal:
        renewing.discard_begun(channel=channel, state=sociallogin.state, identity=identity, grant=grant)
        if isinstance(refusal, consent.ConsentRefused):
            raise
        return not_open(request, refusal.link)
    keep_choice(request, pending.pk, {"link": link.pk})
    return redirect("client_choose", pending.pk)


def keep_choice(request: HttpRequest, pending_id: uuid.UUID, facts: Mapping[str, Any]) -> None:
    """Note what a list of accounts is about, or what became of it: for this browser, beside those of its other tabs."""
    others = {key: said for key, said in _choices(request).items() if key != str(pending_id)}
    request.session[CHOICES] = dict([*others.items(), (str(pending_id), dict(facts))][-CHOICES_KEPT:])


def choice(request: HttpRequest, pending_id: uuid.UUID) -> Mapping[str, Any]:
    """Return what was noted of a list; empty where it was not made in this browser, or long ago."""
    found: Mapping[str, Any] = _choices(request).get(str(pending_id), {})
    return found


def _choices(request: HttpRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.session.get(CHOICES) or {}
    return found
