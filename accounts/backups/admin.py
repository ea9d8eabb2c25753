"""Adding backups that are at hand: the page that asks about one, and the one about many accounts."""

from collections.abc import Mapping, Sequence

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from accounts.backups import jobs as adding
from accounts.backups import queries as backups
from accounts.backups import services as backing_up
from accounts.backups.card import offer_row, publishes
from accounts.backups.queries import Offer
from accounts.jobs.models import BACKUP, say
from accounts.models import Account
from accounts.pool import permissions
from accounts.pool.errors import ActionRefused
from accounts.pool.queries import account_labels
from portal import access, bulk
from tokens.models import Token
from ui import confirm
from ui.confirm import ConfirmLine, Done, Page, Said
from ui.name_visibility import NameVisibility
from users.models import User, person
from users.people.queries import names_for


def urls() -> list[URLPattern]:
    """Return the address of the page about one."""
    address = "<int:account_id>/tokens/<int:token_id>/backup/"
    return [path(address, admin.site.admin_view(add_one), name="accounts_account_token_backup")]


def add_one(request: HttpRequest, account_id: int, token_id: int) -> HttpResponse:
    """Ask (GET), then add this log-in to the account as a backup (POST)."""
    access.require(request, permissions.ADD_BACKUP)
    account, names = access.account(request, account_id), names_for(request.user)
    home = reverse("admin:accounts_account_change", args=[account.pk])
    found = backups.every_offer(account_ids=[account.pk])
    offer = next((one for one in found if one.token.pk == token_id), None)
    if offer is None and request.method != "POST":
        messages.error(request, gettext("This log-in cannot be added to the account now."))
        return HttpResponseRedirect(home)

    def do(said: Said) -> Done:
        outcome = backing_up.add_backups(
            chosen={account.pk: token_id}, actor=person(request), note=said.note, now=timezone.now()
        )
        if outcome.refused:
            raise ActionRefused("as_told", text=outcome.refused[account.pk])
        if outcome.asked:
            return Done({"asked": True})
        undo = reverse("admin:accounts_account_token_unlink", args=[account.pk, token_id])
        return Done({"undo": undo if request.user.has_perm(permissions.UNLINK) else ""})

    page = Page("portal/confirm/backup.html", home, _facts(request, account, offer, names))
    return confirm.answer(request, page, do, frame=access.frame_of(account))


def _facts(
    request: HttpRequest, account: Account, offer: Offer | None, names: NameVisibility
) -> Mapping[str, object]:
    if offer is None:
        return {"account": account, "name": ""}
    token = offer.token
    own = token.consented_by_id == person(request).pk
    return {
        "account": account,
        **vars(offer_row(account, offer, names, may_add=True)),
        "asks": bool(backing_up.asked_first({account.pk: offer}, {account.pk: account}, person(request))),
        "mailed": token.kind == Token.Kind.PERSON and not own,
        "address": token.consented_by.email
        if token.consented_by and names.sees_token(token, account)
        else "",
    }


# --- many accounts ----------------------------------------------------------------------------------------------------


def _lines(accounts: Sequence[Account], viewer: User) -> list[ConfirmLine]:
    """Return who would be added to each account, or asked before; and why nobody, last."""
    best, called, names = adding.best_offers(accounts), account_labels(accounts), names_for(viewer)
    asked_first = backing_up.asked_first(best, {one.pk: one for one in accounts}, viewer)
    waiting = backing_up.waiting_of(called)
    made = []
    for account in accounts:
        offer = best.get(account.pk)
        if offer is None:
            why = say(adding.why_not(account, waiting))
            made.append(ConfirmLine(called[account.pk], gettext("Nobody"), skipped=why))
            continue
        but = gettext("is asked first") if account.pk in asked_first else ""
        who = names.token(offer.token, account)
        made.append(ConfirmLine(called[account.pk], who, then=publishes(offer), but=but))
    return sorted(made, key=lambda line: bool(line.skipped))


def _left_over(chosen: bulk.Chosen) -> Mapping[str, object]:
    """Return the accounts that lack a backup and that no log-in at hand reaches: for these somebody can be invited."""
    best = adding.best_offers([] if chosen.unread else chosen.accounts)
    lacking = [one.pk for one in chosen.accounts if one.lacks_backup and not one.is_paused]
    left = [] if chosen.unread else [pk for pk in lacking if pk not in best]
    return {"left_over": ",".join(map(str, left)), "left": len(left)}


BULKS = (
    bulk.Bulk(
        BACKUP,
        _lines,
        gettext_lazy("No log-in of a colleague is known to reach one of them."),
        facts=_left_over,
    ),
)
