"""What staff do with accounts, one or many: GET shows who gets what and what is skipped and why, POST has it done.

The list leads here with what was chosen, the page of an account with that one, and the page of a job with what it changed, or what failed.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy, ngettext

from accounts.jobs import views as jobs
from accounts.jobs.models import CHECK, PAUSE, RESUME, Job, JobItem
from accounts.jobs.services import KINDS, Outcome
from accounts.models import Account
from accounts.pool.queries import account_labels
from portal import access
from ui import confirm
from ui.addresses import ids_of
from ui.confirm import SHOWN, ConfirmForm, ConfirmLine, Done, Late, Page, Said
from ui.errors import Refusal
from ui.name_visibility import NameVisibility
from users.models import User, person
from users.people.queries import names_for

MOST = 500  # accounts of which a page says exactly what becomes of each; of more it shows the first
NAMED = 500  # accounts that an address names


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
        """What a page carries that shows them, see `known_by`."""
        return known_by([one.pk for one in self.accounts] if self.across and not self.unread else ())

    @property
    def ids(self) -> QuerySet[Any, Any]:
        """Their ids, as a query."""
        return self.whole.values("pk")


Choose = Callable[[HttpRequest], Chosen]


@dataclass(frozen=True)
class Bulk:
    """One page over accounts: the kind of job that it begins, which names its address and template, and what happens to each account."""

    kind: str  # of job
    items: Callable[[Sequence[Account], User], Sequence[ConfirmLine]]
    nothing: Promise | str  # why there is no button, where nothing would be done
    ask_why: bool = True
    # None: it asks for nothing; it returns None where there is nothing to choose, and so nothing to do.
    form: Callable[[HttpRequest], Callable[..., ConfirmForm] | None] | None = None
    facts: Callable[[Chosen], Mapping[str, Any]] = lambda _chosen: {}  # what else the page says
    subject: str = ""  # the field of its form that chooses what the job is about


def address(kind: str) -> str:
    """Return the address of a page, without the accounts."""
    return reverse(f"admin:accounts_account_bulk_{kind}")


def lead_on(address: str, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse:
    """Lead from a list to the page that asks: the ids that are ticked, or the list's filters where all were chosen."""
    query = request.GET.copy()
    if request.POST.get("select_across") == "1":
        query["across"] = "1"
    else:
        query["ids"] = ",".join(str(pk) for pk in rows.order_by().values_list("pk", flat=True)[:NAMED])
    return HttpResponseRedirect(f"{address}?{query.urlencode()}")


def urls(chosen: Choose, pages: Sequence[Bulk]) -> list[URLPattern]:
    """Return the addresses of the pages."""
    return [
        path(
            f"bulk/{one.kind.replace('_', '-')}/",
            admin.site.admin_view(_view(chosen, one)),
            name=f"accounts_account_bulk_{one.kind}",
        )
        for one in pages
    ]


def wanted(request: HttpRequest) -> list[int]:
    """Return the ids that the address names: of a list's rows, or of the one account from whose page it leads here."""
    return ids_of([*request.GET.get("ids", "").split(","), request.GET.get("account", "")])


def filters_of(request: HttpRequest) -> QueryDict:
    """Return the list's filters in the address of a bulk page; none where a job named the accounts."""
    query = QueryDict(mutable=True) if "job" in request.GET else request.GET.copy()
    for key in ("ids", "across", "account"):
        query.pop(key, None)
    return query


def read(whole: QuerySet[Account], *, across: bool = False) -> Chosen:
    """Return the accounts of a query with how many they are."""
    return Chosen(whole, whole.count(), across)


def back(request: HttpRequest) -> str:
    """Return where one came from: the page of an account or of a job, or the list with its filters."""
    if account_id := _of_page(request):
        return reverse("admin:accounts_account_change", args=[account_id])
    if "job" in request.GET and (job := jobs.find_named_job(request)):
        return job.get_absolute_url()
    return _list(request)


def _list(request: HttpRequest) -> str:
    """Return the list with the filters that one came from."""
    query = filters_of(request)
    return reverse("admin:accounts_account_changelist") + (f"?{query.urlencode()}" if query else "")


def frame(request: HttpRequest, chosen: Chosen) -> Callable[[HttpRequest], dict[str, Any]]:
    """Return what the pages show around their content: the path leads to the list as one left it, or to the account."""
    one = of_page(request, chosen)
    return access.frame_of(one) if one else access.frame_of(Account, back(request))


def none_chosen(request: HttpRequest) -> HttpResponse:
    """Lead back to the list, and say that the address names no account, or that none of those matches any longer that the page showed.

    Sent twice, it leads to what the first did: those accounts may match no longer because of it.
    """
    known = jobs.find_asked_job(request)
    if known is not None:
        return HttpResponseRedirect(known.get_absolute_url())
    gone = gettext("Nothing was done: none of these accounts matches any longer.")
    messages.warning(request, gone if request.method == "POST" else gettext("No account was chosen."))
    return HttpResponseRedirect(back(request))


def known_by(ids: Sequence[int], mark: str = "") -> str:
    """Return what a page that asks about all that match carries: what it shows, by id, so that nothing is done to what matches only since,
    or nothing where that is too much; and what it is known by, so that it is done once, however often it is sent. `mark`: before ids that
    are not those of accounts.
    """
    return f"{mark}{'-'.join(map(str, ids if len(ids) <= MOST else ()))}.{secrets.token_hex(8)}"


