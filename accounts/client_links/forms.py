"""The form that makes a client link."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from accounts.asks import links
from accounts.asks.links import say
from accounts.linking import queries as setup
from tokens.channels import declarations, registry
from users.models import Team, User


class ClientLinkForm(forms.Form):
    """Whom to ask, for which team, at which channels, and whether only certain ad accounts."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        help_text=gettext_lazy("The link goes there, and later whatever the person has to renew."),
    )
    name = forms.CharField(label=gettext_lazy("Name"), max_length=150, required=False)
    team = forms.ModelChoiceField(
        queryset=Team.objects.none(), label=gettext_lazy("Team that the accounts are for"), empty_label=None
    )
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("Channels"), widget=forms.CheckboxSelectMultiple, choices=()
    )
    native_ids = forms.CharField(
        label=gettext_lazy("Only these ad accounts"),
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("IDs, one a line, for one channel. Empty: the person chooses."),
    )
    note = forms.CharField(label=gettext_lazy("A line of yours"), max_length=300, required=False)
    days = forms.IntegerField(
        label=gettext_lazy("Works for (days)"), min_value=1, max_value=links.LONGEST.days, initial=7
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = user.teams_managed.order_by("name")
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]  # a choice of models
        if teams[
            1:2
        ]:  # whoever forgets the choice would put a client's accounts into the first team of the alphabet
            self.fields["team"].empty_label = "---------"  # type: ignore[attr-defined]
        ready = [
            (key, label) for key, label in declarations.choices() if setup.channel_state(key) == setup.READY
        ]
        self.fields["channels"].choices = ready  # type: ignore[attr-defined]  # a choice

    def clean(self) -> dict[str, Any]:
        """Turn the ids into what is asked for, as their channel spells them."""
        found = super().clean() or self.cleaned_data
        wanted = [one for one in re.split(r"[\s,;]+", found.get("native_ids", "")) if one]
        channels: Sequence[str] = found.get("channels", [])
        if wanted and len(channels) != 1:
            self.add_error("native_ids", say("one_channel"))
            return found
        if len(wanted) > links.MOST_ASKED_FOR:  # nothing is left out in silence
            self.add_error("native_ids", say("too_many_ids", n=len(wanted), most=links.MOST_ASKED_FOR))
            return found
        found["asked_for"] = [self._asked(channels[0], one) for one in wanted]
        return found

    def _asked(self, channel: str, text: str) -> tuple[str, str]:
        try:
            native_id = registry.get(channel).canonical_id(text)
        except ValueError:
            self.add_error("native_ids", say("unknown_account", native_id=text[:40]))
            native_id = ""
        return channel, native_id
