"""A job: how far it is, what came of each of its things with what was there before, and the ways to change that back, or to try again."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.paginator import Paginator
from django.db.models import Count, Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_GET

from accounts.imports import tables
from accounts.jobs import tasks
from accounts.jobs.models import (
    APPLY_MACRO,
    BACKUP,
    CHECK,
    IMPORT,
    MOVE,
    OFFBOARD,
    PAUSE,
    REMOVE_MACRO,
    RESUME,
    WORDS,
    Job,
    JobItem,
    say,
)
from accounts.jobs.services import KINDS, Outcome
from accounts.models import Account, ImportFileLine
from macros.models import Macro
from portal import access
from ui import progress
from ui.addresses import id_of
from ui.confirm import Late
from ui.phrases import blocks
from users.installation import hold
from users.models import Team, User, person
from users.people.queries import names_for

ON_A_PAGE = 100
# Icon and tone of an outcome.
LOOKS = {
    Outcome.DONE: ("check_circle", "good"),
    Outcome.SKIPPED: ("block", "mute"),
    Outcome.FAILED: ("cancel", "bad"),
}
# What has a page that does it again for what failed, and what changes it back: both as the list's action.
AGAIN = {PAUSE, RESUME, MOVE, CHECK, BACKUP, APPLY_MACRO, REMOVE_MACRO}
BACK = {PAUSE: RESUME, RESUME: PAUSE, MOVE: MOVE, APPLY_MACRO: REMOVE_MACRO, REMOVE_MACRO: APPLY_MACRO}
# What a job's title names, by its kind, and what it says where that is gone.
_NAMED: Mapping[str, tuple[type[Model], Any]] = {
    APPLY_MACRO: (Macro, gettext_lazy("a deleted macro")),
    REMOVE_MACRO: (Macro, gettext_lazy("a deleted macro")),
    MOVE: (Team, gettext_lazy("a deleted team")),
    OFFBOARD: (User, gettext_lazy("a deleted person")),
}


@dataclass(frozen=True)
class Line:
    """One thing of the result."""

    name: str
    url: str
    about: str  # channel and id
    label: str
    icon: str
    tone: str
    why: str


def urls() -> list[URLPattern]:
    """Return the address of a job's page."""
    view = admin.site.admin_view(require_GET(show))
    return [path("jobs/<int:job_id>/", view, name="accounts_account_job")]


def begin_job(request: HttpRequest, kind: str, keys: Sequence[int] | QuerySet[Any, Any], **facts: Any) -> Job:
    """Have it done to these things; a small job is done by then. `facts`: as `services.start_job` takes them.

    Raises Late where somebody else has begun it, OnHold where nothing is done.
    """
    user = person(request)
    job, is_new = tasks.begin(user=user, kind=kind, keys=keys, **facts)
    if not is_new and job.user_id != user.pk:
        raise Late
    return job


def find_asked_job(request: HttpRequest) -> Job | None:
    """Return the job that the page began that is sent, where it is sent once more."""
    once = request.POST.get("seen", "").rpartition(".")[2]
    return Job.objects.filter(user=person(request), once=once).first() if once else None


def find_named_job(request: HttpRequest) -> Job | None:
    """Return the job that an address names, as far as the person may open its page."""
    return Job.objects.visible_to(person(request)).filter(pk=id_of(request.GET.get("job", ""))).first()


def chosen_ids(request: HttpRequest) -> QuerySet[Any, Any]:
    """Return the ids of the things of the job that an address names: what was done, of a move from one team, or what failed."""
    job = find_named_job(request)
    items = JobItem.objects.filter(job=job)
    items = items.failed() if "failed" in request.GET else items.done()
    if job is not None and job.kind == MOVE and "failed" not in request.GET:
        items = items.filter(facts__team=id_of(request.GET.get("team", "")))
    return items.values("key")


def show(request: HttpRequest, job_id: int) -> HttpResponse:
    """Show how far a job is, and what came of it, to whoever asked for it or sees all teams. 404 for others."""
    access.require(request)
    viewer = person(request)
    job = Job.objects.visible_to(viewer).filter(pk=job_id).select_related("user").first()
    if job is None:
        raise Http404(gettext("There is no such page. What was done to many is told for a day."))
    name = names_in_titles([job])[job.pk]
    back_url, back_label, frame = _around(job, name)
    access.stand_at(request, back_url)
    going, mine = job.is_going, job.user_id == viewer.pk
    rows = job.items.alias(failed=Q(outcome=Outcome.FAILED)).order_by("-failed", "-outcome", "place")
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("p"))
    context = {
        **frame(request),
        "title": _title(job.kind, job.total, name),
        "name": name,
        "job": job,
        "by": "" if mine else names_for(viewer).user(job.user),
        "going": going,
        "on_hold": going and hold.current() is not None,
        "stopped": job.state == Job.State.FAILED,
        "far": job.how_far(),
        "came_of_it": job.came_of_it(),
        "lines": _LINES.get(job.kind, _of_accounts)(request, list(page.object_list)),
        "page": page,
        "again_url": _again(job) if mine and not going and job.failed else "",
        "back_again": _back_again(request, job, name) if not going and job.acted else [],
        "back_url": back_url,
        "back_label": back_label,
    }
    template = "portal/job_offboard.html" if job.is_offboarding else "portal/job.html"
    answer = TemplateResponse(request, template, context)
    return progress.open_again(answer) if going else answer


