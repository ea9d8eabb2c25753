"""Addresses that macros tell nothing of any account, in the staff portal: until when, by whom, and mailing them again."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from macros import snoozing
from macros.models import Silence
from notifications.models import Message
from portal import access, parked_scope, snooze_rights
from portal.lists import ReadOnlyList
from ui import confirm, dates
from ui.confirm import Late, Page, Said
from ui.name_visibility import NameVisibility, unnamed
from ui.templatetags import ui as tags
from users.models import User, person
from users.visibility import names_for


@admin.register(Silence)
class SnoozedAddressAdmin(ReadOnlyList):
    """Snoozes of all accounts that run; the one that ends first comes first."""

    list_display = ["email", "person_cell", "until_cell", "who_cell", "since_cell", "again_cell"]
    list_display_links = None
    search_fields = ["email"]
    ordering = ["until", "id"]
    list_title = gettext_lazy("Snoozed addresses")
    nouns = npgettext_lazy("of so many", "%(shown)s snoozed address", "%(shown)s snoozed addresses", "number")
    searched = gettext_lazy("Address")
    empty_words = gettext_lazy("No snoozed addresses: macros mail everybody whom they name.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Silence]:
        """Return those that the viewer may know of."""
        return parked_scope.snoozed(person(request)).select_related("by")

    def prepare_page(self, request: HttpRequest, rows: Any) -> None:  # one interface
        """Read who logs in with the addresses of a page, and the mails whose links snoozed them."""
        names = names_for(request.user)
        people = User.objects.in_bulk([row.email for row in rows], field_name="email")
        mails = Message.objects.defer("text", "html").in_bulk([row.message for row in rows if row.message])
        ends = snooze_rights.may_end(person(request), rows)
        for row in rows:
            row.may_end = row.pk in ends
            row.whose = names.user(people[row.email]) if row.email in people else ""
            row.who = _who(row, mails.get(row.message), names)

    def row_name(self, row: Silence) -> str:
        """Return the address."""
        return row.email

    @display(description=gettext_lazy("Person"))
    def person_cell(self, row: Any) -> str:
        """Return who logs in with it."""
        return row.whose or gettext("Nobody here")

    @display(description=gettext_lazy("Until the morning of"), ordering="until")
    def until_cell(self, row: Silence) -> str:
        """Return the day on which it is mailed again."""
        return dates.day(row.until) if row.until else "–"

    @display(description=gettext_lazy("By"))
    def who_cell(self, row: Any) -> SafeString:
        """Return who did it, and why."""
        if not row.reason or unnamed() in (row.whose, row.who):  # why somebody in another team is away
            return row.who  # type: ignore[no-any-return]  # set above
        return format_html('{}<span class="at-second">{}</span>', row.who, row.reason)

    @display(description=gettext_lazy("Since"), ordering="started_at")
    def since_cell(self, row: Silence) -> SafeString:
        """Return since when."""
        return tags.when(row.started_at, "day")

    @display(description=gettext_lazy("End"))
    def again_cell(self, row: Any) -> SafeString | str:
        """Return the way to the page that ends it, for whoever may."""
        if not row.may_end:
            return "–"
        return format_html('<a class="at-link" href="{}">{}</a>', end_url(row), gettext("Mail them again"))

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks before an address is mailed again."""
        view = self.admin_site.admin_view(self.end)
        return [path("<int:silence_id>/end/", view, name="macros_silence_end"), *super().get_urls()]

    def end(self, request: HttpRequest, silence_id: int) -> HttpResponse:
        """Ask (GET), then have macros mail the address again (POST). 404 for one that the viewer may not know of, 403 for who may not."""
        if not (self.has_view_permission(request) and request.user.has_perm(snooze_rights.SNOOZE)):
            raise PermissionDenied
        row = self.get_queryset(request).filter(pk=silence_id).first()
        if row is None:
            raise Http404(gettext("This address is not snoozed."))
        if not snooze_rights.may_end(person(request), [row]):
            raise PermissionDenied
        back = reverse("admin:macros_silence_changelist")
        page = Page("portal/confirm/snoozed_address_end.html", back, {"silence": row}, ask_why=False)

        def do(_said: Said) -> None:
            if not snoozing.end_all(email=row.email, by=person(request), now=timezone.now()):
                raise Late

        return confirm.answer(request, page, do, frame=access.frame_of(row))


def end_url(row: Silence) -> str:
    """Return the address of the page that asks before an address is mailed again."""
    return reverse("admin:macros_silence_end", args=[row.pk])


def _who(row: Silence, mail: Message | None, names: NameVisibility) -> str | SafeString:
    """Return who snoozed: somebody of staff, the reader, or whoever had a mail of theirs, which is linked where the viewer may read it."""
    if row.by is not None:
        return names.user(row.by)
    if not row.message:
        return gettext("Its reader, on their profile")
    said = gettext("By the link of a mail")
    if mail is None or not (names.sees_all or mail.team_id in names.teams):
        return said
    url = reverse("admin:notifications_message_change", args=[mail.pk])
    return format_html('{}: <a class="at-link" href="{}">{}</a>', said, url, mail.subject)
