"""Paging of long lists. It is in the lowest layer, so that the lists of every app may use it."""

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator

COUNTED = 10_000  # above, pages say "10,000+"


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # generic only in the stubs
    """Counts at most COUNTED rows, so that a page of a big table costs no full count."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, COUNTED at most."""
        rows: Any = self.object_list  # always a queryset here
        return int(rows.order_by()[:COUNTED].count())
