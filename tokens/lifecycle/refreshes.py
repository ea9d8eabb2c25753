"""The marks around a refresh: asked for, sent, left without an answer. Each is committed before what it announces.

A refresh may spend the refresh token that it was made with, so what was sent must be known even where its answer is lost.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Self

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce

from infra import spans
from tokens.channels import shared
from tokens.lifecycle.transitions import REFRESH_FIELDS, event, refresh_is_over
from tokens.models import Token, TokenEvent
from users.models import User

logger = logging.getLogger(__name__)

WISHED = "refresh-wished"  # what lanes listen to


@transaction.atomic
def want_refresh(
    *, token_id: int, now: datetime, source: str, renew: bool, actor: User | None = None
) -> None:
    """Ask the refresh lane for this token, and give back the caller's claim. Asking again changes nothing but adds what is new."""
    token = Token.objects.locked().get(pk=token_id)
    asked = token.refresh_wanted if token.refresh_wanted_at else {}
    wish: dict[str, Any] = {
        "source": asked.get("source", source),
        "renew": renew or asked.get("renew", False),
        "actor": asked.get("actor") or (actor.pk if actor else None),
    }
    if trace := asked.get("trace") or spans.current():
        wish["trace"] = trace
    Token.objects.filter(pk=token_id).update(
        refresh_wanted_at=Coalesce("refresh_wanted_at", now),
        refresh_wanted=wish,
        claimed_until=None,
        claimed_by=None,
    )
    transaction.on_commit(partial(shared.tell, WISHED), robust=True)


def begin_refresh(*, token_id: int, generation: int, now: datetime, process: str) -> bool:
    """Note that this refresh is sent now. False where the token has moved on or was removed: then it must not be sent."""
    rows = Token.objects.filter(pk=token_id, generation=generation).exclude(reason=Token.REMOVED)
    return bool(rows.update(refresh_began_at=now, refresh_began_by=process[:120]))


def call_off_refresh(*, token_id: int) -> None:
    """Take the mark back: the refresh was not sent after all."""
    Token.objects.filter(pk=token_id).update(refresh_began_at=None, refresh_began_by="")


@dataclass(frozen=True)
class Wish:
    """What somebody asked the refresh lane for: since when (None: nobody asked, a date did), and `refresh_wanted` as it was."""

    at: datetime | None = None
    said: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_token(cls, token: Token) -> Self:
        """Return what is asked for in a token's row as it was read."""
        return cls(token.refresh_wanted_at, dict(token.refresh_wanted))


def end_refresh(*, token_id: int, wish: Wish, claim: int) -> None:
    """Note that this wish has been looked after, and give back the claim that was made for it. What was asked for meanwhile stays."""
    token = Token.objects.filter(pk=token_id)
    if wish.at is not None:
        token.filter(refresh_wanted_at=wish.at, refresh_wanted=dict(wish.said)).update(
            refresh_wanted_at=None, refresh_wanted={}
        )
    token.filter(refresh_began_at=None).claimed_as(claim).let_go()


def have_accounts_read(*, token_id: int, at: datetime) -> None:
    """Have a sweep read the ad accounts of a token that works, from this moment on: nothing has read them since it was found to work.

    One that is due earlier keeps its date: what is due then reads them, too, or is a renewal, which no pause of the channel holds up.
    """
    works = Token.objects.filter(pk=token_id, state=Token.State.VALID)
    works.filter(Q(due_at=None) | Q(due_at__gt=at)).update(due_at=at, due_for=Token.DueFor.ACCOUNTS)


@transaction.atomic
def note_lost_answer(*, token_id: int, now: datetime) -> bool:
    """Note that the process which sent this token's refresh died over it, and have the channel asked at once.

    Returns False where somebody holds it after all.
    """
    token = Token.objects.left_in_refresh(now).filter(pk=token_id).locked().select_related("app").first()
    if token is None or token.refresh_began_at is None:
        return False
    logger.warning(
        "token %s: the answer to the refresh that %s sent at %s is lost; asking the channel",
        token_id, token.refresh_began_by, token.refresh_began_at,
    )  # fmt: skip
    detail = {"sent_at": token.refresh_began_at.isoformat(), "by": token.refresh_began_by}
    again = token.refresh_unanswered_at is None and not token.is_removed
    if token.renewal_spends:
        token.refresh_unanswered_at = token.refresh_unanswered_at or token.refresh_began_at
        event(token, TokenEvent.Kind.ANSWER_LOST, now, source="sweep", detail=detail)
    wish = {"source": "sweep", **token.refresh_wanted, "renew": True}
    refresh_is_over(token)
    token.renewal_tried_at, token.claimed_until, token.claimed_by = now, None, None
    if again:
        token.refresh_wanted_at, token.refresh_wanted = now, wish
    else:  # whatever ended the process twice over this token is not to do so at once a third time
        token.due_at, token.due_for = now + token.wait_after_trouble(), Token.DueFor.PROBE
    token.save(update_fields=[*REFRESH_FIELDS, "due_at", "due_for", "claimed_until", "claimed_by"])
    return True
