"""Counting without counting everything."""

from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet

LIMIT = 1_000  # rows that pages count; of more they say "1,000+"


def number(found: int) -> str:
    """Return a number as the reader's language writes it: "1,234", in German "1.234"."""
    return str(intcomma(found))


def counted(rows: QuerySet[Any, Any], *, limit: int = LIMIT) -> int:
    """Return the number of rows, and for more than `limit` of them one more than `limit`. The database stops reading there."""
    return rows.order_by().values("pk")[: limit + 1].count()


def short_count(rows: QuerySet[Any], *, limit: int = LIMIT, zero: str = "0") -> str:
    """Return the number of rows as text, "99+" above `limit`."""
    return shown(counted(rows, limit=limit), limit=limit, zero=zero)


def shown(found: int, *, limit: int = LIMIT, zero: str = "0") -> str:
    """Return a number of rows that was counted as far as `limit` rows and one more as text, "99+" above it."""
    if found > limit:
        return f"{number(limit)}+"
    return number(found) if found else zero
