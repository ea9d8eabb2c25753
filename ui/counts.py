"""Counting without counting everything."""

from typing import Any

from django.db.models import QuerySet


def short_count(rows: QuerySet[Any], *, limit: int, zero: str = "0") -> str:
    """Return the number of rows as text, "99+" above `limit`. The database stops reading there."""
    found = rows.order_by().values("pk")[: limit + 1].count()
    if found > limit:
        return f"{limit:,}+"
    return f"{found:,}" if found else zero
