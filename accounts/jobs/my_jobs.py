"""My jobs: what somebody asked to be done to many, so that whoever left the page of one finds it again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from accounts.jobs import views as jobs
from accounts.jobs.models import Job
from accounts.models import Account
from portal import access
from ui import progress
from ui.text import number
from users.models import User, person


@dataclass(frozen=True)
class JobLine:
    """One job of the list."""

    title: str
    url: str
    at: datetime
    label: str
    icon: str
    tone: str
    why: str


def urls() -> list[URLPattern]:
    """Return the address of the page."""
    return [path("jobs/", admin.site.admin_view(require_GET(show)), name="accounts_account_jobs")]


def show(request: HttpRequest) -> HttpResponse:
    """Show one's own jobs of the last day."""
    access.require(request)
    viewer = person(request)
    found = Job.objects.visible_to(viewer).filter(user=viewer)
    page = Paginator(found.order_by("-pk"), jobs.ON_A_PAGE).get_page(request.GET.get("p"))
    some = list(page.object_list)
    context = {
        **access.frame_of(Account)(request),
        "title": gettext("My jobs"),
        "lines": _lines(some),
        "page": page,
        "now": timezone.now(),
    }
    answer = TemplateResponse(request, "portal/my_jobs.html", context)
    return progress.open_again(answer) if any(one.is_going for one in some) else answer


def my_jobs_url(user: User) -> str:
    """Return the address of the page where it lists something of the person; "" where it is empty."""
    listed = Job.objects.visible_to(user).filter(user=user).exists()
    return reverse("admin:accounts_account_jobs") if listed else ""


def _lines(found: Sequence[Job]) -> list[JobLine]:
    titles = jobs.job_titles(found)
    return [JobLine(titles[job.pk], job.get_absolute_url(), job.created_at, *_state(job)) for job in found]


def _state(job: Job) -> tuple[str, str, str, str]:
    """Return word, icon and tone, and how far it is or what came of it."""
    if job.is_going:
        return gettext("Under way"), "sync", "mute", _far(job)
    if job.state == Job.State.FAILED:
        return gettext("Failed"), "cancel", "bad", _far(job)
    # Of an offboarding the numbers are steps, of which nobody knows.
    why = "" if job.is_offboarding else job.came_of_it()
    if not job.failed:
        return gettext("Done"), "check_circle", "good", why
    return gettext("Done, %(number)s failed") % {"number": number(job.failed)}, "check_circle", "warn", why


def _far(job: Job) -> str:
    return gettext("%(done)s of %(total)s") % {"done": number(job.done), "total": number(job.total)}
