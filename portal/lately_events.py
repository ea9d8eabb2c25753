"""All shifts and deactivations of the last 30 days, newest first: what the start page counts, account by account."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from accounts import lately
from accounts.models import AccountEvent
from portal import access, timeline
from users.models import person
from users.visibility import names_for

SHOWN = 50
PAGES = 100  # further back nobody reads: the filters of the list find what is meant


def urls() -> list[URLPattern]:
    """Return the address of the page."""
    return [path("lately/", admin.site.admin_view(require_GET(show)), name="accounts_account_lately")]


def show(request: HttpRequest) -> HttpResponse:
    """Show what happened to accounts that the person sees, a page of it. No row is counted."""
    access.require(request)
    viewer, now = person(request), timezone.now()
    page = _page(request.GET.get("p", ""))
    zone, first = timezone.get_current_timezone(), (page - 1) * SHOWN
    ids = lately.newest(viewer, first=first, most=SHOWN + 1, now=now, zone=zone)
    events = AccountEvent.objects.filter(pk__in=ids)
    rows = list(timeline.with_people(events).select_related("account__team"))
    names = names_for(viewer)
    context: dict[str, Any] = {
        **access.frame_of_start(request),
        "title": gettext("Shifts and deactivations of the last 30 days"),
        "lines": [
            {
                "account": one.account,
                "url": reverse("admin:accounts_account_change", args=[one.account_id]),
                "line": timeline.line_of(one.account, one, names),
            }
            for one in rows[:SHOWN]
        ],
        "now": now,
        "newer": page - 1,
        "older": page + 1 if len(rows) > SHOWN and page < PAGES else 0,
    }
    return TemplateResponse(request, "portal/lately.html", context)


def _page(text: str) -> int:
    return min(max(int(text), 1), PAGES) if text.isascii() and text.isdigit() and len(text) < 6 else 1
