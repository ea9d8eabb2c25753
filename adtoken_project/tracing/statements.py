"""Statements of the database as spans: their text with placeholders, never the values."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tokens import spans

LONGEST = 2_000  # characters
SAVEPOINTS = ("SAVEPOINT ", "RELEASE SAVEPOINT ")  # told by nothing but their number
_INNER = re.compile(r"\([^()]*\)")
_VERB = re.compile(r"\s*(\w+)")
_TABLE = re.compile(r'(?i)\b(?:from|into|update)\s+"?([a-z_]\w*)')


def watch(execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any) -> Any:
    """Run a statement, as a span where it belongs to one: what a process does in between would fill the collector."""
    if not spans.records() or not isinstance(sql, str) or sql.startswith(SAVEPOINTS):
        return execute(sql, params, many, context)
    facts = {"db.system.name": "postgresql", "db.query.text": sql[:LONGEST]}
    with spans.span(_name(sql), kind="client", facts=facts):
        return execute(sql, params, many, context)


@lru_cache(maxsize=1024)
def _name(sql: str) -> str:
    """Return what the statement does to which table, such as `SELECT accounts_account`; what is in brackets is another statement's."""
    inner = 1
    while inner:
        sql, inner = _INNER.subn("", sql)
    verb, table = _VERB.match(sql), _TABLE.search(sql)
    return " ".join([verb[1].upper() if verb else "SQL", *([table[1]] if table else [])])
