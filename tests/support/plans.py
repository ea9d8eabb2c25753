"""How PostgreSQL carried a query out."""

import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet


def carried_out(rows: QuerySet[Any]) -> Iterator[dict[str, Any]]:
    """Carry a query out, and yield the nodes of its plan with what they counted."""
    waiting = [json.loads(rows.explain(format="json", analyze=True))[0]["Plan"]]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.get("Plans", [])
