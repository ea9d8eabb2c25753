"""Log-ins that have ended, or are said to have."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

from accounts.checks import services as sweeps
from tests.support.factories import NOW
from tokens import lifecycle
from tokens.channels.kinds import Classification, Inspection, Reason, Verdict
from tokens.doubts import services as doubts
from tokens.models import Doubt, Token


def end(
    token: Token,
    reason: Reason = Reason.PASSWORD_CHANGED,
    now: datetime = NOW,
    *,
    source: str = "push",
    evidence: Mapping[str, Any] | None = None,
) -> None:
    """End a log-in as a signed push of its channel does: at once, with what follows from it. What a check says is doubted first."""
    token.refresh_from_db()
    said = Inspection(Classification(Verdict.TOKEN_DEAD, reason), evidence=evidence or {})
    lifecycle.record_inspection(
        token_id=token.pk, generation=token.generation, inspection=said, now=now, source=source, told=True
    )


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


def hours_pass() -> None:
    """Have all that is doubted asked again, as if it was said hours ago already."""
    Doubt.objects.update(began_at=F("began_at") - doubts.TRUE_AFTER)
    for token in Token.objects.exclude(look_again_at=None):
        sweeps.check_now(token, now=timezone.now(), source="sweep")
