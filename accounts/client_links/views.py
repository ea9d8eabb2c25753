"""Pages on which people make links for those without an account here, see how they stand, and take them back; and the pages of a link.

Nobody is logged in by a link, and whoever is logged in in the same browser has no part in it. GET changes nothing.
"""

import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.core.signing import BadSignature
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from accounts.asks import links
from accounts.asks.links import say
from accounts.asks.models import LinkState
from accounts.client_links.forms import ClientLinkForm
from accounts.linking import choosing, handshakes, renewing
from accounts.linking import services as linking
from accounts.linking.choosing import Candidate, LinkEffect
from accounts.models import Account, Ask, PendingLink
from portal import access, sidebar
from portal.access import may_press, private, too_often
from tokens.channels import declarations, registry
from ui import confirm
from ui.confirm import Page, Said
from users.models import Invitation, User, person
from users.people import languages

ON_A_PAGE = 50  # links


def _whom(request: HttpRequest, may: Callable[[User], bool]) -> User:
    user = person(request)
    if not may(user):
        raise PermissionDenied
    return user


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def make(request: HttpRequest) -> HttpResponse:
    """List the person's links, with the form that makes one (GET), or make it (POST). Auditors see the list alone."""
    user = _whom(request, User.may_make_links if request.method == "POST" else User.may_see_links)
    form = ClientLinkForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            link = links.make_link(
                email=said["email"],
                name=said["name"],
                team=said["team"],
                channels=said["channels"],
                made_by=user,
                now=timezone.now(),
                asked_for=said["asked_for"],
                note=said["note"],
                valid_for=timedelta(days=said["days"]),
            )
        except links.ClientLinkRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, say("made", email=link.email))
            return redirect("client_link_of", link.pk)
    now = timezone.now()
    page = Paginator(Ask.objects.links_visible_to(user), ON_A_PAGE).get_page(request.GET.get("p"))
    lost = links.links_that_did_not_arrive(list(page))
    frame = access.frame_for_both(request, gettext("Client links"), path=[])
    context = {
        **frame,
        "tabs": sidebar.tabs(request) if "framed" in frame else [],
        "form": form if user.may_make_links() else None,
        "rows": [_row(link, now, lost) for link in page],
        "page": page,
    }
    return access.render_for_both(
        request, "selfservice/client_links.html", context, status=400 if form.errors else 200
    )


def _row(link: Ask, now: Any, lost: set[int]) -> dict[str, Any]:
    return {
        "lost": link.pk in lost and link.opened_at is None,
        "link": link,
        "state": link.link_state(now).value,
        "channels": [str(declarations.label(channel)) for channel in link.channels],
        "linked": len(link.linked_ids),
    }


def _found(request: HttpRequest, link_id: int, may: Callable[[User], bool]) -> Ask:
    link = Ask.objects.links_visible_to(_whom(request, may)).filter(pk=link_id).first()
    if link is None:
        raise Http404
    return link


@login_required
@require_GET
@never_cache
def show(request: HttpRequest, link_id: int) -> HttpResponse:
    """Show one link: its address (not to auditors) while it opens something, and how it stands. 404 for what one may not see."""
    link, now = _found(request, link_id, User.may_see_links), timezone.now()
    context = {
        **_frame_of(link, request),
        **_row(link, now, links.links_that_did_not_arrive([link])),
        "address": link.link_address if link.is_open(now) and person(request).may_make_links() else "",
        "accounts": Account.objects.visible_to(person(request))
        .filter(pk__in=link.linked_ids)
        .order_by("name"),
    }
    return access.render_for_both(request, "selfservice/client_link.html", context)


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def revoke(request: HttpRequest, link_id: int) -> HttpResponse:
    """Ask (GET), then make a link worthless (POST). 404 for what one may not see."""
    link = _found(request, link_id, User.may_make_links)
    back = reverse("client_link_of", args=[link.pk])
    facts = {"link": link}
    page = Page("selfservice/confirm/revoke_client_link.html", back, facts, danger=True, ask_why=False)

    def do(_said: Said) -> None:
        links.revoke_link(link=link, by=person(request), now=timezone.now())

    frame = _frame_of(link, request)
    frame["layout"] = "ui/confirm_page.html" if "framed" in frame else "selfservice/confirm_page.html"
    return access.give_policy(confirm.answer(request, page, do, frame=lambda _: frame), frame)


