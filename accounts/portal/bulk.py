"""Deeds on many accounts: the list leads here, GET shows who gets what and what is skipped and why, POST acts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import deeds, faces, selection
from accounts.errors import DeedRefused
from accounts.forms import ConfirmForm
from accounts.models import Account, AccountToken
from accounts.names import Names
from accounts.portal import access, confirm
from accounts.portal.confirm import Page
from tokens.models import Token, TokenEvent
from users.models import User, person

if TYPE_CHECKING:
    from accounts.admin import AccountAdmin

MOST = 500  # accounts at once
SHOWN = 100  # lines on the page


@dataclass(frozen=True)
class Job:
    """One thing that will be done, or is skipped with a reason."""

    who: str
    what: str
    skipped: str
    run: Callable[[User, str, datetime], None]
    again: bool = False  # a tick on the page does it all the same


@dataclass(frozen=True)
class Bulk:
    """A bulk deed."""

    slug: str
    permission: str
    jobs: Callable[[Sequence[Account], Names, datetime], list[Job]]
    page: Callable[[int, list[Job]], Page]
    done: Callable[[int], str]


def lead_to(slug: str, request: HttpRequest, accounts: QuerySet[Account]) -> HttpResponse:
    """Lead from the list to the confirm page: the ids that are ticked, or the list's filters where all were chosen."""
    query = request.GET.copy()
    if request.POST.get("select_across") == "1":
        query["across"] = "1"
    else:
        query["ids"] = ",".join(str(pk) for pk in accounts.order_by().values_list("pk", flat=True)[:MOST])
    return HttpResponseRedirect(f"{reverse(f'admin:accounts_account_bulk_{slug}')}?{query.urlencode()}")


def urls(model_admin: "AccountAdmin") -> list[URLPattern]:
    """Return the addresses of the bulk pages."""
    return [
        path(
            f"bulk/{bulk.slug}/",
            model_admin.admin_site.admin_view(_view(model_admin, bulk)),
            name=f"accounts_account_bulk_{bulk.slug}",
        )
        for bulk in BULKS
    ]


def chosen(model_admin: "AccountAdmin", request: HttpRequest) -> tuple[list[Account], int]:
    """Return the accounts that the address names, at most MOST, and how many more there are. Only visible ones."""
    ids = request.GET.get("ids", "")
    if "across" in request.GET:
        accounts = _matching(model_admin, request)
    else:
        wanted = [int(pk) for pk in ids.split(",") if pk.isascii() and pk.isdigit() and len(pk) < 19]
        accounts = model_admin.get_queryset(request).filter(pk__in=wanted).order_by("name", "pk")
    found = list(accounts[: MOST + 1])
    return found[:MOST], max(0, len(found) - MOST)


def _matching(model_admin: "AccountAdmin", request: HttpRequest) -> QuerySet[Account]:
    """Return what the list shows with the filters of this address."""
    query = request.GET.copy()
    query.pop("across", None)
    query.pop("ids", None)
    kept, request.GET = request.GET, query  # type: ignore[assignment]  # a change list reads the request's own filters
    try:
        found: QuerySet[Account] = model_admin.get_changelist_instance(request).get_queryset(request)
    except IncorrectLookupParameters:
        found = Account.objects.none()
    finally:
        request.GET = kept
    return found


def back(request: HttpRequest) -> str:
    """Return the list with the filters that one came from."""
    query = request.GET.copy()
    for key in ("ids", "across"):
        query.pop(key, None)
    return reverse("admin:accounts_account_changelist") + (f"?{query.urlencode()}" if query else "")


def _view(model_admin: "AccountAdmin", bulk: Bulk) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.demand(request, bulk.permission)
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        accounts, more = chosen(model_admin, request)
        if not accounts:
            messages.warning(request, "No account was chosen.")
            return HttpResponseRedirect(back(request))
        jobs = bulk.jobs(accounts, Names(request.user), timezone.now())
        form = ConfirmForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            run(request, jobs, form.cleaned_data["note"], done=bulk.done)
            return HttpResponseRedirect(back(request))
        page = _with_rest(bulk.page(len(accounts), jobs), more)
        context = {**model_admin.admin_site.each_context(request), "account": None}
        return confirm.show(request, page, context=context, back=back(request))

    return view


