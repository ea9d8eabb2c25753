"""Paging of long lists. It is in the lowest layer, so that the lists of every app may use it."""

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator

from ui.counts import LIMIT, counted


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # generic only in the stubs
    """Counts as far as pages count, or to the end of the page that is asked for: no list ends early, and no big table is counted whole."""

    asked = 1  # the page that is asked for

    @property
    def limit(self) -> int:
        """How many rows are counted, and one more."""
        return max(LIMIT, self.asked * self.per_page)

    @cached_property
    def count(self) -> int:
        """Return the number of rows; one more than `limit` where there are more."""
        rows: Any = self.object_list  # always a queryset here
        return counted(rows, limit=self.limit)
