"""Revoking a log-in at its channel, as staff: the page shows every account that stops or loses its backup; only its POST does it."""

from collections.abc import Callable, Sequence

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import removal
from accounts.errors import DeedRefused
from accounts.models import Account
from accounts.name_visibility import HIDDEN, Names
from accounts.removal import Effect, Ended
from portal import access
from portal.bulk_items import SHOWN, number
from tokens.channels import declarations, registry
from tokens.models import Token
from ui import confirm
from ui.confirm import ConfirmForm, Page
from users.models import person
from users.visibility import is_administrator

PERMISSION = "tokens.revoke_token"


def revoke(
    request: HttpRequest, token_id: int, visible: Callable[[HttpRequest], QuerySet[Token]]
) -> HttpResponse:
    """Ask (GET), then remove the log-in and say how far it came at the channel (POST). `visible`: the viewer's tokens."""
    access.demand(request, PERMISSION)
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "POST"])
    token = visible(request).filter(pk=token_id).first()
    if token is None:
        raise Http404("There is no such log-in.")
    names, back = Names(request.user), _back(request)
    found = removal.effects(token, names, timezone.now())
    page = _page(request, token, found, names)
    data = request.POST if request.method == "POST" and not page.refused else None
    form = ConfirmForm(data, must_type=page.must_type)
    if data is None or not form.is_valid():
        shown = form if data is not None else None
        about = {**access.frame(request), "account": None}
        return confirm.show(request, page, context=about, back=back, form=shown)
    _remove(request, token, form.cleaned_data["note"])
    return HttpResponseRedirect(back)


def _back(request: HttpRequest) -> str:
    """Return where one came from, an account's pool; else the list."""
    asked = request.GET.get("next", "")
    ours = asked.startswith("/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if ours else reverse("admin:tokens_token_changelist")


def _page(request: HttpRequest, token: Token, found: Sequence[Effect], names: Names) -> Page:
    label = declarations.label(token.app.channel)
    name = names.token(token, found[0].account if found else None)
    who = "this log-in" if name == HIDDEN else f"the log-in of {name}"
    stops, backups = sum(one.stops for one in found), sum(one.backup_lost for one in found)
    lines = [(one.account.name, one.account.get_channel_display(), _then(one)) for one in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append((f"and {len(found) - SHOWN} more", "", ""))
    return Page(
        question=f"Revoke {who} at {label}?",
        lead="For somebody who left, or whose log-in is in wrong hands. It ends for all its accounts; its history stays.",
        button=f"Revoke at {label}",
        facts=[
            ("Stop", number(stops, "account")),
            ("Lose a backup", number(backups, "account")),
            (f"At {label}", "AdToken asks it to end the authorisation, and deletes what it holds"),
            ("Mails", "the person, and whoever leads the teams of accounts that stop"),
            ("Undo", "not possible; the person links it again"),
        ],
        people=lines,
        columns=("Account", "Channel", "Then"),
        warning=f"This deactivates {number(stops, 'account')}." if stops else "",
        warning_text=f"Nothing can be published there until somebody else links {'it' if stops == 1 else 'them'}."
        if stops
        else "",
        danger=True,
        must_type=removal.to_type(token, found),
        refused=_refused(request, token, found),
        seen=str(token.generation),
    )


def _refused(request: HttpRequest, token: Token, found: Sequence[Effect]) -> str:
    if token.is_removed:
        return "Somebody was faster: it was removed already."
    visible = (
        Account.objects.visible_to(request.user).filter(pk__in=[one.account.pk for one in found]).count()
    )
    if visible < len(found) and not is_administrator(person(request)):
        return (
            "This log-in also carries accounts of other teams. Ask an administrator, or unlink it from yours."
        )
    return ""


def _then(one: Effect) -> str:
    if one.stops:
        return "stops: nobody else carries it"
    return f"goes on through {one.carrier}" if one.carrier else "stays as it is: it does not work now"


def _remove(request: HttpRequest, token: Token, note: str) -> None:
    seen = request.POST.get("seen", "")
    label = registry.get(token.app.channel).label
    try:
        ended = removal.remove(
            token=token,
            generation=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else -1,
            actor=person(request),
            note=note,
            now=timezone.now(),
        )
    except DeedRefused as refusal:
        messages.error(request, str(refusal))
        return
    said = {
        Ended.TAKEN: f"{label} ended the authorisation.",
        Ended.NO_CALL: f"{label} ends nothing for us: what AdToken held is deleted, and the person can remove AdToken there.",
        Ended.LATER: f"{label} could not be asked yet; AdToken goes on asking for a day.",
    }[ended]
    good = ended == Ended.TAKEN
    text = f"The log-in is removed, and nothing is served by it any more. {said}"
    messages.success(request, text) if good else messages.warning(request, text)
