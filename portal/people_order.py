"""Users in the order of how many accounts they carry, or carry alone: counted for all people by one query."""

import json
from typing import Any

from django.db.models import IntegerField, QuerySet, TextField, Value
from django.db.models.expressions import Func
from django.db.models.functions import Cast
from django.http import HttpRequest
from unfold.views import ChangeList

from portal import person_page
from users.models import User, person

COLUMNS = ("carries", "alone")


class ByNumbers(ChangeList):  # type: ignore[misc]  # the theme ships no types
    """The list of users, which is ordered by two columns that no table has."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[User]) -> list[Any]:
        """Return the order that the address asks for."""
        self.viewer = person(request)
        return super().get_ordering(request, queryset)  # type: ignore[no-any-return]  # the theme ships no types

    def get_ordering_field(self, field_name: Any) -> Any:
        """Return what a column is sorted by."""
        if field_name not in COLUMNS:
            return super().get_ordering_field(field_name)
        return _number_of(person_page.all_who_carry(self.viewer, alone=field_name == "alone"))


def _number_of(by_person: dict[int, int]) -> Func:
    """Return the number of a row's person, 0 for whom it does not name. The database looks each up in one document, not in a list."""
    document = Value(json.dumps(by_person), output_field=TextField())
    return Func(
        document,
        Cast("pk", TextField()),
        template="coalesce((%(expressions)s)::int, 0)",
        arg_joiner="::jsonb ->> ",
        output_field=IntegerField(),
    )
