"""Doubts as rows, for what shows them."""

from datetime import datetime
from typing import Any

from tokens.models import Doubt, Token


def make_doubt(token: Token, *, now: datetime, **fields: Any) -> Doubt:
    """What a check said of a log-in's end, which is doubted unless fields say otherwise."""
    facts = {
        "kind": "log_in",
        "reason": "password_changed",
        "row": "190/460",
        "source": "sweep",
        "began_at": now,
    }
    return Doubt.objects.create(token=token, app=token.app, **facts | fields)
