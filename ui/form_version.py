"""Forms that two people may have open at once: the second one reads that somebody was faster, and keeps what they typed.

A page carries a version of what it showed. Where something else is stored by then, nothing is saved, and the page is shown again with the
version of today: whoever saves once more has looked.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

if TYPE_CHECKING:
    Base = forms.BaseForm
else:  # beside a form's own class at run time
    Base = object


class Versioned(Base):
    """Beside a form about something that is stored. Its template shows `version_input`; a page without it is not asked for a version."""

    of_what_is_stored = False  # of a form without a row of its own, whether it shows what is stored
    is_saved = True  # a preview is not, and nobody need look again

    @cached_property
    def version(self) -> str:
        """What is stored of what the form shows, as a digest; "" of a new row."""
        instance = getattr(self, "instance", None)
        if not (self.of_what_is_stored if instance is None else instance.pk):
            return ""
        stored = [
            _plain(field.prepare_value(self.get_initial_for_field(field, name)))
            for name, field in self.fields.items()
        ]
        return sha256(repr([*stored, self.beside()]).encode()).hexdigest()[:16]

    @property
    def version_input(self) -> SafeString:
        """The hidden field that carries it; "" of a new row."""
        tag = '<input type="hidden" name="version" value="{}">'
        return format_html(tag, self.version) if self.version else SafeString()

    def beside(self) -> list[Any]:
        """Return what the page shows and changes beside the form's own fields."""
        return []

    def full_clean(self) -> None:
        """Clean what was sent, and refuse it once where somebody else saved meanwhile."""
        super().full_clean()
        sent = self.data.get("version", "") if self.is_bound and self.is_saved else ""
        if sent and sent != self.version:
            self.add_error(
                None,
                gettext(
                    "Somebody was faster: this was changed since you opened the page. Look again. What you typed is still here, "
                    "and saving puts it in place of theirs."
                ),
            )


def _plain(value: Any) -> Any:
    """Return a stored value so that the same one reads the same: of several, whatever their order."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return sorted(map(str, value))
    return "" if value is None else str(value)
