"""Pages on which people make links for those without an account here, see how they stand, and take them back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.asks import links
from accounts.asks.links import State, say
from accounts.client_links.forms import ClientLinkForm
from accounts.models import Account, Ask
from tokens.channels import declarations
from ui import confirm
from ui.confirm import Page, Said
from users.models import User, person

ON_A_PAGE = 50  # links
TONES = {State.OPEN: "accent", State.STARTED: "accent", State.USED: "good"}


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
    user = _whom(request, links.may_make if request.method == "POST" else links.may_see)
    form = ClientLinkForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            link = links.make(
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
    page = Paginator(links.seen_by(user), ON_A_PAGE).get_page(request.GET.get("page"))
    lost = links.unarrived(list(page))
    context = {
        "form": form if links.may_make(user) else None,
        "rows": [_row(link, now, lost) for link in page],
        "number": page.number,
        "pages": page.paginator.num_pages,
    }
    return render(request, "selfservice/client_links.html", context, status=400 if form.errors else 200)


def _row(link: Ask, now: Any, lost: set[int]) -> dict[str, Any]:
    return {
        "lost": link.pk in lost and link.opened_at is None,
        "link": link,
        "state": links.state(link, now).value,
        "channels": [str(declarations.label(channel)) for channel in link.channels],
        "linked": sum(len(ids) for ids in link.used.values()),
    }


def _found(request: HttpRequest, link_id: int, may: Callable[[User], bool]) -> Ask:
    link = links.seen_by(_whom(request, may)).filter(pk=link_id).first()
    if link is None:
        raise Http404
    return link


@login_required
@require_GET
@never_cache
def show(request: HttpRequest, link_id: int) -> HttpResponse:
    """Show one link: its address (not to auditors) while it opens something, and how it stands. 404 for what one may not see."""
    link, now = _found(request, link_id, links.may_see), timezone.now()
    ids = [pk for some in link.used.values() for pk in some]
    context = {
        **_row(link, now, links.unarrived([link])),
        "address": links.address_of(link) if link.is_open(now) and links.may_make(person(request)) else "",
        "accounts": Account.objects.visible_to(person(request)).filter(pk__in=ids).order_by("name"),
    }
    return render(request, "selfservice/client_link.html", context)


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def revoke(request: HttpRequest, link_id: int) -> HttpResponse:
    """Ask (GET), then make a link worthless (POST). 404 for what one may not see."""
    link = _found(request, link_id, links.may_make)
    back = reverse("client_link_of", args=[link.pk])
    facts = {"link": link}
    page = Page("selfservice/confirm/revoke_client_link.html", back, facts, danger=True, ask_why=False)

    def do(_said: Said) -> None:
        links.revoke(link=link, by=person(request), now=timezone.now())

    return confirm.answer(request, page, do, frame=lambda _: {"layout": "selfservice/confirm_page.html"})
