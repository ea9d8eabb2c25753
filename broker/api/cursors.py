"""Where a page of a list ended: what a caller sends back to go on. It says nothing, and promises nothing."""

import base64
import json
from typing import Any

from django.db.models import Model, QuerySet

NEWEST = 2**63 - 1  # the position before the newest row


def make(position: Any) -> str:
    """Return a cursor for a position: a number, or several values that JSON takes."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def page_of[Row: Model](rows: QuerySet[Row], size: int) -> tuple[list[Row], str | None]:
    """Return the first of these rows, and the cursor of what follows them in the order of their ids: None where nothing does."""
    found = list(rows[: size + 1])
    return found[:size], make(found[size - 1].pk) if len(found) > size else None


def read(cursor: str) -> Any:
    """Return the position. Raises ValueError for what we did not make, as far as that can be told here."""
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except RecursionError as error:
        raise ValueError(cursor) from error


def read_number(cursor: str | None, *, otherwise: int) -> int:
    """Return a position that is a row's id; `otherwise` without a cursor. Raises ValueError."""
    if not cursor:
        return otherwise
    position = read(cursor)
    if type(position) is not int or not 0 <= position <= NEWEST:
        raise ValueError(cursor)
    return position
