"""Endpoints in the portal: which systems are told what, each try, and what may be done about it. A secret is shown once."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from macros.events.models import Event
from macros.webhooks import services
from macros.webhooks.forms import EndpointForm
from macros.webhooks.models import Endpoint, worded
from portal import access
from portal.lists import RowsWithPages
from ui import confirm
from ui.confirm import Page, Said
from users.models import person

LIST = "admin:macros_endpoint_changelist"
SHOWN = 50  # deliveries on its page
REPLAYED = timedelta(days=1)  # what "send again" sends


def _deeds(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Give what is done by one press on its page: the name of the address, and the words of the button."""
    yield "admin:macros_endpoint_test", gettext("Send a test")
    yield "admin:macros_endpoint_again", gettext("Send the last day again")
    if endpoint.kind == Endpoint.Kind.WEBHOOK:
        yield "admin:macros_endpoint_secret", gettext("New secret")
    yield "admin:macros_endpoint_switch", gettext("Switch on") if endpoint.off_at else gettext("Switch off")


@admin.register(Endpoint)
class EndpointAdmin(RowsWithPages):
    """Endpoints of the viewer's teams."""

    list_display = ["name_cell", "host_cell", "team_cell", "state_cell"]
    list_display_links = None
    actions = None
    search_fields = ["name", "host"]
    list_title = gettext_lazy("Webhooks")
    nouns = npgettext_lazy("of so many", "%(shown)s webhook", "%(shown)s webhooks", "number")
    searched = gettext_lazy("Name or host")
    empty_words = gettext_lazy("No other system is told yet.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        """Return the endpoints of the viewer's teams."""
        return (
            Endpoint.objects.visible_to(person(request))
            .select_related("team", "made_by")
            .order_by("name", "pk")
        )

    @display(description=gettext_lazy("Name"), ordering="name")
    def name_cell(self, endpoint: Endpoint) -> SafeString:
        """Return its name, which leads to its page."""
        return format_html('<a class="at-link" href="{}">{}</a>', endpoint.get_absolute_url(), endpoint.name)

    @display(description=gettext_lazy("Where"), ordering="host")
    def host_cell(self, endpoint: Endpoint) -> SafeString:
        """Return kind and host."""
        return format_html('{}<span class="at-second">{}</span>', endpoint.get_kind_display(), endpoint.host)

    @display(description=gettext_lazy("Team"), ordering="team__name")
    def team_cell(self, endpoint: Endpoint) -> str:
        """Return whose events it is told."""
        return endpoint.team.name if endpoint.team else gettext("All teams")

    @display(description=gettext_lazy("State"))
    def state_cell(self, endpoint: Endpoint) -> SafeString:
        """Return whether it is told, and why not."""
        if endpoint.off_at is None:
            return format_html("{}", gettext("On"))
        return format_html('{}<span class="at-second">{}</span>', gettext("Off"), endpoint.why_off)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may make, change and delete endpoints."""
        return request.user.has_perm("macros.add_endpoint")

    def get_urls(self) -> list[URLPattern]:
        """Return list, pages and deeds."""
        kept = [
            url
            for url in super().get_urls()
            if url.name in {"macros_endpoint_changelist", "macros_endpoint_change"}
        ]
        wrap = self.admin_site.admin_view
        deeds = [
            path(f"<int:pk>/{name}/", wrap(require_POST(never_cache(deed))), name=f"macros_endpoint_{name}")
            for name, deed in (
                ("test", self.test),
                ("secret", self.secret),
                ("switch", self.switch),
                ("again", self.again),
            )
        ]
        return [
            path("add/", wrap(never_cache(self.make)), name="macros_endpoint_add"),
            path("<int:pk>/edit/", wrap(never_cache(self.edit)), name="macros_endpoint_edit"),
            path("<int:pk>/remove/", wrap(self.remove), name="macros_endpoint_remove"),
            *deeds,
            *kept,
        ]

    def row_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show an endpoint with its last deliveries."""
        return self._page(request, self._row(request, pk))

    def make(self, request: HttpRequest) -> HttpResponse:
        """Ask where to tell what (GET), make it and show its secret once (POST)."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = EndpointForm(request.POST if request.method == "POST" else None, viewer=person(request))
        if request.method == "POST" and form.is_valid():
            now = timezone.now()
            endpoint = Endpoint(kind=form.cleaned_data["kind"], made_by=person(request), created_at=now)
            self._save(request, endpoint, form)
            self.log_addition(request, endpoint, "Made.")
            return self._page(request, endpoint, with_secret=endpoint.kind == Endpoint.Kind.WEBHOOK)
        return self._form(request, form, gettext("New webhook"), reverse(LIST))

    def edit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Change name, address, team and events."""
        endpoint = self._changeable(request, pk)
        form = EndpointForm(
            request.POST if request.method == "POST" else None, viewer=person(request), endpoint=endpoint
        )
        if request.method == "POST" and form.is_valid():
            self._save(request, endpoint, form)
            access.log_change(request, endpoint, "changed")
            messages.success(request, gettext("Saved."))
            return HttpResponseRedirect(endpoint.get_absolute_url())
        return self._form(request, form, endpoint.name, endpoint.get_absolute_url())

    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send one event that nothing happened for, and say what the receiver answered. Raises OnHold."""
        endpoint = self._changeable(request, pk)
        reply = services.send_test(endpoint, timezone.now())
        said = {"answer": worded(reply.said), "host": endpoint.host}
        if not reply.is_taken:
            messages.error(request, gettext("%(host)s did not take it: %(answer)s") % said)
        elif endpoint.kind == Endpoint.Kind.TEAMS:
            messages.success(
                request, gettext("Teams answers before it shows anything. Did it arrive in the channel?")
            )
        else:
            messages.success(request, gettext("%(host)s took it: %(answer)s") % said)
        return HttpResponseRedirect(endpoint.get_absolute_url())

    def secret(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a new secret, which signs beside the one before for a day, and show it once."""
        endpoint = self._changeable(request, pk)
        endpoint.secret_number += 1
        endpoint.secret_changed_at = timezone.now()
        endpoint.save(update_fields=["secret_number", "secret_changed_at"])
        access.log_change(request, endpoint, "secret_changed")
        return self._page(request, endpoint, with_secret=True)

    def switch(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Switch it off, or on again."""
        endpoint = self._changeable(request, pk)
        if endpoint.off_at is None:
            endpoint.switch_off("", timezone.now())
        else:
            endpoint.switch_on()
        endpoint.save(update_fields=["off_at", "off_why", "failures", "pause_until"])
        access.log_change(request, endpoint, "changed")
        return HttpResponseRedirect(endpoint.get_absolute_url())

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send again one delivery, or all of the last day, with what was missed."""
        endpoint, now = self._changeable(request, pk), timezone.now()
        one = request.POST.get("delivery", "")
        number = services.replay(
            endpoint,
            now=now,
            **({"deliveries": [int(one)]} if one.isdecimal() else {"since": now - REPLAYED}),
        )
        messages.success(request, gettext("%(number)s will be sent again.") % {"number": number})
        return HttpResponseRedirect(endpoint.get_absolute_url())

    def remove(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask (GET), then delete the endpoint with its list of tries (POST)."""
        endpoint = self._changeable(request, pk)
        page = Page(
            "portal/confirm/remove_webhook.html",
            reverse(LIST),
            {"endpoint": endpoint},
            danger=True,
            ask_why=False,
        )

        @transaction.atomic
        def do(_said: Said) -> None:
            self.log_deletions(request, Endpoint.objects.filter(pk=pk))
            endpoint.delete()

        return confirm.answer(request, page, do, frame=access.frame_of(endpoint))

    def _row(self, request: HttpRequest, pk: int) -> Endpoint:
        found = self.get_queryset(request).filter(pk=pk).first()
        if found is None:
            raise Http404(gettext("There is no such webhook."))
        return found

    def _changeable(self, request: HttpRequest, pk: int) -> Endpoint:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._row(request, pk)

    def _save(self, request: HttpRequest, endpoint: Endpoint, form: EndpointForm) -> None:
        """Write what the form says. The address is sealed for the host, so it is sealed anew."""
        said = form.cleaned_data
        address = said["address"] or endpoint.open_address()
        endpoint.name, endpoint.team, endpoint.types, endpoint.host = (
            said["name"],
            said["team"],
            said["types"],
            form.host,
        )
        endpoint.address = endpoint.seal_address(address)
        endpoint.save()

    def _form(self, request: HttpRequest, form: EndpointForm, title: str, back: str) -> HttpResponse:
        context = {**access.frame_of(Endpoint)(request), "title": title, "form": form, "back": back}
        return TemplateResponse(request, "portal/webhook_form.html", context)

    def _page(self, request: HttpRequest, endpoint: Endpoint, *, with_secret: bool = False) -> HttpResponse:
        deliveries = endpoint.deliveries.select_related("event").order_by("-event")[:SHOWN]
        context: dict[str, Any] = {
            **access.frame_of(endpoint)(request),
            "title": endpoint.name,
            "endpoint": endpoint,
            "types": [label for value, label in Event.Type.choices if value in endpoint.types],
            "deliveries": deliveries,
            "waiting": endpoint.deliveries.exclude(next_at=None).count(),
            "may_change": self.has_add_permission(request),
            "deeds": list(_deeds(endpoint)),
            "secret": endpoint.signing_secrets(timezone.now())[0] if with_secret else "",
        }
        return TemplateResponse(request, "portal/webhook.html", context)
