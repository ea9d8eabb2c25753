"""What happened around a token without changing its state."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tokens import scheduling
from tokens.lifecycle.transitions import event
from tokens.models import Token, TokenEvent
from users.models import User

DISPUTES = 20


def record_dispute(*, token: Token, evidence: Mapping[str, Any], now: datetime, source: str) -> None:
    """Keep a report that our own probe did not confirm. Of one token at most `DISPUTES` an hour: a job may repeat itself for ever."""
    lately = TokenEvent.objects.filter(
        token=token, kind=TokenEvent.Kind.DISPUTED, at__gt=now - timedelta(hours=1)
    )
    if lately.count() >= DISPUTES:
        return
    event(token, TokenEvent.Kind.DISPUTED, now, source=source, detail=dict(evidence))


def note_linked(*, token_ids: Iterable[int], now: datetime) -> None:
    """Note that these tokens are, or were, in the pool of an account: a log-in with a history is never cleared away by a sweep."""
    Token.objects.filter(pk__in=list(token_ids), first_linked_at=None).update(first_linked_at=now)


def record_ask(*, token: Token, actor: User | None, recipient: str, now: datetime) -> None:
    """Note that the person who consented was asked to re-authenticate."""
    event(token, TokenEvent.Kind.ASKED, now, source="staff", actor=actor, detail={"recipient": recipient})


def postpone(*, token_id: int, claim: int, now: datetime) -> None:
    """Look at a token later, because checking it under this claim failed on our side, and give the claim back where it stands still."""
    token = Token.objects.filter(pk=token_id)
    token.update(due_at=now + scheduling.after_trouble(Token(pk=token_id)))
    token.claimed_as(claim).let_go()


def note_use(*, token_id: int, now: datetime) -> None:
    """Note a use, at most once an hour, so that leases write nothing on the hot path."""
    Token.objects.filter(pk=token_id).exclude(last_used_at__gt=now - timedelta(hours=1)).update(
        last_used_at=now
    )
