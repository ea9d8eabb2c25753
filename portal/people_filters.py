"""Filters of the lists of people."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from users import visibility
from users.models import User, person


class OwnTeamsFilter(admin.SimpleListFilter):
    """People or invitations by team; only teams that the viewer manages are offered."""

    title = gettext_lazy("team")
    parameter_name = "team"

    def lookups(self, request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        """Return the teams."""
        return [(str(team.pk), team.name) for team in visibility.teams_of(person(request)).order_by("name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the chosen team; all where the address names none of the viewer's."""
        teams = visibility.teams_of(person(request))
        if self.value() not in {str(pk) for pk in teams.values_list("pk", flat=True)}:
            return queryset
        field = "memberships__team" if queryset.model is User else "team"
        return queryset.filter(**{field: self.value()})
