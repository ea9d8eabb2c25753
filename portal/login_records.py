"""Log-ins in the admin portal: read, never written."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from ui.paging import CappedPaginator
from users import retention, visibility
from users.models import LoginRecord, User, person
from users.retention_kinds import LOG_INS

LATEST = 10


def latest(user: User) -> SafeString:
    """Return the person's last log-ins as a table, for the person's page."""
    rows = LoginRecord.objects.filter(user=user)[:LATEST]
    return render_to_string("portal/people/log_ins.html", {"records": rows, "person": user})


@admin.register(LoginRecord)
class LoginRecordAdmin(ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    """Who logged in, who failed to, and what of a log-in was changed: the newest first."""

    list_display = ["when", "whose", "event", "outcome", "address", "browser_name"]
    list_filter = ["succeeded", "kind"]
    search_fields = ["email", "address"]
    search_help_text = "E-mail or address"
    ordering = ["-id"]
    list_per_page = 50
    list_display_links = None
    show_full_result_count = False
    paginator = CappedPaginator
    list_before_template = "portal/people/kept.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, and from when on it is whole."""
        since = {"kept_since": retention.kept_since(LOG_INS, timezone.now())}
        return super().changelist_view(request, {**since, **(extra_context or {})})  # type: ignore[no-any-return]  # untyped theme

    def get_queryset(self, request: HttpRequest) -> QuerySet[LoginRecord]:
        """Return all for administrators; else those of the viewer's own people."""
        rows: QuerySet[LoginRecord] = super().get_queryset(request)
        viewer = person(request)
        if visibility.is_administrator(viewer):
            return rows
        return rows.filter(user__in=visibility.people_of(viewer).values("pk"))

    @admin.display(description="When", ordering="id")
    def when(self, record: LoginRecord) -> str:
        """Return the time in the viewer's zone, to the second."""
        return f"{timezone.localtime(record.at):%d\u00a0%b\u00a0%Y, %H:%M:%S\u00a0%Z}"  # breaks at the comma alone

    @admin.display(description="E-mail", ordering="email")
    def whose(self, record: LoginRecord) -> str:
        """Return the address that was typed, or the person's."""
        return record.email

    @admin.display(description="What")
    def event(self, record: LoginRecord) -> str:
        """Return the event in words."""
        return record.event

    @admin.display(description="Worked", boolean=True, ordering="succeeded")
    def outcome(self, record: LoginRecord) -> bool:
        """Return whether it was let through."""
        return record.succeeded

    @admin.display(description="Browser")
    def browser_name(self, record: LoginRecord) -> str:
        """Return the browser as people call it; what it says of itself is behind it."""
        shown = format_html('<span title="{}">{}</span>', record.browser, record.browser_name)
        return shown if record.browser else ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: rows are written where the event happens."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: the database refuses it, too."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: the retention job removes what is old."""
        return False
