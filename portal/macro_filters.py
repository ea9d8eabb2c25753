"""Filters of the list of macros."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy

from macros.models import Macro
from users.models import person


class OwnerFilter(SimpleListFilter):
    """Macros of the viewer, and those that nobody looks after: their owner is switched off, or deleted."""

    title = gettext_lazy("owner")
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("me", gettext("Me")), ("gone", gettext("Switched off, or nobody"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Macro]) -> QuerySet[Macro]:
        """Keep the macros of the choice."""
        if self.value() == "me":
            return queryset.filter(owner=person(request))
        if self.value() == "gone":
            return queryset.filter(Q(owner=None) | Q(owner__is_active=False))
        return queryset
