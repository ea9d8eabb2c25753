"""Pages of a client link: what is asked for, which accounts, done. Nobody logs in for them. GET changes nothing."""

import uuid
from functools import partial
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.asks import links
from accounts.linking import choosing
from accounts.linking.choosing import Candidate, LinkEffect
from accounts.models import Account, Ask, PendingLink
from accounts.renewal_links.views import private
from selfservice.linking import client_link
from selfservice.presses import may_press, too_often
from tokens.channels import registry
from ui.phrases import phrase
from users.people import languages

say = partial(phrase, "words/client_links.txt")


@private
@require_http_methods(["GET", "HEAD", "POST"])
def give_access(request: HttpRequest, signed: str) -> HttpResponse:
    """Say who asks for what (GET), or go to the channel (POST)."""
    try:
        link = links.open_signed(signed)
    except BadSignature:
        return client_link.broken(request)
    if link is None or not links.opens(link, timezone.now()):
        return client_link.not_open(request, link)
    channel = request.POST.get("channel", "")
    if request.method == "POST" and channel in link.left:
        if not may_press(request, f"client link {link.pk}"):
            return too_often(request)
        return client_link.leave(request, link, channel)
    return render(request, "selfservice/client/give_access.html", _facts(link))


def _facts(link: Ask) -> dict[str, Any]:
    """Return what the pages say of a link: who asks, at which channels, for which accounts."""
    channels = [(registry.get(key), _names(link, key)) for key in link.left if key in registry.CHANNELS]
    return {"link": link, "channels": channels, "organisation": settings.ORGANISATION_NAME}


def _names(link: Ask, channel: str) -> list[str]:
    asked = [one for one in link.asked_for if one.channel == channel]
    return [f"{one.name} ({one.native_id})" if one.name else one.native_id for one in asked]


@private
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest, pending_id: uuid.UUID) -> HttpResponse:
    """Show what the channel offers of what is asked for (GET), link what was ticked (POST).

    The address names the list, so that a page in one tab never links for what another tab was opened for.
    """
    said = client_link.choice(request, pending_id)
    if not said:
        return client_link.broken(request)
    if said.get("done"):
        return redirect("client_done", pending_id)
    link = links.all_links().filter(pk=said["link"]).first()
    pending = PendingLink.objects.select_related("token__app", "user").filter(pk=pending_id).first()
    if link is None or pending is None or not link.is_open(timezone.now()):
        return client_link.not_open(request, link, late=True)
    if links.barred_by(link, timezone.now()) is not None:
        return client_link.not_open(request, link)
    if request.method == "POST":
        return _link(request, link, pending)
    return _choose_page(request, link, pending)


def _link(request: HttpRequest, link: Ask, pending: PendingLink) -> HttpResponse:
    ticked, now = request.POST.getlist("native_id"), timezone.now()
    if not ticked:
        return _choose_page(request, link, pending, error=say("none_ticked"))
    channel = pending.token.app.channel
    if channel not in link.left:
        return client_link.not_open(request, link)
    found = choosing.candidates(pending, pending.user, only=link.team)
    if not set(ticked) <= {one.native.native_id for one in found if one.is_open}:
        return _choose_page(request, link, pending, error=say("not_offered"))
    # Before the link's own transaction, since a team that settles holds accounts, and log-ins are held before those.
    links.join(link=link, user=pending.user)
    try:
        with transaction.atomic():
            accounts = choosing.save(
                pending_id=pending.pk, user=pending.user, native_ids=ticked, now=now, only=link.team
            )
            links.note_used(link=link, channel=channel, accounts=accounts, log_in=pending.token, now=now)
    except (choosing.Ended, links.ClientLinkRefused):
        link.refresh_from_db()
        return client_link.not_open(request, link)
    except choosing.Gone:
        link.refresh_from_db()
        return client_link.not_open(request, link, late=True)
    except choosing.NotOffered:
        return _choose_page(request, link, pending, error=say("not_offered"))
    languages.keep_guess(pending.user, request)  # a contact never logs in, where this is asked otherwise
    facts = {"link": link.pk, "done": channel, "name": pending.token.native_user_name}
    client_link.keep_choice(request, pending.pk, facts)
    return redirect("client_done", pending.pk)


def _choose_page(request: HttpRequest, link: Ask, pending: PendingLink, *, error: str = "") -> HttpResponse:
    found = choosing.candidates(pending, pending.user, only=link.team)
    context = {
        "channel": registry.get(pending.token.app.channel),
        "log_in": pending.token.native_user_name,
        "rows": [{"one": one, "note": _note(one)} for one in found],
        "shut_out": link.team is not None and choosing.shut_out(pending.token, pending.user, link.team),
        "open_rows": sum(one.is_open for one in found),
        "missing": choosing.missing_scopes(pending.token),
        "not_there": _missing(link, pending),
        "complete": pending.complete,
        "again_url": links.path_of(link),
        "error": error,
        **_facts(link),
    }
    return render(request, "selfservice/client/choose.html", context, status=400 if error else 200)


def _missing(link: Ask, pending: PendingLink) -> list[str]:
    """Return the names of accounts that are asked for and that this log-in does not reach."""
    channel = pending.token.app.channel
    there = {one["native_id"] for one in pending.offered}
    asked = [one for one in link.asked_for if one.channel == channel and one.native_id not in there]
    return [one.name or one.native_id for one in asked]


def _note(one: Candidate) -> str:
    """Return what a stranger may read of an account: nothing of who keeps it connected."""
    told = {
        LinkEffect.TEAM_REFUSES: "of_another_team",
        LinkEffect.CLOSED: "closed",
        LinkEffect.RESTRICTED: "restricted",
        LinkEffect.REPORTS_ONLY: "reports_only",
    }
    return say(told[one.standing]) if one.standing in told else ""


@private
@require_safe
def done(request: HttpRequest, pending_id: uuid.UUID) -> HttpResponse:
    """Say what was given, and what comes next."""
    said = client_link.choice(request, pending_id)
    link = links.all_links().filter(pk=said.get("link", 0)).first()
    if link is None or "done" not in said:
        return redirect("my_accounts")
    context = {
        "done_at": registry.get(said["done"]),
        "log_in": said.get("name", ""),
        "accounts": Account.objects.filter(pk__in=link.used.get(said["done"], [])).order_by("name"),
        "next_url": links.path_of(link) if link.is_open(timezone.now()) else "",
        **_facts(link),
    }
    return render(request, "selfservice/client/done.html", context)
