"""Filters of the list of macros."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy

from portal.choices import ChoiceFilter
from users.models import person


class OwnerFilter(ChoiceFilter):
    """Macros of the viewer, and those that nobody looks after: their owner is switched off, or deleted."""

    title = gettext_lazy("owner")
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        self.viewer = person(request)
        return [("me", gettext("Me")), ("gone", gettext("Switched off, or nobody"))]

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep the macros of the choice."""
        mine = Q(owner=self.viewer)
        return rows.filter(mine if value == "me" else Q(owner=None) | Q(owner__is_active=False))
