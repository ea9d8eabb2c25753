"""Channel apps in the staff portal: their list, form and what depends on each. No secret is shown, searched or logged."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import display
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from accounts.pool import permissions
from portal.lists import OwnList
from portal.rows import RowLink
from tokens.channel_apps import services as default_app
from tokens.channel_apps import views as channel_app_pages
from tokens.channel_apps.forms import ChannelAppForm
from tokens.channel_apps.views import CHANGE
from tokens.channels import registry, versions
from tokens.models import ChannelApp
from tokens.vault import queries as key_usage
from ui.phrases import phrase
from ui.templatetags import ui as tags

say = partial(phrase, "words/app_pages.txt")


@admin.register(ChannelApp)
class ChannelAppAdmin(OwnList):
    """Our developer apps on the channels."""

    form = ChannelAppForm
    list_display = [
        "name",
        "client_id",
        "state_cell",
        "for_new_links",
        "log_ins_short",
        "fault_text",
        "api_version",
        "secret_saved",
    ]
    list_filter: ClassVar[list[Any]] = ["channel", "state"]
    search_fields = ["label", "client_id"]
    readonly_fields: ClassVar[list[str]] = [
        "redirect_uri_to_register",
        "pushes_to_enter",
        "api_version_in_full",
    ]
    fieldsets: ClassVar[Any] = [
        (None, {"fields": ["channel", "label", "client_id", "new_secret", "state", "is_default"]}),
        (gettext_lazy("At the channel"), {"fields": ["redirect_uri_to_register", "pushes_to_enter"]}),
        (
            gettext_lazy("More"),
            {
                "fields": [
                    "redirect_base",
                    "wanted_scopes",
                    "config_id",
                    "daily_budget",
                    "api_version_in_full",
                ],
                "classes": ["collapse"],
            },
        ),
    ]
    change_list_template = "admin/tokens/channelapp/change_list.html"
    list_title = gettext_lazy("Channel apps")
    nouns = npgettext_lazy("of so many", "%(shown)s channel app", "%(shown)s channel apps", "number")
    searched = gettext_lazy("Label or client ID")
    empty_words = gettext_lazy("No channel is set up yet.")

    def list_facts(self, request: HttpRequest) -> dict[str, Any]:
        """Return the keys that stored secrets are encrypted with, shown below the list."""
        return {"keys": key_usage.keys_in_use(), "key_problems": key_usage.key_problems()}

    def preparing(self, request: HttpRequest) -> Callable[[Any], None]:
        """Return what gives an app the numbers of its log-ins, which are counted for all apps at one time."""
        found = channel_app_pages.count_in_pools(ChannelApp.objects.all())

        def prepare(app: Any) -> None:
            app.in_pools = found.get(app.pk, (0, 0))

        return prepare

    def get_readonly_fields(self, request: HttpRequest, obj: ChannelApp | None = None) -> list[str]:
        """Fix channel and client ID of a saved app: its secrets and tokens are sealed for them."""
        return [*self.readonly_fields, *(["channel", "client_id"] if obj else [])]

    def page_links(self, request: HttpRequest, row: Any) -> list[RowLink]:
        """Return what the viewer may do with the app."""
        may, address, links = request.user.has_perm, channel_app_pages.address, []
        if may(CHANGE) and not row.is_default and not row.cannot_lead:
            links.append(RowLink(say("lead"), "link", address("lead", row)))
        row.in_use = channel_app_pages.count_log_ins(row)  # for the head, too
        if may(permissions.ASK) and row.state == ChannelApp.State.RETIRING and row.in_use.linked:
            links.append(RowLink(say("ask"), "mail", address("ask", row)))
        return links

    def head_facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what depends on the app, and what its channel says against it or its log-ins."""
        may_change = request.user.has_perm(CHANGE)
        return {
            "in_use": channel_app_pages.in_use(row.in_use),
            "doubted": channel_app_pages.doubted(row, may_decide=may_change),
            "problems": [*filter(None, [row.fault]), *default_app.call_problems(row)],
            "test_url": channel_app_pages.address("test", row)
            if may_change and row.secrets is not None
            else "",
        }

    def get_urls(self) -> list[URLPattern]:
        """Add the actions."""
        return [*channel_app_pages.urls(), *super().get_urls()]

    @display(description=gettext_lazy("Channel app"), ordering="channel")
    def name(self, app: ChannelApp) -> str:
        """Return channel and label."""
        return f"{app.get_channel_display()} · {app.label}" if app.label else app.get_channel_display()

    @display(description=gettext_lazy("State"), ordering="state")
    def state_cell(self, app: ChannelApp) -> SafeString:
        """Return the pill."""
        return tags.pill("channel_app", app.state)

    @display(description=gettext_lazy("For new links"), ordering="is_default", boolean=True)
    def for_new_links(self, app: ChannelApp) -> bool:
        """Return whether new links use this app."""
        return app.is_default

    @display(description=gettext_lazy("Log-ins"))
    def log_ins_short(self, app: Any) -> str:
        """Return how many log-ins use it, for the list, which names the app already."""
        linked, works = app.in_pools
        if not linked:
            return gettext("None")
        text = gettext("%(works)s of %(linked)s work") % {"works": works, "linked": linked}
        return text.replace(" ", "\u00a0")

    @display(description=gettext_lazy("Trouble"))
    def fault_text(self, app: ChannelApp) -> str:
        """Return what the channel said when it refused our app, and what holds up its calls now."""
        return " ".join([*filter(None, [app.fault]), *default_app.call_problems(app)]) or gettext(
            "None known"
        ).replace(" ", "\u00a0")

    @display(description=gettext_lazy("API version"))
    def api_version(self, app: ChannelApp) -> str:
        """Return the version of the channel's API that is in use, and when it ends."""
        channel = registry.get(app.channel)
        name, version = channel.version(), versions.in_use(channel)
        said = [name if version is not None else say("not_known", name=name)]
        if version is not None and version.ends is not None:
            verb = "ends_on" if version.ends > timezone.localdate() else "ended_on"
            said.append(say(verb, when=versions.day(version.ends)))
        return ", ".join(said)

    @display(description=gettext_lazy("API version"))
    def api_version_in_full(self, app: ChannelApp) -> SafeString | str:
        """Return the same with its setting and source."""
        if not app.pk:
            return "—"
        channel = registry.get(app.channel)
        known = channel.versions
        return format_html(
            '<p>{}. {} <a class="at-link" href="{}">{}</a></p>',
            versions.summary(channel, timezone.localdate()),
            say("version_set_by", setting=known.setting, day=versions.day(date.fromisoformat(known.checked))),
            known.source,
            known.source,
        )

    @display(description=gettext_lazy("Secret"))
    def secret_saved(self, app: ChannelApp) -> str:
        """Return whether a secret is saved; never which."""
        return gettext("Saved") if app.secrets is not None else gettext("Missing")

    @display(description=gettext_lazy("Redirect address to register at the channel"))
    def redirect_uri_to_register(self, app: ChannelApp) -> SafeString | str:
        """Return the callback address for copying."""
        if not app.channel:
            base = settings.BASE_URL.rstrip("/")
            return format_html(
                '<code class="at-mono at-pickable">{}/link/CHANNEL/callback/</code> {}',
                base,
                say("channel_in_lower_case"),
            )
        return format_html('<code class="at-mono at-pickable">{}</code>', app.redirect_uri)

    @display(description=gettext_lazy("Pushes: what to enter at the channel"))
    def pushes_to_enter(self, app: ChannelApp) -> SafeString | str:
        """Return the addresses that the channel pushes to, and the verify token, for copying. They open nothing by themselves."""
        rows = app.push_fields
        if not rows:
            return say("no_pushes" if app.pk else "pushes_later")
        return format_html_join("", '<p>{}<br><code class="at-mono at-pickable">{}</code></p>', rows)

    def save_model(
        self, request: HttpRequest, obj: ChannelApp, form: Any, change: bool
    ) -> None:  # Django's signature
        """Save it, and say which app stepped back for it."""
        said = form.cleaned_data
        stepped_back = default_app.save_app(
            app=obj, scopes=said["wanted_scopes"], new_secret=said.get("new_secret", "")
        )
        for other in stepped_back:
            messages.info(request, say("stepped_back", app=str(other)))

    def has_delete_permission(self, request: HttpRequest, obj: ChannelApp | None = None) -> bool:
        """Apps with tokens stay: set them to retiring."""
        return False
