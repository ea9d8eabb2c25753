"""Forms that two people may have open at once: saving one takes nothing back that the other one saved meanwhile.

A page carries what it showed, field by field. What somebody left alone stays as it is when they save; of a list, what each of them added
or took out is done; and what both changed to different things is said, once, before the second one is saved.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.functional import cached_property
from django.utils.text import Truncator
from django.utils.translation import gettext

from ui.text import quoted

if TYPE_CHECKING:
    Base = forms.BaseForm
else:  # beside a form's own class at run time
    Base = object

LONGEST = 80  # characters of a value that is said


class TextOfMany:
    """Of a field whose text is a list, as e-mail addresses are: which entries it has."""

    def entries(self, text: str) -> list[str]:
        """Return them, each once."""
        return list(dict.fromkeys(text.replace(",", " ").replace(";", " ").lower().split()))


class ManyHidden(forms.HiddenInput):
    """Several values in one hidden field, which is there for none, too."""

    def format_value(self, value: Any) -> str:
        """Return them in one text."""
        return ",".join(map(str, value or ()))

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        """Return them one by one."""
        return [one for one in data.get(name, "").split(",") if one]


class SideBySide(Base):
    """Beside a form of a row that is there already, which keeps what others saved since the page was opened."""

    asks_once = True  # about what both changed; a preview does not
    of_what_is_stored = False  # of a form without a row of its own, whether it shows what is stored

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._both: dict[
            str, str
        ] = {}  # fields that both changed, with what the other made of each, in words
        self._is_settled = self._is_copied = False
        self.carry_what_is_shown()

    def carry_what_is_shown(self) -> None:
        """Have the page carry the value of each field, but for secrets; a page of before an upgrade that is sent stays without."""
        known = not self.is_bound or any(self.add_initial_prefix(name) in self.data for name in self.fields)
        for field in self.fields.values():
            is_secret = isinstance(field.widget, forms.PasswordInput)
            field.show_hidden_initial = known and self.is_of_row and not is_secret
            if field.hidden_widget is forms.MultipleHiddenInput:
                field.hidden_widget = ManyHidden

    @property
    def is_of_row(self) -> bool:
        """Whether the form is about something that is stored."""
        instance = getattr(self, "instance", None)
        return self.of_what_is_stored if instance is None else instance.pk is not None

    @cached_property
    def changed_data(self) -> list[str]:
        """The fields that this person changed."""
        self._settle()
        return super().changed_data

    def full_clean(self) -> None:
        """Clean what was sent, with what is stored in the place of what was left alone; say what both changed."""
        self._settle()
        super().full_clean()
        if not (self.is_bound and self.asks_once):
            return
        for name, now in self._both.items():
            if not self.has_error(name):
                self.add_error(name, _words(now))

    def _settle(self) -> None:
        """Put together what was sent and what was stored since, once."""
        if self._is_settled or not self.is_bound:
            return
        self._is_settled = True
        for name, field in self.fields.items():
            carried = field.show_hidden_initial and self.add_initial_prefix(name) in self.data
            if carried and not field.disabled:
                self._settle_field(name, field)

    def _settle_field(self, name: str, field: forms.Field) -> None:
        bound = self[name]
        hidden = field.hidden_widget().value_from_datadict(self.data, self.files, bound.html_initial_name)
        stored = field.prepare_value(self.get_initial_for_field(field, name))
        if _plain(hidden) == _plain(stored):
            return
        sent = bound.data
        if isinstance(field, forms.MultipleChoiceField | forms.ModelMultipleChoiceField):
            self._send(bound.html_name, _merged(hidden, _texts(stored), _texts(sent)))
        elif isinstance(field, TextOfMany):
            parts = (field.entries(str(text or "")) for text in (hidden, stored, sent))
            self._send(bound.html_name, ", ".join(_merged(*parts)))
        elif _plain(sent) == _plain(hidden):
            self._send(bound.html_name, stored)
        elif _plain(sent) != _plain(stored):
            self._both[name] = _said(field, stored)
        kept = ManyHidden().format_value(stored) if _is_many(stored) else stored
        self._send(bound.html_initial_name, "" if kept is None else str(kept))

    def _send(self, name: str, value: Any) -> None:
        """Put a value where the browser would have: into a copy, since rows of a table share what was sent."""
        data: Any = self.data  # of a request, or a dictionary
        if not self._is_copied:
            self.data = data = data.copy()
            self._is_copied = True
        if isinstance(value, bool):
            data.pop(name, None)
            if value:
                data[name] = "on"
        elif isinstance(value, list) and hasattr(data, "setlist"):
            data.setlist(name, value)
        else:
            data[name] = "" if value is None else value


def _is_many(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str)


def _texts(values: Any) -> list[str]:
    return [str(value) for value in values or ()]


def _plain(value: Any) -> Any:
    """Return a value as one that came over the wire, so that both compare."""
    if _is_many(value):
        return frozenset(map(str, value))
    return "" if value is None else str(value).replace("\r\n", "\n").strip()


def _merged(shown: Sequence[str], stored: Sequence[str], sent: Sequence[str]) -> list[str]:
    """Return what was sent, without what others took out since and with what they added."""
    gone = set(shown) - set(stored)
    kept = [one for one in sent if one not in gone]
    known = {*shown, *kept}
    return kept + [one for one in stored if one not in known]


def _said(field: forms.Field, value: Any) -> str:
    """Return a stored value in words; "" for none."""
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    text = "" if value is None else str(value)
    if isinstance(field, forms.ModelChoiceField):
        found = field.queryset.filter(pk=text).first() if text and field.queryset is not None else None
        return field.label_from_instance(found) if found is not None else ""
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices  # none is grouped
        return next((str(label) for key, label in choices if str(key) == text), text)
    return Truncator(text).chars(LONGEST)


def _words(now: str) -> str:
    if not now:
        return gettext(
            "Somebody emptied this since you opened the page. Save again to put yours in its place."
        )
    words = gettext(
        "Somebody changed this to %(value)s since you opened the page. Save again to put yours in its place."
    )
    return words % {"value": quoted(now)}
