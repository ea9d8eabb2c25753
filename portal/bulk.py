"""What staff do with many accounts: the list leads here, GET shows who gets what and what is skipped and why, POST has a worker do it."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy, ngettext

from accounts import deed_kinds, permissions
from accounts.many import asking as people
from accounts.models import Account
from portal import access, as_read, asking, bulk_deeds
from ui import bulk, confirm
from ui.bulk import Item
from ui.confirm import SHOWN, Done, Page, Said
from ui.name_visibility import NameVisibility
from users.models import User, person
from users.visibility import names_for

MOST = 500  # accounts of which a page says exactly what becomes of each; of more it shows the first
NAMED = 500  # accounts that an address names
ACCOUNTS = "accounts"  # what these pages show, see `as_read`


@dataclass(frozen=True)
class Chosen:
    """The accounts that the address of a bulk page names: only visible ones."""

    whole: QuerySet[Account]  # all of them, in order
    total: int
    across: bool = False  # all that match a list's filters, and not those that were ticked

    @cached_property
    def accounts(self) -> Sequence[Account]:
        """Those that a page shows, with their pools: all of them up to MOST, else the first. Read where a page asks for them."""
        return list(self.whole[: self.total - self.unread])

    @property
    def unread(self) -> int:
        """How many there are beside those."""
        return self.total - SHOWN if self.total > MOST else 0

    @property
    def seen(self) -> str:
        """What a page carries that shows them: which they are, or how many, and what it is known by."""
        ids = None if self.unread else [one.pk for one in self.accounts]
        return f"{as_read.mark(ACCOUNTS, ids, self.total)}.{nonce()}" if self.across else nonce()

    @property
    def ids(self) -> QuerySet[Any, Any]:
        """Their ids, as a query."""
        return self.whole.values("pk")


Choose = Callable[[HttpRequest], Chosen]


@dataclass(frozen=True)
class Bulk:
    """One page over many accounts: its address, its permission, what happens to each account or person."""

    slug: str
    kind: str  # of deed
    permission: str
    items: Callable[[Sequence[Account], User, NameVisibility, datetime], list[Item]]
    nothing: Promise  # why there is no button, where nothing would be done
    ask_why: bool = True


def lead_to(slug: str, request: HttpRequest, accounts: QuerySet[Account]) -> HttpResponse:
    """Lead from the list to the page that asks: the ids that are ticked, or the list's filters where all were chosen."""
    return lead_on(reverse(f"admin:accounts_account_bulk_{slug}"), request, accounts)


