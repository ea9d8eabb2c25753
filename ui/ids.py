"""Ids as they come in addresses and forms."""

from collections.abc import Iterable

from django.db.models.expressions import RawSQL


def id_of(text: str) -> int:
    """Return the id that a text spells, 0 for none: what is no number, or longer than an id can be. Never raises."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def as_one(ids: Iterable[int]) -> RawSQL:
    """Return ids for `pk__in` as one parameter: a thousand of them take longer to be written into a statement than to be looked up."""
    return RawSQL("select unnest(%s::bigint[])", [list(ids)])  # a constant