def _with_rest(page: Page, more: int) -> Page:
    if not more:
        return page
    return Page(
        **{
            **page.__dict__,
            "warning": f"Only the first {MOST} accounts are taken.",
            "warning_text": "Narrow the list by filters for the others.",
        }
    )


def run(request: HttpRequest, jobs: list[Job], note: str, *, done: Callable[[int], str]) -> None:
    """Do what is not skipped, one by one; one that fails stops no other. Say one count, and what failed by name."""
    again, did, skipped = bool(request.POST.get("again")), 0, 0
    for job in jobs:
        if job.skipped and not (job.again and again):
            skipped += 1
            continue
        try:
            job.run(person(request), note, timezone.now())
        except DeedRefused as refusal:
            messages.error(request, f"{job.who}: {refusal}")
        else:
            did += 1
    text = done(did) + (f" {skipped} skipped." if skipped else "")
    messages.success(request, text) if did else messages.warning(request, text)


def lines(jobs: list[Job], does: str) -> list[tuple[str, str, str]]:
    """Return the page's lines: who, what, and what happens."""
    found = [(job.who, job.what, f"skipped: {job.skipped}" if job.skipped else does) for job in jobs[:SHOWN]]
    if len(jobs) > SHOWN:
        found.append((f"and {len(jobs) - SHOWN} more", "", ""))
    return found


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _live(jobs: list[Job]) -> int:
    return sum(not job.skipped for job in jobs)


# --- ask to re-authenticate: one mail per log-in, with all its accounts -----------------------------------------------------


def _needs(entry: AccountToken, now: datetime) -> bool:
    """Tell whether a new consent of this person would help the account: stopped, or ending within 30 days."""
    token = entry.token
    if token.state == Token.State.DEAD:
        return True
    return selection.living(entry) and token.deadline is not None and token.deadline - now <= faces.AT_RISK


def _ask_jobs(accounts: Sequence[Account], names: Names, now: datetime) -> list[Job]:
    wanted: dict[int, list[tuple[Account, AccountToken]]] = {}
    jobs = []
    for account in accounts:
        paused = account.paused_at is not None
        entries = [] if paused else [entry for entry in selection.in_order(account) if _needs(entry, now)]
        for entry in entries:
            wanted.setdefault(entry.token_id, []).append((account, entry))
        if not entries:
            why = _why_nobody(account, paused=paused)
            jobs.append(Job("Nobody", account.name, why, _nothing))
    return _asking(wanted, names, now) + jobs


def ask_everybody(entries: Sequence[tuple[Account, AccountToken]], names: Names, now: datetime) -> list[Job]:
    """Return one job per log-in, whether or not it ends soon."""
    wanted: dict[int, list[tuple[Account, AccountToken]]] = {}
    for account, entry in entries:
        wanted.setdefault(entry.token_id, []).append((account, entry))
    return _asking(wanted, names, now)


def _asking(wanted: dict[int, list[tuple[Account, AccountToken]]], names: Names, now: datetime) -> list[Job]:
    asked = _asked_today(list(wanted), now)
    jobs = [_ask_job(pairs, names, asked) for pairs in wanted.values()]
    return sorted(jobs, key=lambda job: bool(job.skipped))


def _why_nobody(account: Account, *, paused: bool) -> str:
    if paused:
        return "paused"
    return "nothing ends within 30 days" if account.pool.all() else "nobody has linked it yet"


def _asked_today(token_ids: list[int], now: datetime) -> dict[int, datetime]:
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    asks = TokenEvent.objects.filter(Q(token__in=token_ids), kind=TokenEvent.Kind.ASKED, at__gte=midnight)
    return dict(asks.order_by("at").values_list("token_id", "at"))


