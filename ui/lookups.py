"""Conditions that Django has no lookup for. `ui.apps` makes them known."""

from typing import Any

from django.db.models import Exists, Lookup


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


class AnyOf(Lookup[bool]):
    """A row's id is one of these numbers: `pk__any_of`, `token__any_of`.

    `in` writes a parameter for each: of five thousand, in six statements of one page, that took more time than the answers. Where they are
    joined with much else, PostgreSQL finds the rows by these ids first; a subquery of them (`ui.ids.as_one`) took up to twice as long.
    """

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return the condition and its parameter."""
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = any(%s::bigint[])", (*parameters, [int(one) for one in self.rhs])


class ExistsForEach(Exists):
    """`Exists` that is asked of each row by itself, where few rows are asked.

    PostgreSQL may rather work out the whole set that the condition is about: the log-ins of all pools, to say of one whether it is in any.
    It takes an offset for something to keep.
    """

    template = "EXISTS(%(subquery)s OFFSET 0)"