def lead_on(address: str, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse:
    """Lead from any list to the page at this address, which is told the same."""
    query = request.GET.copy()
    if request.POST.get("select_across") == "1":
        query["across"] = "1"
    else:
        query["ids"] = ",".join(str(pk) for pk in rows.order_by().values_list("pk", flat=True)[:NAMED])
    return HttpResponseRedirect(f"{address}?{query.urlencode()}")


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


def read(whole: QuerySet[Account], *, across: bool = False) -> Chosen:
    """Return the accounts of a query with how many they are."""
    return Chosen(whole, whole.count(), across)


def nobody() -> Chosen:
    """Return the choice of no account."""
    return Chosen(Account.objects.none(), 0)


def back(request: HttpRequest) -> str:
    """Return the list with the filters that one came from."""
    query = filters_of(request)
    return reverse("admin:accounts_account_changelist") + (f"?{query.urlencode()}" if query else "")


def frame(request: HttpRequest) -> Callable[[HttpRequest], dict[str, Any]]:
    """Return what pages about many accounts show around their content: the path leads to the list as one left it."""
    return access.frame_of(Account, back(request))


def none_chosen(request: HttpRequest) -> HttpResponse:
    """Lead back to the list, and say that the address names no account, or that none of those matches any longer that the page showed.

    Sent twice, it leads to what the first did: those accounts may match no longer because of it.
    """
    known = bulk_deeds.asked_already(request)
    if known is not None:
        return HttpResponseRedirect(bulk_deeds.address(known))
    gone = gettext("Nothing was done: none of these accounts matches any longer.")
    messages.warning(request, gone if request.method == "POST" else gettext("No account was chosen."))
    return HttpResponseRedirect(back(request))


def nonce() -> str:
    """Return what a page that asks is known by, so that it is done once, however often it is sent."""
    return secrets.token_hex(8)


def start(
    request: HttpRequest,
    kind: str,
    chosen: Chosen,
    said: Said,
    *,
    subject_id: int = 0,
    options: Mapping[str, object] | None = None,
) -> Done:
    """Have a worker do it to the chosen accounts, and lead to the page that says how far it is; or ask again. Raises OnHold."""
    known = bulk_deeds.asked_already(request)
    if known is not None:
        return Done(nothing=True, after=bulk_deeds.address(known))
    if chosen.across and as_read.has_grown(request, ACCOUNTS, chosen.total):
        return as_read.read_again(request)
    more = {**(options or {}), "back": back(request)}
    return bulk_deeds.start(request, kind, chosen.ids, said, subject_id=subject_id, options=more)


def _view(choose: Choose, one: Bulk) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.require(request, one.permission)
        chosen = choose(request)
        if not chosen.total:
            return none_chosen(request)
        items = one.items(chosen.accounts, person(request), names_for(request.user), timezone.now())
        live = chosen.total if chosen.unread else bulk.live(items)
        again = [item.who for item in items if item.again]
        page = Page(
            f"portal/confirm/bulk_{one.slug}.html",
            back(request),
            {"count": chosen.total, "live": live, "again": again, "many": chosen.unread > 0},
            lines=items,
            unread=chosen.unread,
            refused="" if live or again or chosen.unread else str(one.nothing),
            again=bool(again) or (chosen.unread > 0 and one.kind == deed_kinds.ASK),
            ask_why=one.ask_why,
            seen=chosen.seen,
        )

        def do(said: Said) -> Done:
            return start(request, one.kind, chosen, said, options={people.AGAIN: said.again})

        return confirm.answer(request, page, do, frame=frame(request))

    return view


# --- check now: the tokens become due at once, and the sweep asks within a minute ---------------------------------------------


def _checks(accounts: Sequence[Account], _by: User, _names: NameVisibility, _now: datetime) -> list[Item]:
    called = asking.labels(accounts)
    return [_check(account, called[account.pk]) for account in accounts]


def _check(account: Account, called: str) -> Item:
    tokens = len(account.pool.all())
    if not tokens:
        return Item(called, gettext("No token"), skipped=gettext("nobody has linked it yet"))
    return Item(called, ngettext("%(number)s token", "%(number)s tokens", tokens) % {"number": tokens})


# --- pause --------------------------------------------------------------------------------------------------------------------


def _pauses(accounts: Sequence[Account], _by: User, _names: NameVisibility, _now: datetime) -> list[Item]:
    called = asking.labels(accounts)
    already = gettext("paused already")
    return [
        Item(called[one.pk], one.get_state_display(), skipped=already if one.paused_at else "")
        for one in accounts
    ]


def _resumes(accounts: Sequence[Account], _by: User, names: NameVisibility, _now: datetime) -> list[Item]:
    called = asking.labels(accounts)
    return [_resume(one, called[one.pk], names) for one in accounts]


def _resume(account: Account, called: str, names: NameVisibility) -> Item:
    if account.paused_at is None:
        return Item(called, account.get_state_display(), skipped=gettext("not paused"))
    who, why = names.user(account.paused_by), account.pause_note
    text = gettext("Paused by %(who)s: %(why)s") if why else gettext("Paused by %(who)s")
    return Item(called, text % {"who": who, "why": why} if who else account.get_state_display())


BULKS = (
    Bulk("ask", deed_kinds.ASK, "tokens.ask_token", asking.needed, asking.NOBODY),
    Bulk(
        "check",
        deed_kinds.CHECK,
        "tokens.probe_token",
        _checks,
        gettext_lazy("There is nothing to check."),
        ask_why=False,
    ),
    Bulk(
        "pause", deed_kinds.PAUSE, permissions.PAUSE, _pauses, gettext_lazy("All of them are paused already.")
    ),
    Bulk("resume", deed_kinds.RESUME, permissions.RESUME, _resumes, gettext_lazy("None of them is paused.")),
)
