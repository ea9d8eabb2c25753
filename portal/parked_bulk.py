"""Releasing many parked addresses, as after a trouble of our own: the list leads here, GET shows which, POST has them mailed again."""

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext

from portal import access
from portal.bulk import wanted
from portal.parked_scope import visible_to
from ui import confirm, kept
from ui.confirm import ConfirmLine, Done, Page, Said
from users import refused_addresses
from users.models import RefusedAddress, person

RELEASE = "users.release_address"
VIEW = "users.view_refusedaddress"
MOST = 200  # addresses at once
LIST = "admin:users_refusedaddress_changelist"
NAME = "users_refusedaddress_bulk_release"


def lead_to(rows: QuerySet[RefusedAddress]) -> HttpResponse:
    """Lead from the list to the page that asks, with the first `MOST` of what was chosen."""
    ids = ",".join(str(pk) for pk in rows.order_by("email").values_list("pk", flat=True)[:MOST])
    return HttpResponseRedirect(f"{reverse(f'admin:{NAME}')}?ids={ids}&of={rows.count()}")


def urls() -> list[URLPattern]:
    """Return the address of the page."""
    return [path("bulk/release/", admin.site.admin_view(_release), name=NAME)]


def _release(request: HttpRequest) -> HttpResponse:
    """Ask (GET), then have the addresses mailed again (POST): those that the viewer may know of. 403 without the right to."""
    if not (request.user.has_perm(VIEW) and request.user.has_perm(RELEASE)):
        raise PermissionDenied
    rows = list(visible_to(person(request)).filter(pk__in=wanted(request)[:MOST]).order_by("email"))
    if not rows:
        messages.warning(request, gettext("No address was chosen."))
        return HttpResponseRedirect(reverse(LIST))
    chosen = request.GET.get("of", "")
    facts = {"number": len(rows), "most": MOST, "cut": chosen.isdigit() and int(chosen[:9]) > MOST}
    lines = [ConfirmLine(row.email, row.get_why_display()) for row in rows]
    page = Page("portal/confirm/release_addresses.html", reverse(LIST), facts, lines=lines, ask_why=False)

    def do(_said: Said) -> Done:
        who, now = person(request), timezone.now()
        released = refused_addresses.release_all([row.email for row in rows], now=now, by=who)
        done = [row for row in rows if row.email in released]
        note = kept.keep("words/history.txt", "address_released")
        LogEntry.objects.log_actions(who.pk, done, CHANGE, note)
        return Done({"number": len(done)}, good=bool(done))

    return confirm.answer(request, page, do, frame=access.frame_of(RefusedAddress))
