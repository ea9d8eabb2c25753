"""Who is told nothing, of which account, until when: one list, and one page that ends one."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from macros.models import Mute
from macros.mutes import services
from macros.mutes import views as mute_lines
from portal import access
from portal.lists import ReadOnlyList
from ui import confirm
from ui.addresses import id_of
from ui.confirm import Late, Page, Said
from users.models import User, person
from users.people.queries import names_for


@admin.register(Mute)
class MuteAdmin(ReadOnlyList):
    """What mutes somebody now, of accounts and addresses that the viewer may know of; what ends first comes first."""

    list_display = ["whom_cell", "account_cell", "until_cell", "who_cell", "end_cell"]
    list_display_links = None
    list_select_related = ["account", "by"]
    search_fields = ["email", "account__name"]
    ordering = ["until", "id"]
    list_title = gettext_lazy("Snoozed warnings")
    nouns = npgettext_lazy("of so many", "%(shown)s snooze", "%(shown)s snoozes", "number")
    searched = gettext_lazy("Address or account")
    empty_words = gettext_lazy("Nothing is snoozed: macros mail everybody whom they name.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mute]:
        """Return what the viewer may know of."""
        return mute_lines.visible_to(person(request)).running()

    def prepare_page(self, request: HttpRequest, rows: Any) -> None:  # one interface
        """Read who logs in with the addresses of a page."""
        names = names_for(request.user)
        people = User.objects.in_bulk([row.email for row in rows], field_name="email")
        ends = mute_lines.may_end(person(request), rows)
        for row in rows:
            row.may_end = row.pk in ends
            row.whose = names.user(people[row.email]) if row.email in people else ""
            row.who = names.user(row.by)

    def row_name(self, row: Mute) -> str:
        """Return the address."""
        return row.email

    @display(description=gettext_lazy("Address"))
    def whom_cell(self, row: Any) -> SafeString:
        """Return whom nothing is told, and who logs in with the address."""
        return format_html(
            '{}<span class="at-second">{}</span>', row.email, row.whose or gettext("Nobody here")
        )

    @display(description=gettext_lazy("Account"))
    def account_cell(self, row: Mute) -> SafeString | str:
        """Return the account, with the way to it."""
        if row.account is None:
            return gettext("All accounts")
        url = reverse("admin:accounts_account_change", args=[row.account.pk])
        return format_html('<a class="at-link" href="{}">{}</a>', url, row.account.name)

    @display(description=gettext_lazy("Until the morning of"), ordering="until")
    def until_cell(self, row: Mute) -> str:
        """Return the day on which mails go out again."""
        return row.until_words or "–"

    @display(description=gettext_lazy("By"))
    def who_cell(self, row: Any) -> str:
        """Return who did it: its reader, whoever had a mail of theirs, or, in 0.2.0, somebody of staff."""
        if row.by is not None:
            return row.who  # type: ignore[no-any-return]  # set above
        return gettext("By the link of a mail") if row.is_by_link else gettext("Its reader")

    @display(description=gettext_lazy("End"))
    def end_cell(self, row: Any) -> SafeString | str:
        """Return the way to the page that ends it, for whoever may."""
        if not row.may_end:
            return "–"
        return format_html(
            '<a class="at-link at-nowrap" href="{}">{}</a>', mute_lines.end_url(row.pk), gettext("End it")
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks before something is ended."""
        wrap = self.admin_site.admin_view
        return [
            path("end/", wrap(end), name="macros_mute_end"),
            *super().get_urls(),
        ]


def end(request: HttpRequest) -> HttpResponse:
    """GET asks, POST ends the `mute` of the address. 404 for what the viewer may not know of, 403 without the right."""
    viewer = person(request)
    found = mute_lines.visible_to(viewer).select_related("account")
    row = get_object_or_404(found, pk=id_of(request.GET.get("mute", "")))
    if not mute_lines.may_end(viewer, [row]):
        raise PermissionDenied
    list_or_account = reverse("admin:macros_mute_changelist")
    if row.account is not None:
        list_or_account = reverse("admin:accounts_account_change", args=[row.account.pk])
    page = Page(
        "portal/confirm/mute_end.html",
        list_or_account,
        {"mute": row},
        late=row.ended_at is not None,
        ask_why=False,
    )

    def do(_said: Said) -> None:
        if not services.end_mutes(mutes=Mute.objects.filter(pk=row.pk), by=viewer, now=timezone.now()):
            raise Late

    return confirm.answer(request, page, do, frame=access.frame_of(Mute))
