"""Adding backups that are at hand: the page that asks about one, and the one about many accounts."""

from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext

from accounts import backing_up, backup_requests, backups, permissions
from accounts.backups import Offer
from accounts.errors import ActionRefused
from accounts.jobs.kinds import BACKUP
from accounts.many import backups as adding
from accounts.models import Account
from portal import access, account_pages, asking, bulk
from portal.backup_card import publishes
from tokens.models import Token
from ui import confirm
from ui.bulk import Item
from ui.confirm import Done, Late, Page, Said
from ui.dates import day
from ui.name_visibility import NameVisibility
from users.models import person
from users.visibility import names_for


def urls(chosen: bulk.Choose) -> list[URLPattern]:
    """Return the addresses of both pages."""
    wrap = admin.site.admin_view
    return [
        path("bulk/backup/", wrap(_many(chosen)), name="accounts_account_bulk_backup"),
        path("<int:account_id>/tokens/<int:token_id>/backup/", wrap(one), name="accounts_account_token_backup"),
    ]  # fmt: skip


def one(request: HttpRequest, account_id: int, token_id: int) -> HttpResponse:
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
        outcome = backing_up.add(
            chosen={account.pk: token_id}, actor=person(request), note=said.note, now=timezone.now()
        )
        if outcome.refused:
            raise ActionRefused("as_told", text=outcome.refused[account.pk])
        if outcome.asked:
            return Done({"asked": True})
        undo = reverse("admin:accounts_account_token_unlink", args=[account.pk, token_id])
        return Done({"undo": undo if request.user.has_perm(permissions.UNLINK) else ""})

    page = Page("portal/confirm/backup.html", home, _facts(request, account, offer, names))
    return confirm.answer(request, page, do, frame=account_pages.frame(account))


def _facts(
    request: HttpRequest, account: Account, offer: Offer | None, names: NameVisibility
) -> Mapping[str, object]:
    if offer is None:
        return {"account": account, "name": ""}
    token = offer.token
    own = token.consented_by_id == person(request).pk
    return {
        "account": account,
        "name": names.token(token, account),
        "asks": bool(
            backup_requests.asked_first({account.pk: offer}, {account.pk: account}, person(request))
        ),
        "role": offer.role,
        "may": publishes(offer),
        "read_on": day(timezone.localdate(offer.seen_at)),
        "mailed": token.kind == Token.Kind.PERSON and not own,
        "address": token.consented_by.email
        if token.consented_by and names.sees_token(token, account)
        else "",
    }


# --- many accounts ----------------------------------------------------------------------------------------------------


def _many(choose: bulk.Choose) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.require(request, permissions.ADD_BACKUP)
        chosen = choose(request)
        if not chosen.total:
            return bulk.none_chosen(request)
        best = _best(chosen.accounts)
        by_id = {one.pk: one for one in chosen.accounts}
        ask = backup_requests.asked_first(best, by_id, person(request))
        seen = "" if chosen.unread else _seen(best)
        page = Page(
            "portal/confirm/bulk_backup.html",
            bulk.back(request),
            {
                "count": chosen.total,
                "live": len(best),
                "many": chosen.unread > 0,
                "asked_first": len(ask),
                "people": len({offer.person for offer in best.values()}),
            },
            lines=_items(chosen.accounts, best, ask, names_for(request.user)),
            unread=chosen.unread,
            refused=""
            if best or chosen.unread
            else gettext("No log-in of a colleague is known to reach one of them."),
            seen=f"{seen}.{chosen.seen}",
        )

        def do(said: Said) -> Done:
            if said.seen.partition(".")[0] != seen:
                raise Late
            return bulk.start(request, BACKUP, chosen, said)

        return confirm.answer(request, page, do, frame=bulk.frame(request))

    return view


def _best(accounts: Sequence[Account]) -> dict[int, Offer]:
    """Return by account the best log-in that could be added, where one person carries it, or nobody, and it is not paused."""
    few = [one.pk for one in accounts if one.people_count <= 1 and one.paused_at is None]
    return {pk: found[0] for pk, found in backups.offers(account_ids=few).items()}


def _seen(best: Mapping[int, Offer]) -> str:
    """Return what is the same as long as the same would be added to the same accounts."""
    pairs = ",".join(f"{pk}:{offer.token.pk}" for pk, offer in sorted(best.items()))
    return sha256(pairs.encode()).hexdigest()[:16]


def _items(
    accounts: Sequence[Account], best: Mapping[int, Offer], ask: Collection[int], names: NameVisibility
) -> list[Item]:
    called = asking.labels(accounts)
    waiting = backup_requests.waiting_of(called)
    made = [
        _item(
            account,
            called[account.pk],
            best.get(account.pk),
            names,
            asks=account.pk in ask,
            was_asked=account.pk in waiting,
        )
        for account in accounts
    ]
    return sorted(made, key=lambda item: bool(item.skipped))


def _item(
    account: Account, called: str, offer: Offer | None, names: NameVisibility, *, asks: bool, was_asked: bool
) -> Item:
    if offer is not None:
        but = gettext("is asked first") if asks else ""
        return Item(called, names.token(offer.token, account), then=publishes(offer), but=but)
    why = asking.say(adding.why_not(account, {account.pk} if was_asked else ()))
    return Item(called, gettext("Nobody"), skipped=why)