def _ask_job(found: list[tuple[Account, AccountToken]], names: Names, asked: dict[int, datetime]) -> Job:
    account, entry = found[0]
    token = entry.token
    at = asked.get(token.pk)
    if at is not None and at <= token.linked_at:
        at = None  # he has re-authenticated since
    refused = deeds.cannot_ask(token)
    skipped = refused or (f"asked today, {timezone.localtime(at):%H:%M}" if at else "")

    def run(by: User, note: str, now: datetime) -> None:
        deeds.ask_to_reauthenticate(account=account, token=token, actor=by, note=note, now=now)

    what = faces.join_names([one.name for one, _ in found])
    return Job(names.token(token, account), what, skipped, run, again=bool(at) and not refused)


def _ask_page(count: int, jobs: list[Job]) -> Page:
    live = _live(jobs)
    again = [job for job in jobs if job.again]
    people = len({job.who for job in jobs if not job.skipped})
    asks = f"Ask {people} {'person' if people == 1 else 'people'} to re-authenticate?"
    return Page(
        question=asks if live or again else "Nobody can be asked",
        lead=f"One mail per log-in, with all its accounts. {_number(count, 'account')} chosen.",
        button=f"Send {_number(live, 'mail')}",
        people=lines(jobs, "now"),
        columns=("Person", "Accounts", "Mail"),
        again=f"Send to {faces.join_names([job.who for job in again])} all the same" if again else "",
        refused="" if live or again else "Nobody is asked: see the reasons above.",
    )


# --- check now: the tokens become due at once, and the sweep asks within a minute ---------------------------------------------


def _check_jobs(accounts: Sequence[Account], _names: Names, _now: datetime) -> list[Job]:
    return [_check_job(account) for account in accounts]


def _check_job(account: Account) -> Job:
    ids = [entry.token_id for entry in account.pool.all()]

    def run(_by: User, _note: str, now: datetime) -> None:
        Token.objects.filter(pk__in=ids).update(due_at=now, due_for=Token.DueFor.PROBE)

    number = _number(len(ids), "token") if ids else "no token"
    return Job(account.name, number, "" if ids else "nobody has linked it yet", run)


def _check_page(_count: int, jobs: list[Job]) -> Page:
    return Page(
        question=f"Check {_number(_live(jobs), 'account')} now?",
        lead="Each channel is asked about every token of these accounts. The results appear within minutes.",
        button=f"Check {_number(_live(jobs), 'account')}",
        people=lines(jobs, "now"),
        columns=("Account", "Tokens", "Check"),
        ask_why=False,
        refused="" if _live(jobs) else "There is nothing to check.",
    )


# --- pause --------------------------------------------------------------------------------------------------------------------


def _pause_jobs(accounts: Sequence[Account], _names: Names, _now: datetime) -> list[Job]:
    return [_pause_job(account) for account in accounts]


def _pause_job(account: Account) -> Job:
    def run(by: User, note: str, now: datetime) -> None:
        deeds.pause(account=account, actor=by, note=note, now=now)

    return Job(account.name, account.get_state_display(), "paused already" if account.paused_at else "", run)


def _pause_page(_count: int, jobs: list[Job]) -> Page:
    live = _live(jobs)
    return Page(
        question=f"Pause {_number(live, 'account')}?",
        lead="On purpose, by staff. Nothing is served and nobody is warned until somebody resumes them, one by one.",
        button=f"Pause {_number(live, 'account')}",
        people=lines(jobs, "paused"),
        columns=("Account", "Now", "Then"),
        refused="" if live else "All of them are paused already.",
    )


def _nothing(_by: User, _note: str, _now: datetime) -> None:
    """Do nothing: the job is always skipped."""


def mails_on_the_way(count: int) -> str:
    """Return what to say after asking."""
    return f"{_number(count, 'mail')} on the way."


BULKS: Sequence[Bulk] = (
    Bulk("ask", "tokens.ask_token", _ask_jobs, _ask_page, mails_on_the_way),
    Bulk("check", "tokens.probe_token", _check_jobs, _check_page, lambda n: f"{_number(n, 'account')} checked within minutes."),
    Bulk("pause", "accounts.pause_account", _pause_jobs, _pause_page, lambda n: f"{_number(n, 'account')} paused."),
)  # fmt: skip