def job_titles(found: Collection[Job]) -> dict[int, str]:
    """Return by job (ids) what was asked for, in words."""
    names = names_in_titles(found)
    return {job.pk: _title(job.kind, job.total, names[job.pk]) for job in found}


def names_in_titles(found: Collection[Job]) -> dict[int, str]:
    """Return by job (ids) the macro, team or person that its title names; "" where it names none."""
    ids = defaultdict[type[Model], set[int]](set)
    for one in found:
        if what := _NAMED.get(one.kind):
            ids[what[0]].add(one.subject_id)
    rows = {model: model._default_manager.in_bulk(some) for model, some in ids.items()}  # noqa: SLF001  # Django documents it
    return {
        one.pk: str(rows[what[0]].get(one.subject_id, what[1])) if (what := _NAMED.get(one.kind)) else ""
        for one in found
    }


def _title(kind: str, total: int, name: str) -> str:
    return say(f"title_{kind}", total=total, shown=intcomma(total), name=name)


def _around(job: Job, name: str) -> tuple[str, str, Callable[[HttpRequest], dict[str, Any]]]:
    """Return the page that a job's leads back to, what that is called, and what is shown around it."""
    if not job.is_offboarding:  # the list as the person left it
        back = str(job.options.get("back") or reverse("admin:accounts_account_changelist"))
        return back, gettext("Social Accounts"), access.frame_of(Account, back)
    return reverse("admin:users_user_change", args=[job.subject_id]), name, access.frame_of(User)


def _again(job: Job) -> str:
    """Return the page that does the same to what failed; "" where there is none."""
    if job.kind not in AGAIN:
        return ""
    return _page(job.kind, job=job.pk, failed=1, **_subject(job, job.kind))


def _back_again(request: HttpRequest, job: Job, name: str) -> list[dict[str, str]]:
    """Return the pages that change back what was done, with their names, as far as the viewer may: of a move, one for each former team."""
    kind = BACK.get(job.kind)
    if kind is None or not KINDS[kind].allows(person(request)):
        return []
    if kind != MOVE:
        url = _page(kind, job=job.pk, **_subject(job, kind))
        return [{"label": _title(kind, job.acted, name), "url": url}]
    done = job.items.done().values("facts__team").annotate(number=Count("pk"))
    numbers = dict(done.order_by("facts__team").values_list("facts__team", "number"))
    teams = Team.objects.in_bulk(list(numbers))
    return [
        {"label": _title(kind, numbers[pk], team.name), "url": _page(MOVE, job=job.pk, team=pk)}
        for pk, team in teams.items()
    ]


def _subject(job: Job, kind: str) -> dict[str, int]:
    """Return what the form of the page is to propose: the team, or the macro, that it was done with."""
    if kind in {APPLY_MACRO, REMOVE_MACRO}:
        return {"macro": job.subject_id}
    return {"team": job.subject_id} if kind == MOVE else {}


def _page(kind: str, **query: int) -> str:
    return f"{reverse(f'admin:accounts_account_bulk_{kind}')}?{urlencode(query)}"


# --- the lines of the result ------------------------------------------------------------------------------------------


def _of_accounts(request: HttpRequest, rows: Sequence[JobItem]) -> list[Line]:
    """Return the rows of a page; an account that the viewer no longer sees has no name."""
    seen = Account.objects.visible_to(request.user).in_bulk([row.key for row in rows])
    return [_line(row, seen.get(row.key)) for row in rows]


def _line(row: JobItem, account: Account | None, words: str = WORDS) -> Line:
    outcome = Outcome(row.outcome)
    icon, tone = LOOKS[outcome]
    if "state" in row.facts:  # said in the viewer's language
        row.facts = {**row.facts, "was": str(Account.State(row.facts["state"]).label)}
    return Line(
        name=account.name if account else gettext("An account that you do not see"),
        url=reverse("admin:accounts_account_change", args=[account.pk]) if account else "",
        about=f"{account.get_channel_display()} · {account.native_id}" if account else "",
        label=str(outcome.label),
        icon=icon,
        tone=tone,
        why=row.said(words) if account else "",
    )


def _of_file(request: HttpRequest, rows: Sequence[JobItem]) -> list[Line]:
    """Return the rows of an import: lines of a file, whose accounts may not be there yet."""
    kept = ImportFileLine.objects.in_bulk([row.key for row in rows])
    ids = [line.account_id for line in kept.values() if line.account_id]
    seen = Account.objects.visible_to(request.user).in_bulk(ids)
    return [_line_of_file(row, kept.get(row.key), seen) for row in rows]


def _line_of_file(row: JobItem, line: ImportFileLine | None, seen: Mapping[int, Account]) -> Line:
    account = seen.get(line.account_id or 0) if line else None
    words = tables.WORDS if row.why in blocks(tables.WORDS) else WORDS
    about = filter(None, [say("line", number=line.number), line.called]) if line else ()
    return dataclasses.replace(
        _line(row, account, words),
        name=account.name if account else line.name if line else gettext("A line that is no longer stored"),
        about=" · ".join(about),
        why=row.said(words),
    )


_LINES: Mapping[str, Callable[[HttpRequest, Sequence[JobItem]], list[Line]]] = {
    IMPORT: _of_file,
    OFFBOARD: lambda _request, _rows: [],  # steps, of which nobody knows
}
