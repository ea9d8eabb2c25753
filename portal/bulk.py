"""What staff do with many accounts: the list leads here, GET shows who gets what and what is skipped and why, POST acts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy, ngettext

from accounts import actions, checking, permissions
from accounts.models import Account
from portal import access, asking
from ui import bulk, confirm
from ui.bulk import Item
from ui.confirm import Page, Said
from ui.name_visibility import NameVisibility
from users.models import User, person
from users.visibility import names_for

MOST = 500  # accounts at once
# Which accounts the address of a bulk page names, at most MOST, and how many more there are. Only visible ones.
Choose = Callable[[HttpRequest], tuple[list[Account], int]]


@dataclass(frozen=True)
class Bulk:
    """One page over many accounts: its address, its permission, what happens to each account or person."""

    slug: str
    permission: str
    items: Callable[[Sequence[Account], User, NameVisibility, datetime], list[Item]]
    nothing: Promise  # why there is no button, where nothing would be done
    ask_why: bool = True


def lead_to(slug: str, request: HttpRequest, accounts: QuerySet[Account]) -> HttpResponse:
    """Lead from the list to the page that asks: the ids that are ticked, or the list's filters where all were chosen."""
    query = request.GET.copy()
    if request.POST.get("select_across") == "1":
        query["across"] = "1"
    else:
        query["ids"] = ",".join(str(pk) for pk in accounts.order_by().values_list("pk", flat=True)[:MOST])
    return HttpResponseRedirect(f"{reverse(f'admin:accounts_account_bulk_{slug}')}?{query.urlencode()}")


def urls(chosen: Choose) -> list[URLPattern]:
    """Return the addresses of the pages."""
    return [
        path(
            f"bulk/{one.slug}/",
            admin.site.admin_view(_view(chosen, one)),
            name=f"accounts_account_bulk_{one.slug}",
        )
        for one in BULKS
    ]


def wanted(request: HttpRequest) -> list[int]:
    """Return the ids that the address names."""
    ids = request.GET.get("ids", "").split(",")
    return [int(pk) for pk in ids if pk.isascii() and pk.isdigit() and len(pk) < 19]


def filters_of(request: HttpRequest) -> QueryDict:
    """Return the list's filters in the address of a bulk page."""
    query = request.GET.copy()
    for key in ("ids", "across"):
        query.pop(key, None)
    return query


def first(accounts: QuerySet[Account]) -> tuple[list[Account], int]:
    """Return at most MOST of the accounts, and how many more there are, as far as that is looked up."""
    found = list(accounts[: MOST + 1])
    return found[:MOST], max(0, len(found) - MOST)


def back(request: HttpRequest) -> str:
    """Return the list with the filters that one came from."""
    query = filters_of(request)
    return reverse("admin:accounts_account_changelist") + (f"?{query.urlencode()}" if query else "")


def frame(request: HttpRequest) -> Callable[[HttpRequest], dict[str, Any]]:
    """Return what pages about many accounts show around their content: the path leads to the list as one left it."""
    return access.frame_of(Account, back(request))


def none_chosen(request: HttpRequest) -> HttpResponse:
    """Lead back to the list, and say that the address names no account."""
    messages.warning(request, gettext("No account was chosen."))
    return HttpResponseRedirect(back(request))


def _view(chosen: Choose, one: Bulk) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.require(request, one.permission)
        accounts, more = chosen(request)
        if not accounts:
            return none_chosen(request)
        items = one.items(accounts, person(request), names_for(request.user), timezone.now())
        live, again = bulk.live(items), [item.who for item in items if item.again]
        page = Page(
            f"portal/confirm/bulk_{one.slug}.html",
            back(request),
            {"count": len(accounts), "live": live, "again": again, "most": MOST},
            lines=items,
            refused="" if live or again else str(one.nothing),
            again=bool(again),
            warns=more > 0,
            ask_why=one.ask_why,
        )
        return confirm.answer(request, page, lambda said: bulk.run(items, said), frame=frame(request))

    return view


# --- check now: the tokens become due at once, and the sweep asks within a minute ---------------------------------------------


def _checks(accounts: Sequence[Account], _by: User, _names: NameVisibility, _now: datetime) -> list[Item]:
    called = asking.labels(accounts)
    return [_check(account, called[account.pk]) for account in accounts]


def _check(account: Account, called: str) -> Item:
    ids = [entry.token_id for entry in account.pool.all()]

    def act(_said: Said) -> None:
        checking.ask(token_ids=ids, now=timezone.now(), at_once=False)

    if not ids:
        return Item(called, gettext("No token"), skipped=gettext("nobody has linked it yet"))
    count = ngettext("%(number)s token", "%(number)s tokens", len(ids)) % {"number": len(ids)}
    return Item(called, count, act=act)


# --- pause --------------------------------------------------------------------------------------------------------------------


def _pauses(accounts: Sequence[Account], by: User, _names: NameVisibility, _now: datetime) -> list[Item]:
    called = asking.labels(accounts)
    return [_pause(account, called[account.pk], by) for account in accounts]


def _pause(account: Account, called: str, by: User) -> Item:
    def act(said: Said) -> None:
        actions.pause(account=account, actor=by, note=said.note, now=timezone.now())

    skipped = gettext("paused already") if account.paused_at else ""
    return Item(called, account.get_state_display(), skipped=skipped, act=act)


BULKS = (
    Bulk("ask", "tokens.ask_token", asking.needed, asking.NOBODY),
    Bulk("check", "tokens.probe_token", _checks, gettext_lazy("There is nothing to check."), ask_why=False),
    Bulk("pause", permissions.PAUSE, _pauses, gettext_lazy("All of them are paused already.")),
)
