"""Parked addresses in the staff portal: whom mail does not reach, why, and releasing them."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin import display
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from portal import access
from portal.bulk import wanted
from portal.lists import ReadOnlyList
from ui import confirm
from ui import stored_phrases as kept
from ui.confirm import ConfirmLine, Done, Page, Said
from ui.templatetags import ui as tags
from users.addresses import services as refused_addresses
from users.models import RefusedAddress, User, person

RELEASE = "users.release_address"
MOST = 200  # addresses at once
LIST = "admin:users_refusedaddress_changelist"
NAME = "users_refusedaddress_release"


@admin.register(RefusedAddress)
class ParkedAddressAdmin(ReadOnlyList):
    """Addresses that mail does not reach, the newest first. One is released as many are."""

    list_display = ["email", "why_cell", "person_cell", "since_cell", "said_cell", "release_cell"]
    list_display_links = None
    list_filter = ["why"]
    search_fields = ["email", "said"]
    ordering = ["-since", "-id"]
    list_title = gettext_lazy("Parked addresses")
    nouns = npgettext_lazy("of so many", "%(shown)s parked address", "%(shown)s parked addresses", "number")
    searched = gettext_lazy("Address, or what its server said")
    empty_words = gettext_lazy("No parked addresses: as far as AdToken knows, mail reaches everybody.")
    state_column = "why_cell"
    titles: ClassVar = {"why": gettext_lazy("Why")}
    actions = ["release_many"]
    action_icons: ClassVar = {"release_many": "mail"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefusedAddress]:
        """Return those that the viewer may know of."""
        return access.rows_of_known_addresses(RefusedAddress.objects.all(), person(request))

    def prepare_page(self, request: HttpRequest, rows: Any) -> None:  # one interface
        """Read who logs in with the addresses of a page."""
        people = {user.email: user for user in User.objects.filter(email__in=[row.email for row in rows])}
        may = self.has_release_permission(request)
        for row in rows:
            row.user, row.may_release = people.get(row.email), may

    @display(description=gettext_lazy("Why"), ordering="why")
    def why_cell(self, row: RefusedAddress) -> SafeString:
        """Return the pill."""
        return tags.pill("parked", row.why)

    @display(description=gettext_lazy("Person"))
    def person_cell(self, row: Any) -> str:
        """Return who logs in with it."""
        return str(row.user.name or row.user.email) if row.user else gettext("Nobody here")

    @display(description=gettext_lazy("Since"), ordering="since")
    def since_cell(self, row: RefusedAddress) -> SafeString:
        """Return since when it is parked."""
        return tags.when(row.since, "day")

    @display(description=gettext_lazy("What its server said"))
    def said_cell(self, row: RefusedAddress) -> str:
        """Return the server's words."""
        return row.said or "–"

    @display(description=gettext_lazy("Release"))
    def release_cell(self, row: Any) -> SafeString | str:
        """Return the way to the page that asks, for whoever may."""
        if not row.may_release:
            return "–"
        return format_html('<a class="at-link" href="{}">{}</a>', _ask_url([row.pk]), gettext("Release"))

    def has_release_permission(self, request: HttpRequest) -> bool:
        """Return whether this person may release addresses."""
        return request.user.has_perm(RELEASE)

    @admin.action(description=gettext_lazy("Release"), permissions=["release"])
    def release_many(self, request: HttpRequest, queryset: QuerySet[RefusedAddress]) -> HttpResponse:
        """Lead to the page that asks, with the first `MOST` of what was chosen."""
        ids = list(queryset.order_by("email").values_list("pk", flat=True)[:MOST])
        return HttpResponseRedirect(f"{_ask_url(ids)}&of={queryset.count()}")

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks before addresses are released."""
        return [path("release/", self.admin_site.admin_view(self.release), name=NAME), *super().get_urls()]

    def release(self, request: HttpRequest) -> HttpResponse:
        """Ask (GET), then have the addresses mailed again (POST): those that the viewer may know of. 403 without the right to."""
        if not (self.has_view_permission(request) and self.has_release_permission(request)):
            raise PermissionDenied
        rows = list(self.get_queryset(request).filter(pk__in=wanted(request)[:MOST]).order_by("email"))
        if not rows:
            messages.warning(request, gettext("No address was chosen."))
            return HttpResponseRedirect(reverse(LIST))
        chosen = request.GET.get("of", "")
        facts = {"number": len(rows), "most": MOST, "cut": chosen.isdigit() and int(chosen[:9]) > MOST}
        lines = [ConfirmLine(row.email, row.get_why_display()) for row in rows]
        page = Page("portal/confirm/release_addresses.html", reverse(LIST), facts, lines=lines, ask_why=False)

        def do(_said: Said) -> Done:
            who = person(request)
            released = refused_addresses.release_addresses(
                [row.email for row in rows], now=timezone.now(), by=who
            )
            done = [row for row in rows if row.email in released]
            note = kept.keep("words/history.txt", "address_released")
            LogEntry.objects.log_actions(who.pk, done, CHANGE, note)
            return Done({"number": len(done)}, good=bool(done))

        return confirm.answer(request, page, do, frame=access.frame_of(RefusedAddress))


def _ask_url(ids: list[int]) -> str:
    return f"{reverse(f'admin:{NAME}')}?ids={','.join(map(str, ids))}"
