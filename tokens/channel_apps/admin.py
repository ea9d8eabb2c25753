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
from accounts.sync import app_migration as app_use
from portal.lists import OwnList
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
_TROUBLE = gettext_lazy("Trouble")
_IN_DOUBT = gettext_lazy("In doubt")


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
    list_filter: ClassVar[list[str]] = ["channel", "state"]
    search_fields = ["label", "client_id"]
    readonly_fields = [
        "redirect_uri_to_register",
        "pushes_to_enter",
        "secret_saved",
        "fault_text",
        "api_version_in_full",
        "version",
    ]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "channel",
                    "label",
                    "client_id",
                    "new_secret",
                    "secret_saved",
                    "state",
                    "is_default",
                ]
            },
        ),
        (
            gettext_lazy("At the channel"),
            {
                "fields": [
                    "redirect_uri_to_register",
                    "redirect_base",
                    "wanted_scopes",
                    "config_id",
                    "daily_budget",
                    "pushes_to_enter",
                ]
            },
        ),
        (_TROUBLE, {"fields": ["fault_text", "api_version_in_full", "version"]}),
    ]
    warn_unsaved_form = True
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
        found = app_use.count_in_pools(ChannelApp.objects.all())

        def prepare(app: Any) -> None:
            app.in_pools = found.get(app.pk, (0, 0))

        return prepare

    def get_fieldsets(self, request: HttpRequest, obj: ChannelApp | None = None) -> Any:
        """Say on the page of a saved app what depends on it; leave out what there is nothing to say of before it is saved."""
        shown = list(super().get_fieldsets(request, obj))
        if obj is None:
            return [group for group in shown if group[0] != _TROUBLE]
        in_use = (gettext("In use"), {"fields": ["log_ins", "actions_cell"]})
        in_doubt = (
            [(_IN_DOUBT, {"fields": ["doubted"]})] if channel_app_pages.doubted(obj, may_decide=False) else []
        )
        return [*in_doubt, *shown[:1], in_use, *shown[1:]]

    def get_readonly_fields(self, request: HttpRequest, obj: ChannelApp | None = None) -> list[str]:
        """Fix channel and client ID of a saved app: its secrets and tokens are sealed for them."""
        fixed = ["channel", "client_id"] if obj is not None else []
        return [*self.readonly_fields, *fixed, "log_ins", "actions_cell", "doubted"]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the app, with the viewer, whose actions its page shows, and its log-ins: the theme asks for each fact several times."""
        app = super().get_object(request, object_id, from_field)
        if app is not None:
            app.viewer, app.in_use = request.user, app_use.count_log_ins(app)
        return app

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

    @display(description=gettext_lazy("Log-ins"))
    def log_ins(self, app: Any) -> str:
        """Return how many log-ins use it, in a sentence."""
        return channel_app_pages.in_use(app.in_use)

    @display(description=gettext_lazy("What you can do"))
    def actions_cell(self, app: Any) -> SafeString:
        """Return the links to the actions that this person may do."""
        may, address, links = app.viewer.has_perm, channel_app_pages.address, []
        if may(CHANGE) and not app.is_default and not app.cannot_lead:
            links.append((address("lead", app), say("lead")))
        if may(permissions.ASK) and app.state == ChannelApp.State.RETIRING and app.in_use.linked:
            links.append((address("ask", app), say("ask")))
        more = format_html_join(SafeString(""), ' · <a class="at-link" href="{}">{}</a>', links)
        if not may(CHANGE) or app.secrets is None:
            return more or format_html('<span class="at-quiet">{}</span>', say("nothing_to_do"))
        # Of the form around it, which is not saved by it.
        test = '<button class="at-btn" type="submit" formaction="{}" formnovalidate>{}</button> {}'
        return format_html(
            f"{test}{{}}",
            address("test", app),
            say("test"),
            say("test_does"),
            more,
        )

    @display(description=_IN_DOUBT)
    def doubted(self, app: Any) -> str:
        """Return what the channel says against the app's log-ins, which is not believed yet."""
        return channel_app_pages.doubted(app, may_decide=app.viewer.has_perm(CHANGE))

    @display(description=_TROUBLE)
    def fault_text(self, app: ChannelApp) -> str:
        """Return what the channel said when it refused our app, and what holds up its calls now."""
        return " ".join([*filter(None, [app.fault]), *default_app.call_problems(app)]) or gettext(
            "None known"
        ).replace(" ", "\u00a0")

    @display(description=gettext_lazy("API version"))
    def api_version(self, app: ChannelApp) -> str:
        """Return the version of the channel's API that is in use, and when it ends."""
        channel = registry.get(app.channel)
        name, version = versions.name_in_use(channel), versions.in_use(channel)
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
            '<p class="mb-3">{}. {} <a class="at-link" href="{}">{}</a></p>',
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
        return format_html_join(
            "", '<p class="mb-3">{}<br><code class="at-mono at-pickable">{}</code></p>', rows
        )

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
