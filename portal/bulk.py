"""Deeds on many accounts: the list leads here, GET shows who gets what and what is skipped and why, POST acts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import actions, checking
from accounts.models import Account
from accounts.name_visibility import Names
from portal import access, asking
from portal.bulk_items import Job, labels, lines, live, number, run
from ui import confirm
from ui.confirm import ConfirmForm, Page
from users.models import User

MOST = 500  # accounts at once
# Which accounts the address of a bulk page names, at most MOST, and how many more there are. Only visible ones.
Choose = Callable[[HttpRequest], tuple[list[Account], int]]


@dataclass(frozen=True)
class Bulk:
    """A bulk deed."""

    slug: str
    permission: str
    jobs: Callable[[Sequence[Account], Names, datetime], list[Job]]
    page: Callable[[int, Sequence[Job]], Page]
    done: Callable[[int], str]


def lead_to(slug: str, request: HttpRequest, accounts: QuerySet[Account]) -> HttpResponse:
    """Lead from the list to the confirm page: the ids that are ticked, or the list's filters where all were chosen."""
    query = request.GET.copy()
    if request.POST.get("select_across") == "1":
        query["across"] = "1"
    else:
        query["ids"] = ",".join(str(pk) for pk in accounts.order_by().values_list("pk", flat=True)[:MOST])
    return HttpResponseRedirect(f"{reverse(f'admin:accounts_account_bulk_{slug}')}?{query.urlencode()}")


def urls(chosen: Choose) -> list[URLPattern]:
    """Return the addresses of the bulk pages."""
    return [
        path(
            f"bulk/{bulk.slug}/",
            admin.site.admin_view(_view(chosen, bulk)),
            name=f"accounts_account_bulk_{bulk.slug}",
        )
        for bulk in BULKS
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


def _view(chosen: Choose, bulk: Bulk) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.demand(request, bulk.permission)
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        accounts, more = chosen(request)
        if not accounts:
            messages.warning(request, "No account was chosen.")
            return HttpResponseRedirect(back(request))
        jobs = bulk.jobs(accounts, Names(request.user), timezone.now())
        form = ConfirmForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            run(request, jobs, form.cleaned_data["note"], done=bulk.done)
            return HttpResponseRedirect(back(request))
        page = with_rest(bulk.page(len(accounts), jobs), more)
        context = {**access.frame(request), "account": None}
        return confirm.show(request, page, context=context, back=back(request))

    return view


def with_rest(page: Page, more: int) -> Page:
    """Return the page, which says so where more were chosen than are taken at once."""
    if not more:
        return page
    return replace(
        page,
        warning=f"Only the first {MOST} accounts are taken.",
        warning_text="Narrow the list by filters for the others.",
    )


# --- check now: the tokens become due at once, and the sweep asks within a minute ---------------------------------------------


def _check_jobs(accounts: Sequence[Account], _names: Names, _now: datetime) -> list[Job]:
    called = labels(accounts)
    return [_check_job(account, called[account.pk]) for account in accounts]


def _check_job(account: Account, called: str) -> Job:
    ids = [entry.token_id for entry in account.pool.all()]

    def run(_by: User, _note: str, now: datetime) -> None:
        checking.ask(token_ids=ids, now=now, at_once=False)

    held = number(len(ids), "token") if ids else "no token"
    return Job(called, held, "" if ids else "nobody has linked it yet", run)


def _check_page(_count: int, jobs: Sequence[Job]) -> Page:
    return Page(
        question=f"Check {number(live(jobs), 'account')} now?",
        lead="Each channel is asked about every token of these accounts. The results appear within minutes.",
        button=f"Check {number(live(jobs), 'account')}",
        people=lines(jobs, "now"),
        columns=("Account", "Tokens", "Check"),
        ask_why=False,
        refused="" if live(jobs) else "There is nothing to check.",
    )


# --- pause --------------------------------------------------------------------------------------------------------------------


def _pause_jobs(accounts: Sequence[Account], _names: Names, _now: datetime) -> list[Job]:
    called = labels(accounts)
    return [_pause_job(account, called[account.pk]) for account in accounts]


def _pause_job(account: Account, called: str) -> Job:
    def run(by: User, note: str, now: datetime) -> None:
        actions.pause(account=account, actor=by, note=note, now=now)

    return Job(called, account.get_state_display(), "paused already" if account.paused_at else "", run)


def _pause_page(_count: int, jobs: Sequence[Job]) -> Page:
    there = live(jobs)
    return Page(
        question=f"Pause {number(there, 'account')}?",
        lead="On purpose, by staff. Nothing is served and nobody is warned until somebody resumes them, one by one.",
        button=f"Pause {number(there, 'account')}",
        people=lines(jobs, "paused"),
        columns=("Account", "Now", "Then"),
        refused="" if there else "All of them are paused already.",
    )


BULKS: Sequence[Bulk] = (
    Bulk("ask", "tokens.ask_token", asking.needed, asking.page, asking.mails_on_the_way),
    Bulk("check", "tokens.probe_token", _check_jobs, _check_page, lambda n: f"{number(n, 'account')} checked within minutes."),
    Bulk("pause", "accounts.pause_account", _pause_jobs, _pause_page, lambda n: f"{number(n, 'account')} paused."),
)  # fmt: skip
