"""Conditions that Django has no lookup for. `ui.apps` makes them known."""

from typing import Any

from django.db.models import Lookup


class Holds(Lookup[bool]):
    """A text column holds these letters, in whichever case: `subject__holds`.

    `icontains` compares the upper case of the column, of whose values PostgreSQL knows nothing: it took the 88,000 mails that a search
    finds for four, and read and sorted them all where the newest 10,000 were wanted.
    """

    lookup_name = "holds"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return the condition and its parameters."""
        column, parameters = self.process_lhs(compiler, connection)
        compares = (
            "like" if self.rhs.lower() == self.rhs.upper() else "ilike"
        )  # of digits alone it costs a third
        return f"{column} {compares} %s", (*parameters, f"%{connection.ops.prep_for_like_query(self.rhs)}%")
