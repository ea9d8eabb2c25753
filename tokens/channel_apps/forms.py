"""The form of a channel app. Its secret goes in and never comes out."""

from typing import Any

from django import forms
from django.forms import ModelForm
from django.utils.translation import gettext, gettext_lazy

from tokens.channels import registry
from tokens.models import ChannelApp
from ui.form_version import Versioned


class ChannelAppForm(Versioned, ModelForm[ChannelApp]):
    """A channel app. The secret goes in and never comes out."""

    new_secret = forms.CharField(
        label=gettext_lazy("App secret"),
        required=False,
        strip=True,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    wanted_scopes = forms.CharField(
        label=gettext_lazy("Permissions to ask for"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
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
        if cleaned.get("is_default"):
            self._check_new_links(cleaned)
        return cleaned

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


def _having_configurations() -> str:
    """Return the names of the channels whose apps may have a configuration of the log-in."""
    return " and ".join(one.label for one in registry.CHANNELS.values() if one.takes_config_id)
