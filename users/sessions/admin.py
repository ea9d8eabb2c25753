"""Log-ins in the admin portal: read, never written."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, npgettext_lazy, pgettext_lazy

from portal.lists import ReadOnlyList
from ui.templatetags import ui as tags
from users.models import LoginRecord, User, person

LATEST = 10


def latest(user: User) -> SafeString:
    """Return the person's last log-ins as a table, for the person's page."""
    rows = LoginRecord.objects.filter(user=user)[:LATEST]
    return render_to_string("portal/people/log_ins.html", {"records": rows, "person": user})


@admin.register(LoginRecord)
class LoginRecordAdmin(ReadOnlyList):
    """Who logged in, who failed to, and what of a log-in was changed: the newest first."""

    list_display = ["when", "whose", "event", "outcome_cell", "address", "browser_name"]
    list_filter = ["succeeded", "kind"]
    search_fields = ["email", "address"]
    searched = gettext_lazy("E-mail or address")
    ordering = ["-id"]
    list_display_links = None
    list_title = pgettext_lazy("at AdToken", "Log-ins")
    titles: ClassVar = {"succeeded": gettext_lazy("Worked")}
    nouns = npgettext_lazy("of so many", "%(shown)s log-in", "%(shown)s log-ins", "number")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LoginRecord]:
        """Return all for whoever sees all teams; else those of the viewer's own people."""
        rows: QuerySet[LoginRecord] = super().get_queryset(request)
        viewer = person(request)
        if viewer.is_administrator or viewer.sees_all_teams:
            return rows
        return rows.filter(user__in=User.objects.visible_to(viewer).values("pk"))

    @admin.display(description=gettext_lazy("When"), ordering="id")
    def when(self, record: LoginRecord) -> SafeString:
        """Return the time in the viewer's zone; its seconds are behind it."""
        return tags.when(record.at)

    @admin.display(description=gettext_lazy("E-mail"), ordering="email")
    def whose(self, record: LoginRecord) -> str:
        """Return the address that was typed, or the person's."""
        return record.email

    @admin.display(description=gettext_lazy("What"))
    def event(self, record: LoginRecord) -> str:
        """Return the event in words."""
        return record.event

    @admin.display(description=gettext_lazy("Worked"), boolean=True, ordering="succeeded")
    def outcome_cell(self, record: LoginRecord) -> bool:
        """Return whether it was let through."""
        return record.succeeded

    @admin.display(description=gettext_lazy("Browser"))
    def browser_name(self, record: LoginRecord) -> str:
        """Return the browser as people call it; what it says of itself is behind it."""
        shown = format_html('<span title="{}">{}</span>', record.browser, record.browser_name)
        return shown if record.browser else ""