def _frame_of(link: Ask, request: HttpRequest) -> dict[str, Any]:
    """Return what stands around a page about one link."""
    above = [(gettext("Client links"), reverse("client_links"))]
    return access.frame_for_both(request, link.name or link.email, path=above)


expected = linking.expected_by_client


def leave(request: HttpRequest, link: Ask, channel: str) -> HttpResponse:
    """Send whoever pressed to a channel of the link. Raises OnHold where the way back would not be taken."""
    data = {"intent": linking.CLIENT_INTENT, "client_link": link.pk, "user": ""}
    note = partial(links.note_link_opened, link, channel, timezone.now())
    return handshakes.leave_for_channel(request, channel, data, note=note)


def show_broken(request: HttpRequest) -> HttpResponse:
    """Say that an address was cut, or that we never made it."""
    return render(request, "selfservice/mails/broken_link.html", status=404)


def not_open(request: HttpRequest, link: Ask | None, *, late: bool = False) -> HttpResponse:
    """Show why a link opens nothing, and whom to ask; None: it is gone, with its team.

    Where it still works (`late`: its person took too long to choose; or this channel was used meanwhile) the page leads back to it.
    """
    now = timezone.now()
    is_open = link is not None and link.is_open(now)
    barred = link.barred_by(now) if link is not None and is_open else None
    invited = isinstance(barred, Invitation)
    if invited or (isinstance(barred, User) and barred.is_active):
        return render(request, "selfservice/client/log_in.html", {"link": link, "invited": invited})
    context = {
        "link": link,
        "state": link.link_state(now) if link is not None else "",
        "open_url": link.link_path if link is not None and is_open and barred is None else "",
        "late": late,
        **(_way_back(link) if link is not None else {}),
    }
    status = 409 if context["open_url"] else 410
    return render(request, "selfservice/client/not_open.html", context, status=status)


def arrive(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
    """Keep the consent and lead on to the choice of accounts."""
    channel = sociallogin.account.provider
    identity, grant = sociallogin.adtoken.identity, sociallogin.adtoken.grant
    try:
        app, link = linking.expected_by_client(channel, sociallogin.state, timezone.now())
        listed = linking.ask_for_list(app, identity, grant)
        pending = linking.keep_for_client(
            app=app, link=link, identity=identity, grant=grant, listed=listed, now=timezone.now()
        )
    except (renewing.NotOpen, linking.ConsentRefused) as refusal:
        linking.discard_consent(sociallogin)
        if isinstance(refusal, linking.ConsentRefused):
            raise
        return not_open(request, refusal.link)
    # Of a list that this browser may choose from: the link that it came by, and later what became of it.
    request.session[str(pending.pk)] = {"link": link.pk}
    return redirect("client_choose", pending.pk)


@private
@require_http_methods(["GET", "HEAD", "POST"])
def give_access(request: HttpRequest, signed: str) -> HttpResponse:
    """Say who asks for what (GET), or go to the channel (POST)."""
    try:
        link = links.read_signed_link(signed)
    except BadSignature:
        return show_broken(request)
    if link is None or not link.opens(timezone.now()):
        return not_open(request, link)
    channel = request.POST.get("channel", "")
    if request.method == "POST" and channel in link.left:
        if not may_press(request, f"client link {link.pk}"):
            return too_often(request)
        return leave(request, link, channel)
    return render(request, "selfservice/client/give_access.html", _facts(link))


def _facts(link: Ask) -> dict[str, Any]:
    """Return what the pages say of a link: who asks, at which channels, for which accounts."""
    channels = [(registry.get(key), _names(link, key)) for key in link.left if key in registry.CHANNELS]
    return {"link": link, "channels": channels, "organisation": settings.ORGANISATION_NAME}


def _way_back(link: Ask) -> dict[str, str]:
    """Return where a link leads once it is used for all of its channels, as far as settings still allow; and what that is called."""
    if link.link_state(timezone.now()) != LinkState.USED or not links.may_return_to(link.return_url):
        return {}
    return {"back_url": link.return_url, "back_host": urlsplit(link.return_url).netloc}


def _names(link: Ask, channel: str) -> list[str]:
    asked = [one for one in link.asked_for if one.channel == channel]
    return [f"{one.name} ({one.native_id})" if one.name else one.native_id for one in asked]


@private
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest, pending_id: uuid.UUID) -> HttpResponse:
    """Show what the channel offers of what is asked for (GET), link what was ticked (POST).

    The address names the list, so that a page in one tab never links for what another tab was opened for.
    """
    said = request.session.get(str(pending_id))
    if said is None:
        return show_broken(request)
    if said.get("done"):
        return redirect("client_done", pending_id)
    link = Ask.objects.client_links().filter(pk=said["link"]).first()
    pending = PendingLink.objects.select_related("token__app", "user").filter(pk=pending_id).first()
    if link is None or pending is None or not link.is_open(timezone.now()):
        return not_open(request, link, late=True)
    if link.barred_by(timezone.now()) is not None:
        return not_open(request, link)
    if request.method == "POST":
        return _link(request, link, pending)
    return _choose_page(request, link, pending)


