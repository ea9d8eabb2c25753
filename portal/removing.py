"""Revoking a log-in at its channel, as staff: the page shows every account that stops or loses its backup; only its POST does it."""

from collections.abc import Callable

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext

from accounts import removal
from accounts.models import Account
from accounts.removal import Effect, Ended
from portal import access
from tokens.channels import declarations
from tokens.models import Token
from ui import confirm
from ui.confirm import ConfirmLine, Done, Page, Said
from ui.refusal import Refusal
from users.models import person
from users.visibility import is_administrator, names_for

PERMISSION = "tokens.revoke_token"


def revoke(
    request: HttpRequest, token_id: int, visible: Callable[[HttpRequest], QuerySet[Token]]
) -> HttpResponse:
    """Ask (GET), then remove the log-in and say how far it came at the channel (POST). `visible`: the viewer's tokens.

    404 for a log-in that one does not see.
    """
    access.require(request, PERMISSION)
    token = visible(request).filter(pk=token_id).first()
    if token is None:
        raise Http404(gettext("There is no such log-in."))
    names = names_for(request.user)
    found = removal.effects(token)
    first = found.first(confirm.SHOWN, names=names, now=timezone.now())
    account = first[0].account if first else None
    refused = _refused(request, token)
    page = Page(
        "portal/confirm/revoke_log_in.html",
        _back(request),
        {
            "channel": declarations.label(token.app.channel),
            "name": names.token(token, account),
            "hidden": not names.sees_token(token, account),
            "stops": found.stops,
            "backups": found.backups,
        },
        late=token.is_removed,
        refused=refused,
        lines=[ConfirmLine(one.account.name, one.account.get_channel_display(), _then(one)) for one in first],
        unread=found.all - len(first),
        warns=found.stops > 0,
        danger=True,
        must_type=found.to_type(first),
        seen=str(token.generation),
    )

    def do(said: Said) -> Done:
        if refused:
            raise Refusal(refused)
        generation = said.seen if said.seen.isascii() and said.seen.isdigit() and len(said.seen) < 9 else -1
        ended = removal.remove(
            token=token,
            generation=int(generation),
            actor=person(request),
            note=said.note,
            now=timezone.now(),
        )
        return Done({"ended": ended.value}, good=ended == Ended.TAKEN)

    return confirm.answer(request, page, do, frame=access.frame_of(Token))


def _back(request: HttpRequest) -> str:
    """Return where one came from, an account's pool; else the list."""
    asked = request.GET.get("next", "")
    ours = asked.startswith("/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if ours else reverse("admin:tokens_token_changelist")


def _refused(request: HttpRequest, token: Token) -> str:
    """Return why the viewer may not end it: it also carries accounts that they do not see."""
    foreign = token.pool_entries.exclude(account__in=Account.objects.visible_to(request.user))
    if is_administrator(person(request)) or not foreign.exists():
        return ""
    return gettext(
        "This log-in also carries accounts of other teams. Ask an administrator, or unlink it from yours."
    )


def _then(one: Effect) -> str:
    if one.stops:
        return gettext("Stops: nobody else carries it")
    if one.carrier:
        return gettext("Goes on through %(name)s") % {"name": one.carrier}
    return gettext("Stays as it is: it does not work now")
