"""The form of an endpoint."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext, gettext_lazy

from macros.events.models import Event
from macros.webhooks.carriers import PAGERDUTY
from macros.webhooks.models import Endpoint
from macros.webhooks.network import Private, addresses_of
from users.models import Team, User

PORTS = {"http": 80, "https": 443}
KEY = 32  # letters and digits of PagerDuty's routing key


class EndpointForm(forms.Form):
    """Where other systems are told what. The address goes in and never comes out."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Endpoint.Kind.choices)
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("Which system is told.")
    )
    address = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=1000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "With https. Of PagerDuty: the routing key. It is stored encrypted and not shown again."
        ),
    )
    team = forms.ModelChoiceField(Team.objects.none(), label=gettext_lazy("Team"), required=False)
    types = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        choices=Event.Type.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[one for one in Event.Type.values if one.startswith("account.")],
    )

    def __init__(self, *args: Any, viewer: User, endpoint: Endpoint | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.host = endpoint.host if endpoint else ""
        team = self.fields["team"]
        assert isinstance(team, forms.ModelChoiceField)
        sees_all = viewer.sees_all_teams
        team.queryset = Team.objects.all() if sees_all else Team.objects.filter(pk__in=viewer.teams_seen)
        team.required, team.empty_label = not sees_all, gettext("All teams")
        if endpoint is not None:
            del self.fields["kind"]
            self.kind_of = endpoint.kind
            self.fields["address"].required = False
            self.fields["address"].help_text = gettext("Empty: %(host)s, as it is.") % {"host": endpoint.host}
            self.initial = {"name": endpoint.name, "team": endpoint.team_id, "types": endpoint.types}

    def clean(self) -> dict[str, Any]:
        """Refuse an address that nothing can be sent to."""
        cleaned = super().clean() or {}
        kind, address = cleaned.get("kind", getattr(self, "kind_of", "")), cleaned.get("address", "").strip()
        if address:
            try:
                self.host = _host_of(kind, address)
            except forms.ValidationError as error:
                self.add_error("address", error)
        return cleaned | {"address": address}


def _host_of(kind: str, address: str) -> str:
    """Return whom an address leads to. Raises ValidationError, which says what is wrong with it."""
    if kind == Endpoint.Kind.PAGERDUTY:
        if len(address) != KEY or not (address.isascii() and address.isalnum()):
            raise forms.ValidationError(gettext("A routing key has 32 letters and digits."))
        return str(urlsplit(PAGERDUTY).hostname)
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port = "", 0
    if not host or not port or parts.username or any(sign.isspace() for sign in address):
        raise forms.ValidationError(gettext("Enter a whole address, such as https://example.com/hook."))
    try:
        found = addresses_of(host, port)
    except Private:
        said = gettext(
            "%(host)s is in a private network. Whoever runs AdToken can allow that: WEBHOOK_NETWORKS."
        )
        raise forms.ValidationError(said % {"host": host}) from None
    except (OSError, UnicodeError):
        raise forms.ValidationError(gettext("There is no host %(host)s.") % {"host": host}) from None
    if parts.scheme != "https" and not all(one.startswith("127.") for one in found):
        raise forms.ValidationError(gettext("Use https: what is sent is nobody else's business."))
    return host[:255]
