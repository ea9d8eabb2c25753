"""What the filters of lists have in common: where the address names what is gone, or is not the viewer's to see, nothing is shown.

To show everything instead would be a wrong answer that looks right: a link or a bookmark outlives the team that it names.
"""

from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst

Lookups = list[tuple[str, str]]


class ChoiceFilter(SimpleListFilter):
    """A filter whose choices are all that a value of the address may be. What each keeps is its own: `keep`."""

    only_by_link = False  # no chip, but where the address chose

    def has_output(self) -> bool:
        """Return whether there is a chip: where there is something to choose from, or the address chose."""
        return bool(self.value()) or (super().has_output() and not self.only_by_link)

    @property
    def is_gone(self) -> bool:
        """Whether the address names what there is not, or what the viewer may not see: the two look alike."""
        value = self.value()
        return bool(value) and not self.stands_for(str(value))

    def stands_for(self, value: str) -> bool:
        """Return whether a value says something: whether it is one of the choices."""
        return value in {str(key) for key, _ in self.lookup_choices}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what the address names: everything where it names nothing, and no row where that says nothing."""
        value = self.value()
        if not value:
            return queryset
        return self.keep(queryset, value) if self.stands_for(value) else queryset.none()

    def keep(self, rows: Any, value: str) -> Any:
        """Keep what a value that says something chooses, of a queryset."""
        return rows.none()


class OfTheAddress(ChoiceFilter):
    """A filter with one choice, the one that the address names; without it there is no chip. Its `words` and `keep` are its own."""

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return what the address names, in words."""
        value = self.value()
        words = self.words(value) if value else ""
        return [(str(value), words)] if words else []

    def words(self, value: str) -> str:
        """Return what is chosen; "" where the value says nothing."""
        return ""


class OnOff(ChoiceFilter):
    """A filter that is on or off: its one choice is called as its title is. What it keeps is its own."""

    on_off = True

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the one choice."""
        return [("1", capfirst(str(self.title)))]
