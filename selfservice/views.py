"""Self-service pages that only read: my accounts, who keeps one connected, what each channel needs, and what links in mails lead to."""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from types import SimpleNamespace
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from accounts.checks import queries as check_queries
from accounts.linking import overview
from accounts.models import Account, AskLine
from accounts.pool.permissions import VIEW
from notifications.models import Message
from notifications.outbox import facts_behind, reason_it_came
from selfservice import dashboard, keepers
from tokens.channels import declarations, registry
from tokens.channels import words as channel_words
from tokens.channels.base import Channel
from tokens.channels.kinds import Reason
from tokens.channels.registry import CHANNELS
from tokens.models import DeletionRequest
from tokens.token import reasons
from ui import progress
from ui.addresses import id_of
from ui.phrases import phrase
from users.invitations.views import WELCOME
from users.models import User, person
from users.people.queries import names_for

say = partial(phrase, "words/lifetime.txt")


def lifetime_of(key: str, label: str) -> SimpleNamespace:
    """Return what is known of a channel, in words; `note`: a rule that no vendor source proves; `article`: the help article's line."""
    package = registry.get(key)
    said, listed = partial(channel_words.said, key), partial(channel_words.listed, key)
    return SimpleNamespace(
        key=key,
        label=label,
        summary=said("lifetime_summary"),
        clocks=listed("lifetime_clocks"),
        person_deadline=said("person_deadline"),
        ends=listed("lifetime_ends"),
        renewed=renewed_without_person(package),
        note=said("lifetime_note"),
        article=said("article_timeline"),
        sources=_sources(package),
        checked=package.lifetime.checked,
        causes=listed("causes"),
    )


def renewed_without_person(channel: Channel) -> str:
    """Return what is renewed there without a person."""
    rule = channel.renewal
    if rule is None:
        return say("no_end" if channel.lifetime.access is None else "nothing")
    return say("asked_for", channel=channel.label) if rule.exchange else say("renewed")


def _sources(channel: Channel) -> tuple[str, ...]:
    of_renewal = [channel.renewal.source] if channel.renewal is not None else []
    return tuple(dict.fromkeys([channel.lifetime.source, *of_renewal]))


# Who acts tells the groups apart: the person, an admin of the ad account, or nobody there.
GROUPS: Sequence[tuple[str, Sequence[Reason]]] = (
    (
        "log_in",
        (
            Reason.EXPIRED, Reason.DATA_ACCESS_EXPIRED, Reason.REFRESH_EXPIRED, Reason.PASSWORD_CHANGED,
            Reason.AUTHORISATION_CANCELLED, Reason.SECURITY_CHECKPOINT, Reason.SUSPENDED, Reason.POLICY_VIOLATION, Reason.SESSION_INVALID,
            Reason.ANSWER_LOST, Reason.UNKNOWN,
        ),
    ),
    (
        "account",
        (Reason.ACCESS_LOST, Reason.PUBLISHING_LOST, Reason.SCOPE_MISSING, Reason.RESTRICTED),
    ),
    (
        "writing",
        (Reason.TWO_FACTOR_REQUIRED, Reason.VERIFICATION_REQUIRED, Reason.ADVERTISING_REFUSED, Reason.WRITING_REFUSED),
    ),
    ("trouble", (Reason.APP_FAULT, Reason.TRANSIENT)),
)  # fmt: skip


def channels_overview(user: User) -> dict[str, Any]:
    """Return what the overview shows: all channels, those that cannot be linked here last."""
    rows = [
        {"lifetime": lifetime_of(key, str(label)), "advice": overview.advise_on_channel(key, user)}
        for key, label in declarations.choices()
    ]
    return {"rows": sorted(rows, key=lambda row: row["advice"] is not None)}


def facts_of_channel(channel: str, user: User) -> dict[str, Any]:
    """Return what the page of one channel shows. Raises ValueError for a channel that there is not."""
    if channel not in declarations.channel_keys():
        raise ValueError(f"There is no channel {channel!r}.")
    known = lifetime_of(channel, declarations.label(channel))
    package = registry.get(channel)
    return {
        "known": known,
        "checked": date.fromisoformat(known.checked),
        "advice": overview.advise_on_channel(channel, user),
        "last_step": package.last_step,
        "manage_url": package.manage_url,
        "groups": [
            (key, [(one, reasons.explain(channel, one)) for one in found if reasons.happens(channel, one)])
            for key, found in GROUPS
        ],
    }


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
    shown = {"message": message, "facts": facts_behind(message), "because": reason_it_came(message)}
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


@login_required(redirect_field_name=None)  # staff come to the portal instead
@require_GET
def my_accounts(request: HttpRequest) -> HttpResponse:
    """Show what needs this person, then the accounts that work."""
    context = dashboard.my_accounts_facts(
        person(request),
        timezone.now(),
        search=request.GET.get("q", "").strip()[:100],
        log_in=id_of(request.GET.get("log_in", "")),
        only=request.GET.get("only", ""),
        number=request.GET.get("p", ""),
    )
    invited = AskLine.objects.to_link(person(request), timezone.now())
    first = invited.order_by("channel").first()
    if first is not None and WELCOME in request.GET:  # who came in by an invitation goes straight on
        return redirect("link", first.channel)
    if context["empty"]:
        shown = {"channels": overview.channel_rows(person(request)), "first": True}
        return render(request, "selfservice/link/channels.html", shown)
    asked = AskLine.objects.to_back_up(person(request)).count()
    context |= {"asked": asked, "invited": invited.count(), "invited_at": first}
    return render(request, "selfservice/my_accounts.html", context)


@login_required
@require_GET
def my_account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Show who keeps one account connected."""
    visible = Account.objects.visible_to(person(request)).with_pools()
    account, now = get_object_or_404(visible, pk=account_id), timezone.now()
    names = names_for(person(request))
    checked = check_queries.check_progress(account, progress.asked(request), names, now)
    context = {**keepers.facts_of_account(account, person(request), now), "progress": checked, "now": now}
    return progress.look_again(render(request, "selfservice/my_account.html", context), checked)


@login_required
@require_GET
def channel_needs(request: HttpRequest) -> HttpResponse:
    """What each channel needs: how long authorisations last there, and when a person is needed."""
    return render(request, "selfservice/channel_needs.html", channels_overview(person(request)))


@login_required
@require_GET
def channel_page(request: HttpRequest, channel: str) -> HttpResponse:
    """How long authorisations last at one channel, what ends them, and how people get back."""
    if channel not in declarations.channel_keys():
        return render(request, "404.html", status=404)
    return render(request, "selfservice/channel.html", facts_of_channel(channel, person(request)))
