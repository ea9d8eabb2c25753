"""Forms of API keys, of moving accounts, and of a system user's token."""

from datetime import date, datetime, time, timedelta
from functools import reduce
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext, gettext_lazy

from accounts.api_keys import services as api_keys
from accounts.models import ApiKey
from tokens.channels import declarations, registry
from tokens.models import ChannelApp
from ui.confirm import ConfirmForm
from users.models import Team, User

KEY_LASTS = timedelta(days=365)  # unless another day is chosen
SCOPES = [(one.value, format_lazy("{} · {}", one.label, one.value)) for one in ApiKey.Scope]
LAST_YEAR = 2100  # of a day that somebody enters: what is beyond means never, and the last day of all has no day after it


def _either(first: str, last: str) -> str:
    return gettext("%(first)s or %(last)s") % {"first": first, "last": last}


def first_moment(day: date) -> datetime:
    """Return when a day begins in the viewer's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


class MoveForm(ConfirmForm):
    """Which team an account goes to, among those that the person manages."""

    team = forms.ModelChoiceField(
        Team.objects.none(), label=gettext_lazy("New team"), empty_label=gettext_lazy("Choose a team")
    )
    field_order = ("team", "note")

    def __init__(self, *args: Any, viewer: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["team"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = viewer.teams_managed.order_by("name")


class KeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("Which system uses it.")
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Permissions"),
        choices=SCOPES,
        widget=forms.CheckboxSelectMultiple,
        initial=list(api_keys.FOR_JOBS),
        help_text=gettext_lazy(
            "“Lease, sign and report tokens” hands out a person's log-in, which reaches further than the teams you tick: it is good in "
            "every ad account of that person, until the channel ends it. The gate hands out none."
        ),
    )
    teams = forms.ModelMultipleChoiceField(
        Team.objects.none(),
        label=gettext_lazy("Teams"),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("The key sees these teams' accounts."),
    )
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("Channels"),
        choices=declarations.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=gettext_lazy("None ticked: all channels."),
    )

    last_day = forms.DateField(
        label=gettext_lazy("Last day"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),  # what browsers take
        help_text=gettext_lazy(
            "The key stops when this day is over. You and operators are mailed 30, 7 and 1 days ahead. Empty: no end."
        ),
    )

    def __init__(self, *args: Any, viewer: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["last_day"].initial = timezone.localdate() + KEY_LASTS
        teams = Team.objects.all()
        if not viewer.is_superuser:
            teams = teams.filter(memberships__user=viewer)
            scopes = self.fields["scopes"]
            assert isinstance(scopes, forms.MultipleChoiceField)
            scopes.choices = [one for one in SCOPES if one[0] != ApiKey.Scope.PROVISION]
        field = self.fields["teams"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = teams

    def clean_last_day(self) -> date | None:
        """Refuse a day that is over, or so far off that no end is meant."""
        day: date | None = self.cleaned_data["last_day"]
        if day is not None and day < timezone.localdate():
            raise forms.ValidationError(gettext("This day is over."))
        if day is not None and day.year > LAST_YEAR:
            raise forms.ValidationError(gettext("Choose a day before 2101. Empty: the key has no end."))
        return day

    def clean(self) -> dict[str, Any] | None:
        """Say when the key ends, to the moment."""
        cleaned = super().clean()
        if cleaned is not None:
            day = cleaned.pop("last_day", None)
            cleaned["expires_at"] = first_moment(day + timedelta(days=1)) if day else None
        return cleaned


class SystemUserForm(forms.Form):
    """A system user's token, pasted by staff. The token goes in and never comes out, also after an error."""

    app = forms.ModelChoiceField(
        ChannelApp.objects.none(),
        label=gettext_lazy("Channel app"),
        help_text=gettext_lazy("The app the token was generated for."),
        empty_label=None,
    )
    team = forms.ModelChoiceField(
        Team.objects.none(),
        label=gettext_lazy("Team"),
        help_text=gettext_lazy(
            "Owns the token: its members are told when it ends. New accounts go to this team."
        ),
        empty_label=None,
    )
    access_token = forms.CharField(
        label=gettext_lazy("System user’s access token"),
        max_length=2000,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, viewer: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        taking = {key: one.label for key, one in registry.CHANNELS.items() if one.takes_pasted_tokens}
        self.fields["access_token"].help_text = gettext(
            "Stored encrypted, never shown again. It is checked at %(channels)s before it is kept."
        ) % {"channels": reduce(_either, map(str, taking.values())) if taking else ""}
        apps, teams = self.fields["app"], self.fields["team"]
        assert isinstance(apps, forms.ModelChoiceField)
        assert isinstance(teams, forms.ModelChoiceField)
        apps.queryset = ChannelApp.objects.filter(channel__in=taking, secrets__isnull=False)
        mine = {} if viewer.is_superuser else {"memberships__user": viewer}
        teams.queryset = Team.objects.filter(**mine)
