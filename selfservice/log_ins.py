"""The person's own log-ins at the channels, and "Remove my log-in": what stops and who carries on, before anything is done."""

from dataclasses import dataclass
from functools import partial

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
from accounts.removal import Ended
from tokens import reasons
from tokens.channels import registry
from tokens.models import Token
from ui.confirm import ConfirmForm
from ui.phrases import phrase
from users.models import User, person
from users.visibility import names_for

say = partial(phrase, "words/log_ins.txt")
AFTERWARDS = {Ended.TAKEN: "taken", Ended.NO_CALL: "no_call", Ended.LATER: "later"}


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
    if token.state == Token.State.DEAD:
        told = reasons.explain(token.app.channel, token.reason, person=token.native_user_name, you=True)
        text = say("carried", n=number, what=told.what)
        return LogIn(token, label, "stopped", text, not token.is_removed)
    state = "checking" if token.state == Token.State.COOLING else "works"
    return LogIn(token, label, state, say("carries", n=number), removable=True)


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
        messages.info(request, say("removed_already"))
        return redirect("log_ins")
    found = removal.effects(token, names_for(user), timezone.now())
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
    messages.success(request, say(AFTERWARDS[ended], channel=channel.label))
    return redirect("log_ins")
