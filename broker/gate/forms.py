"""The form that makes a credential on an account's page."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from accounts.models import ApiKey
from broker.gate.credentials import DAYS, MOST_DAYS


class CredentialForm(forms.Form):
    """By which key, what for, and how long."""

    key = forms.ModelChoiceField(
        ApiKey.objects.none(),
        label=gettext_lazy("API key"),
        help_text=gettext_lazy("Revoking this key ends the credential."),
    )
    purpose = forms.ChoiceField(
        label=gettext_lazy("What for"),
        choices=[("publish", gettext_lazy("Publish and read")), ("read", gettext_lazy("Read only"))],
        widget=forms.RadioSelect,
        initial="publish",
    )
    days = forms.IntegerField(label=gettext_lazy("Days"), min_value=1, max_value=MOST_DAYS, initial=DAYS)

    def __init__(self, *args: Any, keys: QuerySet[ApiKey], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["key"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset, field.empty_label = keys, None
