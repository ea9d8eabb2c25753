"""Parked addresses in the staff portal: whom mail does not reach, why, and releasing one."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from notifications.models import MailReturn
from portal import access, parked_bulk
from portal.lists import RowsWithPages
from portal.parked_scope import visible_to
from ui import confirm
from ui.confirm import Late, Page, Said
from ui.templatetags import ui as tags
from users import refused_addresses
from users.models import AddressEvent, RefusedAddress, User, person

RELEASE = parked_bulk.RELEASE
SHOWN = 20  # reports and events on the page of one address


@admin.register(RefusedAddress)
class ParkedAddressAdmin(RowsWithPages):
    """Addresses that mail does not reach, the newest first."""

    list_display = ["email", "why_cell", "person_cell", "since_cell", "said_cell"]
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
        return visible_to(person(request))

    def prepare_page(self, request: HttpRequest, rows: Any) -> None:  # one interface
        """Read who logs in with the addresses of a page."""
        people = {user.email: user for user in User.objects.filter(email__in=[row.email for row in rows])}
        for row in rows:
            row.user = people.get(row.email)

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

    def has_release_permission(self, request: HttpRequest) -> bool:
        """Return whether this person may release addresses."""
        return request.user.has_perm(RELEASE)

    @admin.action(description=gettext_lazy("Release"), permissions=["release"])
    def release_many(self, request: HttpRequest, queryset: QuerySet[RefusedAddress]) -> HttpResponse:
        """Lead to the page that asks."""
        return parked_bulk.lead_to(queryset)

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that ask before addresses are released."""
        view = self.admin_site.admin_view(self.release)
        return [
            path("<int:address_id>/release/", view, name="users_refusedaddress_release"),
            *parked_bulk.urls(),
            *super().get_urls(),
        ]

    def row_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show one address: why it is parked, what came back, what happened before, and how it is mailed again.

        404 for one that the viewer may not know of.
        """
        row = self._row(request, pk)
        user = User.objects.filter(email=row.email).first()
        may_open = user is not None and request.user.has_perm("users.view_user")
        context = {
            **access.frame_of(row)(request),
            "title": row.email,
            "address": row,
            "pill": tags.pill("parked", row.why),
            "whose": user,
            "whose_url": reverse("admin:users_user_change", args=[user.pk]) if user and may_open else "",
            "reports": MailReturn.objects.filter(recipient=row.email).order_by("-at", "-id")[:SHOWN],
            "events": AddressEvent.objects.filter(email=row.email).select_related("by")[:SHOWN],
            "tried_again_at": row.refused_at + refused_addresses.STANDS_FOR
            if row.why in refused_addresses.PASSES
            else None,
            "release_url": reverse("admin:users_refusedaddress_release", args=[row.pk])
            if request.user.has_perm(RELEASE)
            else "",
        }
        return TemplateResponse(request, "portal/parked_address.html", context)

    def release(self, request: HttpRequest, address_id: int) -> HttpResponse:
        """Ask (GET), then have the address mailed again (POST). 404 and 403 as above; raises Late where somebody was faster."""
        if not (self.has_view_permission(request) and request.user.has_perm(RELEASE)):
            raise PermissionDenied
        row = self._row(request, address_id)
        back = reverse("admin:users_refusedaddress_changelist")
        page = Page("portal/confirm/release_address.html", back, {"address": row}, ask_why=False)

        def do(_said: Said) -> None:
            access.log_change(request, row, "address_released")
            if not refused_addresses.release(row.email, now=timezone.now(), by=person(request)):
                raise Late

        return confirm.answer(request, page, do, frame=access.frame_of(row))

    def _row(self, request: HttpRequest, pk: int) -> RefusedAddress:
        """Return an address that the viewer may know of. Raises Http404."""
        row = self.get_queryset(request).filter(pk=pk).first()
        if row is None:
            raise Http404(gettext("This address is not parked."))
        return row
