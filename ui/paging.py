"""Paging of long lists. It is in the lowest layer, so that the lists of every app may use it."""

from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator

COUNTED = 10_000  # above, pages say "10,000+"


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # generic only in the stubs
    """Counts at most COUNTED rows, so that a page of a big table costs no full count, and reads whole rows only for the page itself.

    `costly`: to say of a row whether it belongs to the list costs more than to sort those that do, as in a search. Then the keys of all
    rows that are counted are read at one time, and nothing is asked twice: `whole` has all rows, and of it those of the page are read.
    """

    costly = False
    whole: Any = None  # a queryset

    @cached_property
    def first_keys(self) -> list[Any]:
        """Return the keys of the first COUNTED rows, in their order."""
        rows: Any = self.object_list
        return list(rows.values_list("pk", flat=True)[:COUNTED])

    @cached_property
    def count(self) -> int:
        """Return the number of rows, COUNTED at most."""
        if self.costly:
            return len(self.first_keys)
        rows: Any = self.object_list  # always a queryset here
        return int(rows.order_by().values("pk")[:COUNTED].count())

    def page(self, number: int | str) -> Page[Any]:
        """Return a page. Raises InvalidPage for a number that there is none of.

        The database finds the keys of its rows first: to sort 100,000 rows with all that a line shows, and to leave 9,950 of them out,
        costs a hundred times as much as to do so with keys alone.
        """
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        rows: Any = self.object_list
        if not self.costly or self.whole is None:
            keys = rows.values_list("pk", flat=True)[first : first + self.per_page]
            return Page(rows.filter(pk__in=list(keys)), number, self)
        keys = self.first_keys[first : first + self.per_page]
        whole = self.whole.filter(pk__in=keys).order_by()
        whole.query.select_related = rows.query.select_related
        found = {row.pk: row for row in whole}
        return Page([found[key] for key in keys if key in found], number, self)