def _link(request: HttpRequest, link: Ask, pending: PendingLink) -> HttpResponse:
    ticked, now = request.POST.getlist("native_id"), timezone.now()
    if not ticked:
        return _choose_page(request, link, pending, error=say("none_ticked"))
    channel = pending.token.app.channel
    if channel not in link.left:
        return not_open(request, link)
    found = choosing.offered_candidates(pending, pending.user, only=link.team)
    if not set(ticked) <= {one.native.native_id for one in found if one.is_open}:
        return _choose_page(request, link, pending, error=say("not_offered"))
    # Before the link's own transaction, since a team that settles holds accounts, and log-ins are held before those.
    links.join_team(link=link, user=pending.user)
    try:
        with transaction.atomic():
            accounts = choosing.save_choice(
                pending_id=pending.pk, user=pending.user, native_ids=ticked, now=now, only=link.team
            )
            links.note_link_used(link=link, channel=channel, accounts=accounts, log_in=pending.token, now=now)
    except (choosing.Ended, links.ClientLinkRefused):
        link.refresh_from_db()
        return not_open(request, link)
    except choosing.Gone:
        link.refresh_from_db()
        return not_open(request, link, late=True)
    except choosing.NotOffered:
        return _choose_page(request, link, pending, error=say("not_offered"))
    languages.keep_guess(pending.user, request)  # a contact never logs in, where this is asked otherwise
    facts = {"link": link.pk, "done": channel, "name": pending.token.native_user_name}
    request.session[str(pending.pk)] = facts
    return redirect("client_done", pending.pk)


def _choose_page(request: HttpRequest, link: Ask, pending: PendingLink, *, error: str = "") -> HttpResponse:
    found = choosing.offered_candidates(pending, pending.user, only=link.team)
    context = {
        "channel": registry.get(pending.token.app.channel),
        "log_in": pending.token.native_user_name,
        "rows": [_row_of(one) for one in found],
        "shut_out": link.team is not None and choosing.is_shut_out(pending.token, pending.user, link.team),
        "open_rows": sum(one.is_open for one in found),
        "missing": pending.token.missing_scopes,
        "not_there": _missing(link, pending),
        "complete": pending.complete,
        "again_url": link.link_path,
        "error": error,
        **_facts(link),
    }
    return render(request, "selfservice/client/choose.html", context, status=400 if error else 200)


def _missing(link: Ask, pending: PendingLink) -> list[str]:
    """Return the names of accounts that are asked for and that this log-in does not reach."""
    channel = pending.token.app.channel
    there = {one["native_id"] for one in pending.offered}
    asked = [one for one in link.asked_for if one.channel == channel and one.native_id not in there]
    return [one.called for one in asked]


def _row_of(one: Candidate) -> dict[str, Any]:
    return {"native": one.native, "note": _note(one), "checked": one.ticked, "disabled": not one.is_open}


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
    said = request.session.get(str(pending_id), {})
    link = Ask.objects.client_links().filter(pk=said.get("link", 0)).first()
    if link is None or "done" not in said:
        return redirect("my_accounts")
    context = {
        "done_at": registry.get(said["done"]),
        "log_in": said.get("name", ""),
        "accounts": Account.objects.filter(pk__in=link.used.get(said["done"], [])).order_by("name"),
        "next_url": link.link_path if link.is_open(timezone.now()) else "",
        **_way_back(link),
        **_facts(link),
    }
    return render(request, "selfservice/client/done.html", context)
