"""The form of a channel app. Its secret goes in and never comes out."""

from typing import Any, cast

from django import forms
from django.forms import ModelForm
from django.forms.models import ModelFormMetaclass
from django.utils.translation import gettext, gettext_lazy
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from tokens.channels import declarations, registry
from tokens.channels.kinds import AppField
from tokens.models import ChannelApp
from tokens.vault import NothingStored, VaultError
from ui.form_version import Versioned
from ui.text import mid


class ChannelAppForm(Versioned, ModelForm[ChannelApp]):
    """A channel app. The secret goes in and never comes out."""

    new_secret = forms.CharField(
        label=gettext_lazy("App secret"),
        required=False,
        strip=True,
        max_length=500,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )
    wanted_scopes = forms.CharField(
        label=gettext_lazy("Permissions to ask for"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy("One per line, in the channel's own names. Empty: the channel's usual ones."),
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
            self.fields["is_default"].label = gettext("For new links")
        if "daily_budget" in self.fields:
            self.fields["daily_budget"].label = gettext("Calls a day")
        if "config_id" in self.fields:
            self.fields["config_id"].help_text = gettext(
                "%(channels)s only: a configuration of Login for Business. It takes the place of the permissions asked for."
            ) % {"channels": _having_configurations()}
        if "state" in self.fields:
            self.fields["state"].help_text = gettext(
                "Live: people can link with it. Set it to Live once ID and secret are entered and the redirect address below is"
                " registered at the channel; until then the channel counts as not set up. Retiring: its log-ins go on, no new ones."
            )
            if not self.instance.pk:
                self.initial["state"] = ChannelApp.State.LIVE
        if "new_secret" in self.fields:
            self.fields["new_secret"].help_text = (
                gettext(
                    "A secret is saved and is never shown again. Leave it empty to keep it; a new one takes its place at once."
                )
                if saved
                else gettext("Saved encrypted, never shown again.")
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
        native = registry.CHANNELS.get(str(channel))
        if cleaned.get("config_id") and (native is None or not native.takes_config_id):
            self.add_error(
                "config_id",
                gettext("Only %(channels)s has configurations of Login for Business. Leave it empty.")
                % {"channels": _having_configurations()},
            )
        has_secret = bool(cleaned.get("new_secret")) or self.instance.secrets is not None
        if cleaned.get("state") == ChannelApp.State.LIVE and not has_secret:
            self.add_error("new_secret", gettext("A live app needs its secret."))
        if cleaned.get("state") == ChannelApp.State.LIVE:
            self._check_app_fields(str(channel))
        if self.more and not cleaned.get("new_secret") and not self._opens():
            self.add_error("new_secret", gettext("The stored secret can no longer be read. Enter it again."))
        if cleaned.get("is_default"):
            self._check_new_links(cleaned)
        return cleaned

    @property
    def more(self) -> dict[str, str]:
        """The further values that were entered for the app's channel, by name."""
        channel = str(self.cleaned_data.get("channel") or self.instance.channel)
        values = {one.name: self.cleaned_data.get(name_of(channel, one)) for one in _fields_of(channel)}
        return {name: value for name, value in values.items() if value}

    def _opens(self) -> bool:
        """Return whether what is stored can stay beside what was entered."""
        try:
            self.instance.keys()
        except NothingStored:
            return True
        except VaultError:
            return False
        return True

    def _check_app_fields(self, channel: str) -> None:
        """Refuse a live app without what its channel wants of each app."""
        saved = self.instance.names_of_more if self.instance.pk else frozenset()
        for one in _fields_of(channel):
            name = name_of(channel, one)
            if one.name not in saved and not self.cleaned_data.get(name):
                self.add_error(
                    name if name in self.fields else None,
                    gettext("A live app needs its %(field)s.") % {"field": mid(str(one.label))},
                )

    def _check_new_links(self, cleaned: dict[str, Any]) -> None:
        """Refuse to take new links from a live app for one that could not serve them."""
        if cleaned.get("state") == ChannelApp.State.RETIRING:
            self.add_error(
                "state", gettext("A retiring app accepts no new links. Choose Live, or take the tick away.")
            )
        others = ChannelApp.objects.filter(channel=cleaned.get("channel") or self.instance.channel)
        others = others.filter(is_default=True, state=ChannelApp.State.LIVE).exclude(pk=self.instance.pk)
        if cleaned.get("state") == ChannelApp.State.NOT_SET_UP and others.exists():
            words = gettext(
                "New links use another app. Set this one to Live before it takes them, or take the tick away."
            )
            self.add_error("is_default", words)


def form_for(app: ChannelApp | None) -> type[ChannelAppForm]:
    """Return the form with a field for each further value that apps of the app's channel need; before it is saved, of all channels."""
    keys = [app.channel] if app is not None else list(registry.CHANNELS)
    saved = app.names_of_more if app is not None else frozenset()
    more = {name_of(key, one): _field(key, one, saved) for key in keys for one in _fields_of(key)}
    if not more:
        return ChannelAppForm
    return cast("type[ChannelAppForm]", ModelFormMetaclass("ChannelAppForm", (ChannelAppForm,), more))


def name_of(channel: str, one: AppField) -> str:
    """Return what the form calls a further value."""
    return f"more_{channel}_{one.name}"


def names_of(form: type[ChannelAppForm]) -> list[str]:
    """Return the names of the form's fields for further values."""
    return [name for name in form.declared_fields if name.startswith("more_")]


def _having_configurations() -> str:
    """Return the names of the channels whose apps may have a configuration of the log-in."""
    return " and ".join(one.label for one in registry.CHANNELS.values() if one.takes_config_id)


def _fields_of(channel: str) -> tuple[AppField, ...]:
    return registry.CHANNELS[channel].app_fields if channel in registry.CHANNELS else ()


def _field(channel: str, one: AppField, saved: frozenset[str]) -> forms.CharField:
    said = (
        gettext("Saved; leave it empty to keep it.")
        if one.name in saved
        else gettext("Saved encrypted, never shown again.")
    )
    return forms.CharField(
        label=f"{one.label} ({declarations.label(channel)})",
        required=False,
        strip=True,
        max_length=500,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=" ".join(filter(None, [one.help_text, said])),
    )
