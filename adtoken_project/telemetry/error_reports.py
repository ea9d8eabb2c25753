"""Errors for Sentry: what broke and where, never what went through our hands. Imported where SENTRY_DSN is set: its package is optional.

Everything that leaves goes through the filter of the log lines. What may hold data of people or channels does not leave at all: variables,
headers, cookies, bodies, query strings, users, arguments of tasks.
"""

import re
from typing import Any

import sentry_sdk
from django.conf import settings
from sentry_sdk.integrations.logging import ignore_logger

from infra import scrub

DROPPED = {"user", "extra", "modules", "vars", "cookies", "headers", "env", "data", "query_string"}
IDS = {"event_id", "trace_id", "span_id", "parent_span_id"}  # what Sentry puts reports together by
_ID = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")
DEEPEST = 30


def start_error_reports(**options: Any) -> None:
    """Report errors to SENTRY_DSN from now on. `options` of the SDK go before ours, for tests."""
    ours: dict[str, Any] = {
        "dsn": settings.SENTRY_DSN,
        "release": settings.RELEASE,
        "before_send": cleaned,
        "before_send_transaction": cleaned,
        "before_breadcrumb": cleaned,
        "send_default_pii": False,
        "include_local_variables": False,
        "max_request_body_size": "never",
        "auto_session_tracking": False,
        "enable_logs": False,
    }
    sentry_sdk.init(**{**ours, **options})
    # Its lines tell of every request. One that broke is reported as what it is, and "try again later" is no error.
    ignore_logger("adtoken_project.api.middleware")


def cleaned(event: Any, hint: Any = None) -> Any:  # noqa: ARG001  # what the SDK passes
    """Return a report or breadcrumb as it may leave."""
    return _clean(event, DEEPEST)


def _clean(value: Any, depth: int) -> Any:
    if depth == 0:
        return "…"
    if isinstance(value, dict):
        return {
            scrub.line(str(key)): item if _is_id(key, item) else _clean(item, depth - 1)
            for key, item in value.items()
            if key not in DROPPED and not scrub.is_secret(str(key), item)
        }
    if isinstance(value, list | tuple):
        return [_clean(item, depth - 1) for item in value]
    if isinstance(value, str):
        return scrub.line(
            value.partition("?")[0] if value.startswith(("http://", "https://", "/")) else value
        )
    return value


def _is_id(key: Any, item: Any) -> bool:
    if key == "release":
        return bool(item == settings.RELEASE)  # often the name of a commit, which looks like a secret
    return key in IDS and isinstance(item, str) and bool(_ID.fullmatch(item))
