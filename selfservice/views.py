"""Self-service pages that only read: my accounts, who keeps one connected, what each channel needs, and what links in mails lead to."""

from collections.abc import Iterator

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from accounts.asks import queries
from accounts.models import Account
from accounts.pool import summary
from accounts.pool.permissions import VIEW
from accounts.sync import checking
from notifications.models import Message
from notifications.outbox import kinds
from selfservice import channel_pages, dashboard, keepers
from selfservice.linking import overview
from tokens.channels import declarations
from tokens.channels.registry import CHANNELS
from tokens.models import DeletionRequest
from ui import progress
from users.invitations.views import WELCOME
from users.models import person
from users.people.visibility import names_for


@require_GET
@never_cache
def deletion_status(request: HttpRequest, code: str) -> HttpResponse:
    """Show how far a request to delete is. Whoever holds the code may see it; it names nobody."""
    found = get_object_or_404(DeletionRequest.objects.select_related("app"), code=code)
    context = {"deletion": found, "channel": found.app.get_channel_display()}
    return render(request, "selfservice/deletion.html", context)


def addresses() -> Iterator[URLPattern]:
    """Return where the page is, for each channel that asks for one: beside what the channel pushes to."""
    for key, channel in CHANNELS.items():
        if channel.pushes is not None and channel.pushes.deletion_page:
            yield path(f"push/{key}/deletion/<slug:code>/", deletion_status, name="deletion_status")


@require_safe
@login_required
def why_message(request: HttpRequest, message_id: int) -> HttpResponse:
    """Say why a message was sent, or was not. Another person's message answers 404."""
    message = Message.objects.select_related("team").filter(pk=message_id).first()
    if message is None or message.recipient != getattr(request.user, "email", ""):
        raise Http404
    shown = {"message": message, "facts": kinds.why(message), "because": kinds.because(message)}
    return render(request, "selfservice/why.html", shown)


@require_safe
@never_cache
def open_account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Lead staff to Authenticate Tokens and others to their page of the account; say what to do where there is neither.

    A visitor who is not logged in may have no log-in at all: many a mail goes to an address that staff wrote into a rule.
    The page names no account, since anybody can count.
    """
    if not request.user.is_authenticated:
        log_in = f"{reverse('account_login')}?{urlencode({'next': request.path})}"
        return render(request, "selfservice/open_account.html", {"log_in": log_in})
    if not Account.objects.visible_to(request.user).filter(pk=account_id).exists():
        return render(request, "selfservice/open_account.html", status=404)
    staff = request.user.is_staff and request.user.has_perm(VIEW)
    return redirect("admin:accounts_account_change" if staff else "my_account", account_id)


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
