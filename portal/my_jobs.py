"""My jobs: the deeds on many and the exports that somebody asked for, so that whoever left the page of one finds it again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from accounts import deed_words, exporting, jobs, visible_deeds
from accounts.deed_kinds import ASK_PEOPLE_OF_APP, OFFBOARD
from accounts.job_models import Job
from accounts.models import Account, AccountExport, Deed
from portal import access, bulk_deeds, deeds
from tokens.models import ChannelApp
from ui import progress
from ui.counts import number
from ui.name_visibility import NameVisibility
from users.models import User, person
from users.visibility import names_for

ON_START = 5  # jobs that the start page names
# Icon and tone.
_GOING = ("sync", "mute")
_READY = ("check_circle", "good")
_PARTLY = ("warning", "warn")
_FAILED = ("cancel", "bad")
_UNDONE = ("history", "mute")


@dataclass(frozen=True)
class JobLine:
    """One job of the list."""

    title: str
    url: str
    about: str  # whom or what it is about, where the title does not say
    by: str
    at: datetime
    label: str
    icon: str
    tone: str
    why: str
    undo_url: str = ""
    file_url: str = ""


def urls() -> list[URLPattern]:
    """Return the address of the page."""
    return [path("jobs/", admin.site.admin_view(require_GET(show)), name="accounts_account_jobs")]


def show(request: HttpRequest) -> HttpResponse:
    """Show the jobs of the last day: one's own, and for whoever sees all teams those of everybody where the address says so."""
    access.require(request)
    viewer = person(request)
    everybody = viewer.sees_all_teams and "all" in request.GET
    found = visible_deeds.with_undos(visible_deeds.visible_to(viewer)).select_related("user")
    found = found if everybody else found.filter(user=viewer)
    page = Paginator(found.order_by("-pk"), bulk_deeds.ON_A_PAGE).get_page(request.GET.get("p"))
    some, files = list(page.object_list), exporting.of_person(viewer) if page.number == 1 else []
    names = names_for(viewer)
    lines = [*_deeds(request, some, names), *(_export(one, names) for one in files)]
    context = {
        **access.frame_of(Account)(request),
        "title": gettext("My jobs"),
        "lines": sorted(lines, key=lambda line: line.at, reverse=True),
        "page": page,
        "now": timezone.now(),
        "query": "all=1&" if everybody else "",
        "tabs": _tabs(everybody=everybody) if viewer.sees_all_teams else [],
        "everybody": everybody,
    }
    answer = TemplateResponse(request, "portal/my_jobs.html", context)
    going = any(one.state in jobs.GOING for one in (*some, *files))
    return progress.open_again(answer) if going else answer


def address_for(user: User) -> str:
    """Return the address of the page where it lists something of the person; "" where it is empty."""
    mine = visible_deeds.visible_to(user).filter(user=user)
    listed = user.sees_all_teams or mine.exists() or exporting.of_person(user)
    return reverse("admin:accounts_account_jobs") if listed else ""


def under_way(request: HttpRequest) -> list[dict[str, str]]:
    """Return in words, each with its page, what the person asked for and is not over yet. The newest are enough."""
    viewer = person(request)
    going = list(visible_deeds.under_way(viewer)[:ON_START])
    names = bulk_deeds.names_of(going)
    files = exporting.under_way(viewer)
    return [
        *({"title": deeds.title(one, names), "url": deeds.address(one), "far": _far(one)} for one in going),
        *({"title": str(one), "url": _page_of(one), "far": _far(one)} for one in files),
    ][:ON_START]


def _deeds(request: HttpRequest, found: Sequence[Deed], names: NameVisibility) -> list[JobLine]:
    called, about = bulk_deeds.names_of(found), _subjects(found, names)
    return [_deed(request, one, called, about.get(one.pk, ""), names) for one in found]


def _deed(
    request: HttpRequest, deed: Deed, called: dict[int, str], about: str, names: NameVisibility
) -> JobLine:
    undone = bool(getattr(deed, "undone", False))
    label, (icon, tone), why = _state(deed)
    if deed.state == Deed.State.READY:
        # Of an offboarding the numbers are steps, of which nobody knows.
        why = "" if deed.kind == OFFBOARD else deed_words.came_of_it(deed)
        if undone:
            label, (icon, tone) = gettext("Taken back"), _UNDONE
        elif deed.failed:
            icon, tone = _PARTLY
    return JobLine(
        title=deeds.title(deed, called),
        url=deeds.address(deed),
        about=about,
        by=names.user(deed.user),
        at=deed.created_at,
        label=label,
        icon=icon,
        tone=tone,
        why=why,
        undo_url=bulk_deeds.address(deed, "_undo")
        if bulk_deeds.may_undo(request, deed) and not undone
        else "",
    )


def _export(export: AccountExport, names: NameVisibility) -> JobLine:
    label, (icon, tone), why = _state(export)
    ready = export.state == Job.State.READY
    return JobLine(
        title=str(export),
        url=_page_of(export),
        about=export.get_file_format_display(),
        by=names.user(export.user),
        at=export.created_at,
        label=label,
        icon=icon,
        tone=tone,
        why=why,
        file_url=reverse("admin:accounts_account_export_file", args=[export.pk]) if ready else "",
    )


def _state(job: Job) -> tuple[str, tuple[str, str], str]:
    """Return word, look and how far it is."""
    if job.state in jobs.GOING:
        return gettext("Under way"), _GOING, _far(job)
    if job.state == Job.State.FAILED:
        return gettext("Failed"), _FAILED, _far(job)
    return gettext("Done"), _READY, ""


def _far(job: Job) -> str:
    return gettext("%(done)s of %(total)s") % {"done": number(job.done), "total": number(job.total)}


def _subjects(found: Collection[Deed], names: NameVisibility) -> dict[int, str]:
    """Return by deed whom or what it is about, where its title does not say."""
    ids = {
        kind: {one.subject_id for one in found if one.kind == kind} for kind in (OFFBOARD, ASK_PEOPLE_OF_APP)
    }
    people = User.objects.in_bulk(ids[OFFBOARD]) if ids[OFFBOARD] else {}
    apps = ChannelApp.objects.in_bulk(ids[ASK_PEOPLE_OF_APP]) if ids[ASK_PEOPLE_OF_APP] else {}
    about: dict[int, str] = {}
    for one in found:
        if one.kind == OFFBOARD:
            about[one.pk] = names.user(people.get(one.subject_id))
        elif one.kind == ASK_PEOPLE_OF_APP and one.subject_id in apps:
            about[one.pk] = str(apps[one.subject_id])
    return about


def _tabs(*, everybody: bool) -> list[dict[str, Any]]:
    home = reverse("admin:accounts_account_jobs")
    return [
        {"label": gettext("Mine"), "url": home, "chosen": not everybody},
        {"label": gettext("Everybody’s"), "url": f"{home}?all=1", "chosen": everybody},
    ]


def _page_of(export: AccountExport) -> str:
    return reverse("admin:accounts_account_export", args=[export.pk])
