"""Fields of the form of a macro, and of others that take lists: addresses, days, accounts."""

from collections import Counter
from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from accounts.models import Account
from ui.addresses import as_one, id_of

CHIPS = {
    "data-chips": gettext_lazy("Remove #")
}  # each of what is typed stands by itself (admin.js); # is what the button takes out
ADDRESS = r"[^@\s]+@[^@\s]+\.[^@\s]+"  # what a chip of an address looks like that could be one


def words(text: str) -> list[str]:
    """Return what is between commas, semicolons, spaces and line breaks."""
    return text.replace(",", " ").replace(";", " ").split()


class EmailsField(forms.CharField):
    """E-mail addresses as people type them; gives a list in lower case."""

    def prepare_value(self, value: Any) -> Any:
        """Show a stored list as text."""
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        """Return the addresses. Names each that is not complete. Raises ValidationError."""
        addresses = list(dict.fromkeys(word.lower() for word in words(super().clean(value) or "")))
        errors = list[ValidationError]()
        for address in addresses:
            try:
                validate_email(address)
            except ValidationError:
                text = gettext("“%(address)s” is not a complete e-mail address.") % {"address": address}
                errors.append(ValidationError(text))
        if errors:
            raise ValidationError(errors)
        return addresses


class DaysField(forms.CharField):
    """Days in advance as people type them; gives whole numbers, widest first."""

    def prepare_value(self, value: Any) -> Any:
        """Show a stored list as text."""
        return ", ".join(str(day) for day in value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[int]:
        """Return the days: whole numbers from 1 to 365, each once; none where nothing is typed. Raises ValidationError."""
        typed = words(super().clean(value) or "")
        if not all(word.isascii() and word.isdigit() and 1 <= int(word[:6]) <= 365 for word in typed):
            raise ValidationError(gettext("Use whole numbers from 1 to 365."))
        days = [int(word) for word in typed]
        twice = [day for day, count in Counter(days).items() if count > 1]
        if twice:
            raise ValidationError(
                [ValidationError(gettext("%(day)s is in the list twice.") % {"day": day}) for day in twice]
            )
        return sorted(days, reverse=True)


class AccountsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # it takes none at run time
    """Accounts in a picker, each with its channel and id. What the picker finds is named alike by the admin site."""

    def label_from_instance(self, obj: Any) -> str:
        """Return the account's name with its channel and id."""
        return str(obj.full_name)

    def clean(self, value: Any) -> "QuerySet[Account]":
        """Return the accounts. Django's own makes a query, which it does not ask, for each of thousands. Raises ValidationError."""
        chosen = value or []
        if not isinstance(chosen, (list, tuple)):
            raise ValidationError(self.error_messages["invalid_list"], code="invalid_list")
        texts = list(dict.fromkeys(map(str, chosen)))
        ids = {text: id_of(text) for text in texts}
        assert self.queryset is not None  # the form sets it
        found = self.queryset.filter(pk__in=as_one(ids.values())) if ids else self.queryset.none()
        there = {account.pk for account in found}  # `draft` and `save_rest` read what the queryset keeps
        for text, pk in ids.items():
            if pk not in there:
                code = "invalid_choice" if pk else "invalid_pk_value"
                raise ValidationError(
                    self.error_messages[code], code=code, params={"value": text, "pk": text}
                )
        self.run_validators(value)
        if isinstance(self.widget, AccountsPicker):
            self.widget.read = (set(ids.values()), found)
        return found


class AccountsPicker(AutocompleteSelectMultiple):
    """The admin site's picker for thousands of chosen accounts: their options are written here, not by two templates for each of them."""

    # Ids whose accounts its field has read already, and these accounts: the same page shows them again.
    read: tuple[set[int], Any] | None = None

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Return the picker with the chosen accounts; what is no id, or of no account that can be chosen, is left out."""
        empty, end, rest = super().render(name, [], attrs, renderer).rpartition("</select>")
        ids = {int(pk) for pk in map(str, value or []) if pk.isascii() and pk.isdigit() and len(pk) < 19}
        label = self.choices.field.label_from_instance
        again = self.choices.queryset.filter(pk__in=as_one(ids)) if ids else []
        found = self.read[1] if self.read and self.read[0] == ids else again
        options = format_html_join(
            "", '<option value="{}" selected>{}</option>', ((one.pk, label(one)) for one in found)
        )
        return SafeString(empty) + options + SafeString(end + rest)