def shown(request: HttpRequest, mark: str = "") -> list[int] | None:
    """Return the ids (with this `mark`) that the page showed that was sent; None where it carries none."""
    sent = request.POST.get("seen", "").rpartition(".")[0]
    found = re.fullmatch(rf"{mark}([0-9]{{1,18}}(?:-[0-9]{{1,18}})*)", sent)
    return [int(pk) for pk in found[1].split("-")] if found else None


def _start(request: HttpRequest, kind: str, chosen: Chosen, said: Said, subject_id: int) -> Done:
    """Have it done to the chosen accounts, and lead to the page that says what came of it.

    From the page of an account it leads back there, and says what came of that one. Raises OnHold, and Late where somebody was faster.
    """
    job = jobs.begin_job(
        request,
        kind,
        chosen.ids,
        once=said.seen.rpartition(".")[2],
        note=said.note,
        subject_id=subject_id,
        options={"back": _list(request)},
    )
    one = job.items.first() if _of_page(request) else None
    return Done(nothing=True, after=job.get_absolute_url()) if one is None else _of_one(request, job, one)


def of_page(request: HttpRequest, chosen: Chosen) -> Account | None:
    """Return the account from whose page one came; None where one came from elsewhere."""
    return chosen.accounts[0] if _of_page(request) else None


def _of_page(request: HttpRequest) -> int:
    """Return the id of the account from whose page one came; 0 where one came from elsewhere."""
    return next(iter(wanted(request)), 0) if request.GET.get("account") else 0


def _of_one(request: HttpRequest, job: Job, item: JobItem) -> Done:
    """Return what came of the one account from whose page one came. Raises Late."""
    if item.outcome == Outcome.SKIPPED:
        raise Late
    sees = Account.objects.visible_to(request.user).filter(pk=item.key).exists()
    after = "" if sees else _list(request)
    if item.outcome == Outcome.FAILED:
        return Done(nothing=True, failures=[item.said()], after=after)
    facts = {"why": item.why, "who": item.facts.get("who", ""), "team": jobs.names_in_titles([job])[job.pk]}
    return Done({**facts, "was": item.facts.get("team", "")}, after=after)


def _view(choose: Choose, one: Bulk) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.require(request, KINDS[one.kind].permission)
        chosen = choose(request)
        if not chosen.total:
            return none_chosen(request)
        items = one.items(chosen.accounts, person(request))
        live = chosen.total if chosen.unread else sum(not item.skipped for item in items)
        form = one.form(request) if one.form else ConfirmForm
        possible = bool(form) and live > 0
        page = Page(
            f"portal/confirm/bulk_{one.kind}.html",
            back(request),
            {
                "count": chosen.total,
                "live": live,
                "many": chosen.unread > 0,
                "one": of_page(request, chosen),
                **one.facts(chosen),
            },
            lines=items,
            unread=chosen.unread,
            refused="" if possible else str(one.nothing),
            ask_why=one.ask_why,
            seen=chosen.seen,
            form=form or ConfirmForm,
        )

        def do(said: Said) -> Done:
            if form is None:
                raise Refusal(page.refused)
            subject_id = said.cleaned[one.subject].pk if one.subject else 0
            return _start(request, one.kind, chosen, said, subject_id)

        return confirm.answer(request, page, do, frame=frame(request, chosen))

    return view


def plain_lines(accounts: Sequence[Account], _viewer: User) -> list[ConfirmLine]:
    """Return a line for each account: its name, its channel and id."""
    return [ConfirmLine(one.name, f"{one.get_channel_display()} · {one.native_id}") for one in accounts]


# --- check now: the tokens become due at once, and the sweep asks within a minute ---------------------------------------------


def _checks(accounts: Sequence[Account], _viewer: User) -> list[ConfirmLine]:
    called = account_labels(accounts)
    return [_check(account, called[account.pk]) for account in accounts]


def _check(account: Account, called: str) -> ConfirmLine:
    tokens = len(account.pool.all())
    if not tokens:
        return ConfirmLine(called, gettext("No token"), skipped=gettext("nobody has linked it yet"))
    return ConfirmLine(called, ngettext("%(number)s token", "%(number)s tokens", tokens) % {"number": tokens})


# --- pause --------------------------------------------------------------------------------------------------------------------


def _pauses(accounts: Sequence[Account], _viewer: User) -> list[ConfirmLine]:
    called = account_labels(accounts)
    already = gettext("paused already")
    return [
        ConfirmLine(called[one.pk], one.get_state_display(), skipped=already if one.paused_at else "")
        for one in accounts
    ]


def _resumes(accounts: Sequence[Account], viewer: User) -> list[ConfirmLine]:
    called, names = account_labels(accounts), names_for(viewer)
    return [_resume(one, called[one.pk], names) for one in accounts]


def _resume(account: Account, called: str, names: NameVisibility) -> ConfirmLine:
    if not account.is_paused:
        return ConfirmLine(called, account.get_state_display(), skipped=gettext("not paused"))
    who, why = names.user(account.paused_by), account.why_paused
    text = gettext("Paused by %(who)s: %(why)s") if why else gettext("Paused by %(who)s")
    return ConfirmLine(called, text % {"who": who, "why": why} if who else account.get_state_display())


BULKS = (
    Bulk(CHECK, _checks, gettext_lazy("There is nothing to check."), ask_why=False),
    Bulk(PAUSE, _pauses, gettext_lazy("All of them are paused already.")),
    Bulk(RESUME, _resumes, gettext_lazy("None of them is paused.")),
)
