"""The person's own log-ins at the channels, and "Remove my log-in": what stops and who carries on, before anything is done."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts import removal
from accounts.errors import DeedRefused
from accounts.name_visibility import Names
from accounts.removal import Ended
from tokens import reasons
from tokens.channels import registry
from tokens.models import Token
from ui.confirm import ConfirmForm
from users.models import User, person


@dataclass(frozen=True)
class LogIn:
    """One log-in on the page. `text` says what it does, or why it does nothing."""

    token: Token
    label: str
    state: str  # of the family log_in of ui.pills
    text: str
    removable: bool


def _own(user: User) -> "list[Token]":
    mine = Token.objects.filter(consented_by=user, kind=Token.Kind.PERSON).select_related("app")
    return list(
        mine.defer("credentials").annotate(accounts=Count("pool_entries")).order_by("app__channel", "pk")
    )


def _row(token: Token) -> LogIn:
    label = registry.get(token.app.channel).label
    number: int = token.accounts  # type: ignore[attr-defined]  # counted by _own
    carries = f"{number} account{'' if number == 1 else 's'}" if number else "no account"
    if token.state == Token.State.DEAD:
        told = reasons.explain(token.app.channel, token.reason, person=token.native_user_name, you=True)
        return LogIn(
            token,
            label,
            "stopped",
            f"{told.what} It was linked to {carries}.",
            not token.is_removed,
        )
    state = "checking" if token.state == Token.State.COOLING else "works"
    return LogIn(token, label, state, f"Linked to {carries}.", removable=True)


@login_required
@require_GET
@never_cache
def log_ins(request: HttpRequest) -> HttpResponse:
    """List the person's own log-ins, also those that are linked to nothing any more."""
    rows = [_row(token) for token in _own(person(request))]
    return render(request, "selfservice/log_ins.html", {"rows": rows})


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def remove(request: HttpRequest, token_id: int) -> HttpResponse:
    """Show what stops and who carries on (GET), then remove the person's own log-in (POST)."""
    user = person(request)
    mine = Token.objects.filter(consented_by=user, kind=Token.Kind.PERSON).select_related("app")
    token = get_object_or_404(mine, pk=token_id)
    if token.is_removed:
        messages.info(request, "This log-in was removed already.")
        return redirect("log_ins")
    found = removal.effects(token, Names(user), timezone.now())
    must_type = removal.to_type(token, found)
    data = request.POST if request.method == "POST" else None
    form = ConfirmForm(data, must_type=must_type)
    if data is not None and form.is_valid():
        return _removed(request, token)
    context = {
        "token": token,
        "channel": registry.get(token.app.channel),
        "stops": [one for one in found if one.stops],
        "goes_on": [one for one in found if one.carrier],
        "form": form if data is not None else ConfirmForm(must_type=must_type),
        "must_type": must_type,
    }
    return render(request, "selfservice/remove_log_in.html", context, status=200 if data is None else 400)


def _removed(request: HttpRequest, token: Token) -> HttpResponse:
    seen, channel = request.POST.get("seen", ""), registry.get(token.app.channel)
    try:
        ended = removal.remove(
            token=token,
            generation=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else -1,
            actor=person(request),
            note="",
            now=timezone.now(),
        )
    except DeedRefused as refusal:
        messages.warning(request, str(refusal))
        return redirect("log_ins")
    said = {
        Ended.TAKEN: f"{channel.label} ended the permission.",
        Ended.NO_CALL: f"To end the permission at {channel.label} too, remove AdToken there.",
        Ended.LATER: f"AdToken asks {channel.label} to end the permission, and goes on asking for a day.",
    }[ended]
    messages.success(
        request,
        f"Your {channel.label} log-in is removed. AdToken no longer holds anything of it. {said}"
        if ended != Ended.LATER
        else f"Your {channel.label} log-in is removed and no longer used. {said}",
    )
    return redirect("log_ins")
