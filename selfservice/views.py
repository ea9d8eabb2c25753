"""Self-service pages that only read: my accounts, who keeps an account connected, and what each channel needs."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.asks import queries
from accounts.models import Account
from accounts.pool import summary
from accounts.sync import checking
from selfservice import channel_pages, dashboard, keepers
from selfservice.linking import overview
from tokens.channels import declarations
from ui import progress
from users.models import person
from users.people.visibility import names_for
from users.views import WELCOME


@login_required
@require_GET
def my_accounts(request: HttpRequest) -> HttpResponse:
    """Show what needs this person, then the accounts that work."""
    context = dashboard.page(
        person(request),
        timezone.now(),
        search=request.GET.get("q", "").strip()[:100],
        log_in=_number(request.GET.get("log_in", ""), 0),
        number=_number(request.GET.get("page", ""), 1),
    )
    invited = queries.to_link(person(request), timezone.now())
    first = invited.order_by("channel").first()
    if first is not None and WELCOME in request.GET:  # who came in by an invitation goes straight on
        return redirect("link", first.channel)
    if context["empty"]:
        return render(
            request, "selfservice/first_account.html", {"channels": overview.channel_rows(person(request))}
        )
    asked = queries.to_back_up(person(request)).count()
    return render(
        request,
        "selfservice/my_accounts.html",
        {
            **context,
            "asked": asked,
            "invited": invited.count(),
            "invited_at": first,
        },
    )


def _number(text: str, otherwise: int) -> int:
    """Return the number that an address names."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else otherwise


@login_required
@require_GET
def my_account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Show who keeps one account connected."""
    visible = summary.with_pools(Account.objects.visible_to(person(request)))
    account, now = get_object_or_404(visible, pk=account_id), timezone.now()
    names = names_for(person(request))
    checked = checking.progress_of(account, progress.asked(request), names, now)
    context = {**keepers.page(account, person(request), now), "progress": checked, "now": now}
    return progress.look_again(render(request, "selfservice/my_account.html", context), checked)


@login_required
@require_GET
def channel_needs(request: HttpRequest) -> HttpResponse:
    """What each channel needs: how long authorisations last there, and when a person is needed."""
    return render(request, "selfservice/channel_needs.html", channel_pages.overview(person(request)))


@login_required
@require_GET
def channel_page(request: HttpRequest, channel: str) -> HttpResponse:
    """How long authorisations last at one channel, what ends them, and how people get back."""
    if channel not in declarations.channel_keys():
        return render(request, "404.html", status=404)
    return render(request, "selfservice/channel.html", channel_pages.page(channel, person(request)))
