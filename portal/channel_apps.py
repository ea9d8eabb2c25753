"""Channel apps in the staff portal, and the base of the list of all tokens. No secret is shown, searched or logged."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import display
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from tokens import call_state, default_app, key_usage, push_addresses
from tokens.channels import registry, versions
from tokens.models import ChannelApp, Token


class TokenAdmin(ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    """All tokens, read only. Which ones a person sees depends on accounts, so the root composes it; alone it shows superusers all."""

    actions = None
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["native_user_name", "consented_by__name", "consented_by__email", "native_user_id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        """Return the tokens without their credentials."""
        tokens = Token.objects.select_related("app", "consented_by").defer("credentials")
        return tokens if request.user.is_superuser else tokens.none()

    def get_urls(self) -> list[URLPattern]:
        """Return the list alone: a token is looked at in the pool of an account."""
        return [url for url in super().get_urls() if url.name == "tokens_token_changelist"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tokens come by consent or import."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        """Only lifecycle writes tokens."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        """Tokens are unlinked, not deleted."""
        return False


class ChannelAppForm(ModelForm[ChannelApp]):
    """A channel app. The secret goes in and never comes out."""

    new_secret = forms.CharField(
        label="App secret",
        required=False,
        strip=True,
        max_length=500,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )
    wanted_scopes = forms.CharField(
        label="Permissions to ask for",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="One per line, in the channel's own names. Empty: the channel's usual ones.",
    )

    class Meta:
        model = ChannelApp
        fields = (
            "channel",
            "label",
            "client_id",
            "redirect_base",
            "config_id",
            "daily_budget",
            "is_default",
            "state",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        saved = self.instance.pk is not None and self.instance.secrets is not None
        if "is_default" in self.fields:
            self.fields["is_default"].label = "For new links"
        if "daily_budget" in self.fields:
            self.fields["daily_budget"].label = "Calls a day"
        if "state" in self.fields:
            self.fields["state"].help_text = (
                "Live: people can link with it. Set it to Live once ID and secret are entered and the redirect address below is"
                " registered at the channel; until then the channel counts as not set up. Retiring: its log-ins go on, no new ones."
            )
            if not self.instance.pk:
                self.initial["state"] = ChannelApp.State.LIVE
        if "new_secret" in self.fields:
            self.fields["new_secret"].help_text = (
                "A secret is saved and is never shown again. Leave it empty to keep it; a new one takes its place at once."
                if saved
                else "Saved encrypted, never shown again."
            )
        if "wanted_scopes" in self.fields:
            self.fields["wanted_scopes"].initial = "\n".join(self.instance.scopes)

    def clean_wanted_scopes(self) -> list[str]:
        """Return the names, once each."""
        return list(dict.fromkeys(str(self.cleaned_data["wanted_scopes"]).replace(",", " ").split()))

    def clean(self) -> dict[str, Any] | None:
        """Refuse a live app without a secret."""
        cleaned = super().clean() or {}
        channel = cleaned.get("channel") or self.instance.channel
        if cleaned.get("config_id") and channel != "facebook":
            self.add_error(
                "config_id", "Only Facebook has configurations of Login for Business. Leave it empty."
            )
        has_secret = bool(cleaned.get("new_secret")) or self.instance.secrets is not None
        if cleaned.get("state") == ChannelApp.State.LIVE and not has_secret:
            self.add_error("new_secret", "A live app needs its secret.")
        if cleaned.get("is_default"):
            self._check_new_links(cleaned)
        return cleaned

    def _check_new_links(self, cleaned: dict[str, Any]) -> None:
        """Refuse to take new links from a live app for one that could not serve them."""
        if cleaned.get("state") == ChannelApp.State.RETIRING:
            self.add_error("state", "A retiring app takes no new links. Choose Live, or take the tick away.")
        others = ChannelApp.objects.filter(channel=cleaned.get("channel") or self.instance.channel)
        others = others.filter(is_default=True, state=ChannelApp.State.LIVE).exclude(pk=self.instance.pk)
        if cleaned.get("state") == ChannelApp.State.NOT_SET_UP and others.exists():
            words = (
                "New links use another app. Set this one to Live before it takes them, or take the tick away."
            )
            self.add_error("is_default", words)

    def _get_validation_exclusions(self) -> set[str]:
        """Leave out "one default app per channel", which depends on this field: saving takes the tick off the other app."""
        return {*super()._get_validation_exclusions(), "is_default"}  # type: ignore[misc]  # Django's own hook, unknown to the stubs


class ChannelAppAdmin(ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    """Our developer apps on the channels."""

    form = ChannelAppForm
    list_display = [
        "name",
        "client_id",
        "state",
        "for_new_links",
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
            "At the channel",
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
        ("Trouble", {"fields": ["fault_text", "api_version_in_full", "version"]}),
    ]
    warn_unsaved_form = True
    list_after_template = "portal/keys_in_use.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list under its own title, and below it the keys that stored secrets are encrypted with."""
        named = {"title": "Channel apps", "plain_title": True, **(extra_context or {})}
        named |= {"keys": key_usage.in_use(), "key_problems": key_usage.problems()}
        return super().changelist_view(request, named)  # type: ignore[no-any-return]  # untyped theme

    def get_fieldsets(self, request: HttpRequest, obj: ChannelApp | None = None) -> Any:
        """Leave out what there is nothing to say of before the app is saved."""
        shown = super().get_fieldsets(request, obj)
        return shown if obj else [group for group in shown if group[0] != "Trouble"]

    def get_readonly_fields(self, request: HttpRequest, obj: ChannelApp | None = None) -> list[str]:
        """Fix channel and client ID of a saved app: its secrets and tokens are sealed for them."""
        fixed = ["channel", "client_id"] if obj is not None else []
        return [*self.readonly_fields, *fixed]

    @display(description="Channel app", ordering="channel")
    def name(self, app: ChannelApp) -> str:
        """Return channel and label."""
        return f"{app.get_channel_display()} · {app.label}" if app.label else app.get_channel_display()

    @display(description="For new links", ordering="is_default")
    def for_new_links(self, app: ChannelApp) -> str:
        """Return whether new links use this app."""
        return "Yes" if app.is_default else "No"

    @display(description="Trouble")
    def fault_text(self, app: ChannelApp) -> str:
        """Return what the channel said when it refused our app, and what holds up its calls now."""
        return " ".join([*filter(None, [app.fault]), *call_state.trouble(app)]) or "None\u00a0known"

    @display(description="API version")
    def api_version(self, app: ChannelApp) -> str:
        """Return the version of the channel's API that is in use, when it ends, and whether the channel warns of it."""
        channel = registry.CHANNELS.get(app.channel)
        if channel is None:
            return "—"
        name, version = versions.name_in_use(channel), versions.in_use(channel)
        said = [name] if version is not None else [f"{name}, not known"]
        if version is not None and version.ends is not None:
            verb = "ends" if version.ends > timezone.localdate() else "ended"
            said.append(f"{verb} on {versions.day(version.ends)}")
        if app.version_warning:
            said.append(f"{channel.label} warns of its end")
        return ", ".join(said)

    @display(description="API version")
    def api_version_in_full(self, app: ChannelApp) -> SafeString | str:
        """Return the same with its setting and source, and the channel's own words."""
        channel = registry.CHANNELS.get(app.channel)
        if channel is None:
            return "—"
        known = channel.versions
        said = format_html(
            '<p class="mb-3">{}. Set by <code class="at-mono">{}</code>. Source, read on {}: <a class="at-link" href="{}">{}</a></p>',
            versions.summary(channel, timezone.localdate()), known.setting, known.checked, known.source, known.source,
        )  # fmt: skip
        if not app.version_warning:
            return said
        since = timezone.localdate(app.version_warned_at)
        return said + format_html(
            "<p>{} warns in its answers, since {}: {}</p>",
            channel.label,
            versions.day(since),
            app.version_warning,
        )

    @display(description="Secret")
    def secret_saved(self, app: ChannelApp) -> str:
        """Return whether a secret is saved; never which."""
        return "Saved" if app.secrets is not None else "Missing"

    @display(description="Redirect address to register at the channel")
    def redirect_uri_to_register(self, app: ChannelApp) -> SafeString | str:
        """Return the callback address for copying."""
        if not app.channel:
            base = settings.BASE_URL.rstrip("/")
            return format_html(
                '<code class="at-mono at-pickable">{}/link/CHANNEL/callback/</code>, CHANNEL in lower case',
                base,
            )
        return format_html('<code class="at-mono at-pickable">{}</code>', app.redirect_uri)

    @display(description="Pushes: what to enter at the channel")
    def pushes_to_enter(self, app: ChannelApp) -> SafeString | str:
        """Return the addresses that the channel pushes to, and the verify token, for copying. They open nothing by themselves."""
        rows = push_addresses.to_enter(app)
        if not rows:
            return "Nothing: this channel does not push." if app.pk else "Shown once the app is saved."
        return format_html_join(
            "", '<p class="mb-3">{}<br><code class="at-mono at-pickable">{}</code></p>', rows
        )

    def save_model(
        self, request: HttpRequest, obj: ChannelApp, form: Any, change: bool
    ) -> None:  # Django's signature
        """Save it, and say which app stepped back for it."""
        said = form.cleaned_data
        stepped_back = default_app.save(
            app=obj, scopes=said["wanted_scopes"], new_secret=said.get("new_secret", "")
        )
        for other in stepped_back:
            messages.info(request, f"New links use this app from now on. {other} is retiring.")

    def has_delete_permission(self, request: HttpRequest, obj: ChannelApp | None = None) -> bool:
        """Apps with tokens stay: set them to retiring."""
        return False
