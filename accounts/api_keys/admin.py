"""API keys of publishing systems. The secret is shown once, on the page that answers its making."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.api_keys import services as api_keys
from accounts.api_keys.mails import DAYS_AHEAD
from accounts.models import Account, ApiKey
from accounts.pool import permissions
from broker.leases import admin as handed_out
from portal import access
from portal.forms import KeyForm
from portal.lists import ReadOnlyList
from tokens.channels import declarations
from ui import confirm, dates
from ui.addresses import id_of
from ui.confirm import Late, Page, Said
from ui.templatetags import ui as tags
from users.models import person


def key_state(key: ApiKey) -> SafeString:
    """Return whether a key works, and its last day."""
    if key.revoked_at:
        return tags.pill("api_key", "revoked")
    if key.expires_at is None:
        return format_html(
            '{}<span class="at-second">{}</span>', tags.pill("api_key", "works"), gettext("no end")
        )
    left = key.expires_at - timezone.now()
    works = "works" if left > timedelta(days=DAYS_AHEAD[-1]) else "ends_soon"
    named = works if left > timedelta(0) else "ended"
    day = timezone.localtime(key.last_day)
    return format_html(
        '{}<span class="at-second">{}</span>',
        tags.pill("api_key", named),
        gettext("until %(day)s") % {"day": dates.day(day)},
    )


def _back(request: HttpRequest) -> str:
    """Return where the page of a new key leads: to the account that needed one, or the list."""
    account = id_of(request.GET.get("account", ""))
    return (
        reverse("admin:accounts_account_connect", args=[account])
        if account
        else reverse("admin:accounts_apikey_changelist")
    )


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyList):
    """Keys: made once, listed by prefix, revoked as an action. There is no plain form."""

    list_display = [
        "name_cell",
        "state_cell",
        "scopes_cell",
        "teams_cell",
        "channels_cell",
        "maker_cell",
        "used_cell",
        "record_cell",
        "action_cell",
    ]
    list_display_links = None
    actions = None
    search_fields = ["name", "prefix"]
    list_title = gettext_lazy("API keys")
    nouns = npgettext_lazy("of so many", "%(shown)s API key", "%(shown)s API keys", "number")
    searched = gettext_lazy("Name or beginning of the key")
    empty_words = gettext_lazy("No publishing system has a key yet.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        """Return the keys that reach no team beyond the viewer's own; superusers, administrators and auditors see all."""
        keys = ApiKey.objects.visible_to(person(request)).select_related("created_by")
        return keys.prefetch_related("teams").order_by("revoked_at", "name", "pk")

    @display(description=gettext_lazy("Key"), ordering="name")
    def name_cell(self, key: ApiKey) -> SafeString:
        """Return its name and its beginning: enough to recognise it, not to use it."""
        return format_html(
            '{}<span class="at-second"><code class="at-mono">{}…</code></span>', key.name, key.prefix
        )

    @display(description=gettext_lazy("State"), ordering="expires_at")
    def state_cell(self, key: ApiKey) -> SafeString:
        """Return whether it works, and its last day."""
        return key_state(key)

    @display(description=gettext_lazy("Permissions"))
    def scopes_cell(self, key: ApiKey) -> str:
        """Return what it may do, as the reference and its refusals name it."""
        return ", ".join(key.scopes)

    @display(description=gettext_lazy("Teams"))
    def teams_cell(self, key: ApiKey) -> str:
        """Return whose accounts it sees."""
        return ", ".join(team.name for team in key.teams.all())

    @display(description=gettext_lazy("Channels"))
    def channels_cell(self, key: ApiKey) -> str:
        """Return the channels it is limited to."""
        return ", ".join(declarations.label(channel) for channel in key.channels) or gettext("all")

    @display(description=gettext_lazy("Made by"))
    def maker_cell(self, key: ApiKey) -> str:
        """Return who made it, and whether that person has left."""
        name = str(key.created_by) if key.created_by else gettext("somebody") if key.maker_left_at else "–"
        return gettext("%(name)s, who has left") % {"name": name} if key.maker_left else name

    @display(description=gettext_lazy("Last use"), ordering="last_used_at")
    def used_cell(self, key: ApiKey) -> SafeString:
        """Return when it was last used, within an hour."""
        return (
            tags.when(key.last_used_at, "ago", timezone.now())
            if key.last_used_at
            else format_html("{}", gettext("never"))
        )

    @display(description=gettext_lazy("Record"))
    def record_cell(self, key: ApiKey) -> SafeString:
        """Return the link to what it took."""
        return format_html(
            '<a class="at-link" href="{}">{}</a>', handed_out.url(key=key.pk), gettext("What it took")
        )

    @display(description=gettext_lazy("Actions"))
    def action_cell(self, key: ApiKey) -> SafeString:
        """Return the links to revoke it, and to take it over where whoever made it has left."""
        if key.revoked_at:
            return SafeString("")
        link = format_html(
            '<a class="at-link" href="{}">{}</a>',
            reverse("admin:accounts_apikey_revoke", args=[key.pk]),
            gettext("Revoke"),
        )
        if not key.maker_left:
            return link
        take = reverse("admin:accounts_apikey_take_over", args=[key.pk])
        return format_html('{} <a class="at-link" href="{}">{}</a>', link, take, gettext("Take over"))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Leave out what the viewer may not do or see."""
        needed = {"record_cell": handed_out.PERMISSION, "action_cell": permissions.REVOKE_API_KEY}
        return [
            name
            for name in map(str, self.list_display)
            if name not in needed or request.user.has_perm(needed[name])
        ]

    def lookup_allowed(
        self, lookup: str, value: Any, request: HttpRequest | None = None
    ) -> bool:  # Django's interface
        """Allow none: the address of the list must not answer questions about hashes."""
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may make keys."""
        return request.user.has_perm(permissions.ADD_API_KEY)

    def get_urls(self) -> list[URLPattern]:
        """Return list, making and revoking."""
        kept = [url for url in super().get_urls() if url.name == "accounts_apikey_changelist"]
        wrap = self.admin_site.admin_view
        return [
            path("handed-out/", wrap(require_GET(self.handed_out)), name="accounts_apikey_handed_out"),
            path("add/", wrap(never_cache(self.make)), name="accounts_apikey_add"),
            path("<int:key_id>/revoke/", wrap(self.revoke), name="accounts_apikey_revoke"),
            path("<int:key_id>/take-over/", wrap(self.take_over), name="accounts_apikey_take_over"),
            *kept,
        ]

    def handed_out(self, request: HttpRequest) -> HttpResponse:
        """Show what was handed out, of a key, an account or a log-in."""
        return handed_out.page(self, request, visible_keys=self.get_queryset(request))

    def make(self, request: HttpRequest) -> HttpResponse:
        """Ask what the key may do (GET), make it and show its secret once (POST). Raises PermissionDenied."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        account = Account.objects.visible_to(request.user).filter(pk=id_of(request.GET.get("account", "")))
        form = KeyForm(
            request.POST if request.method == "POST" else None,
            viewer=request.user,
            initial={"teams": list(account.values_list("team", flat=True))},
        )
        context: dict[str, Any] = {
            **access.frame_of(ApiKey)(request),
            "title": gettext("New API key"),
            "form": form,
            "back": _back(request),
        }
        if request.method == "POST" and form.is_valid():
            key, secret = api_keys.issue_key(
                **form.cleaned_data | {"teams": list(form.cleaned_data["teams"])}, created_by=person(request)
            )
            self.log_addition(request, key, "Made.")
            context |= {
                "title": gettext("The key %(name)s is made") % {"name": key.name},
                "key": key,
                "secret": secret,
                "form": None,
            }
        return TemplateResponse(request, "portal/api_key.html", context)

    def _key(self, request: HttpRequest, pk: int) -> ApiKey:
        found = self.get_queryset(request).filter(pk=pk).first()
        if found is None:
            raise Http404(gettext("There is no such key."))
        return found

    def revoke(self, request: HttpRequest, key_id: int) -> HttpResponse:
        """Ask (GET), then end the key (POST). 404 for a key that one does not see, 403 without the permission."""
        access.require(request, permissions.REVOKE_API_KEY)
        key = self._key(request, key_id)
        page = Page(
            "portal/confirm/revoke_api_key.html",
            reverse("admin:accounts_apikey_changelist"),
            {"key": key, "may": self.scopes_cell(key)},
            refused=gettext("It is revoked already.") if key.revoked_at else "",
            danger=True,
        )

        def do(said: Said) -> None:
            if not api_keys.revoke_key(key=key, now=timezone.now()):
                raise Late
            access.log_change(request, key, "revoked", note=said.note)

        return confirm.answer(request, page, do, frame=access.frame_of(key))

    def take_over(self, request: HttpRequest, key_id: int) -> HttpResponse:
        """Ask (GET), then answer for the key from now on (POST). 404 for a key that one does not see, 403 for who may make none."""
        access.require(request, permissions.ADD_API_KEY)
        key = self._key(request, key_id)
        page = Page(
            "portal/confirm/take_over_api_key.html",
            reverse("admin:accounts_apikey_changelist"),
            {"key": key, "may": self.scopes_cell(key)},
            refused=gettext("It is revoked already.") if key.revoked_at else "",
            late=key.created_by == request.user,
        )

        def do(said: Said) -> None:
            if page.refused or not api_keys.take_over_key(key=key, taker=person(request)):
                raise Late
            access.log_change(request, key, "taken_over", note=said.note)

        return confirm.answer(request, page, do, frame=access.frame_of(key))
