"""What the channel said of a token when it was asked, and what is noted of one without changing its state."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from tokens.channels.kinds import HARMLESS, Classification, Inspection, Reason, Verdict
from tokens.doubts.services import Said
from tokens.lifecycle import app_faults
from tokens.lifecycle.services import (
    CHECK_FIELDS,
    DATE_FIELDS,
    STATE_FIELDS,
    TransitionOutcome,
    ended_by_date,
    is_conclusive,
    keep_on_trouble,
    mark_dead,
    mark_valid,
    notify_pools,
    outcome_of,
    record_event,
    take_end,
)
from tokens.models import Token, TokenEvent
from tokens.unknown_answers import services as unknown_answers

DISPUTES = 20


def record_dispute(*, token: Token, evidence: Mapping[str, Any], now: datetime, source: str) -> None:
    """Keep a report that our own probe did not confirm. Of one token at most `DISPUTES` an hour: a job may repeat itself for ever."""
    recent = TokenEvent.objects.filter(
        token=token, kind=TokenEvent.Kind.DISPUTED, at__gt=now - timedelta(hours=1)
    )
    if recent.count() >= DISPUTES:
        return
    record_event(token, TokenEvent.Kind.DISPUTED, now, source=source, detail=dict(evidence))


def postpone(*, token_id: int, claim: int, now: datetime) -> None:
    """Look at a token later, because checking it under this claim failed on our side, and give the claim back where it stands still."""
    token = Token.objects.filter(pk=token_id)
    token.update(due_at=now + Token(pk=token_id).wait_after_trouble())
    token.claimed_as(claim).let_go()


def note_use(*, token_id: int, now: datetime) -> None:
    """Note a use, at most once an hour, so that leases write nothing on the hot path."""
    Token.objects.filter(pk=token_id).exclude(last_used_at__gt=now - timedelta(hours=1)).update(
        last_used_at=now
    )


@transaction.atomic
def record_inspection(
    *,
    token_id: int,
    generation: int,
    inspection: Inspection,
    now: datetime,
    source: str,
    undecided: bool = False,
    told: bool = False,
    answered_at: datetime | None = None,
    closed_for: int | None = None,
) -> TransitionOutcome:
    """Write what the channel said of a token, unless its generation has moved on meanwhile.

    What says that it is over, clearly or not, is doubted first (`tokens.doubts`). An ambiguous answer proves nothing where it is
    `undecided`: what would have decided it was hindered. An answer that blames our app, while the app's other tokens go on working, is
    about this token, and ambiguous. Passing trouble changes no state, except that a token whose date has passed cools,
    and one whose last date has ends.
    `now` is when the question began, `answered_at` when its answer came. `told`: nothing was asked, the channel sent it of itself.
    `closed_for`: nobody was asked, because the app is not to be for so many seconds; a token that was due stays due.
    """
    token = Token.objects.locked().select_related("app").get(pk=token_id)
    if token.generation != generation or token.is_removed:
        return outcome_of(token, inspection.classification.verdict, stale=True)
    before = token.pool_facts
    classification = _whose_fault(token, inspection.classification, answered_at or now)
    token.claimed_until = token.claimed_by = None
    token.last_check_result = classification.verdict
    if classification.verdict == Verdict.OK:
        mark_valid(token, inspection, now, source)
    elif classification.verdict == Verdict.TOKEN_DEAD:
        take_end(token, Said(classification, inspection.evidence), now=now, source=source, told=told)
    elif classification.verdict == Verdict.CONFIRM_FIRST:
        final = not undecided and is_conclusive(classification)
        _doubt(token, classification, inspection, now, source, final=final)
    else:
        keep_on_trouble(token, classification, inspection.evidence, now, source)
    if closed_for is not None and token.pool_facts == before:
        token.stay_due(now, closed_for=closed_for)
    else:
        token.set_due(now, retry_after=classification.retry_after or 0)
    token.save(update_fields=STATE_FIELDS + DATE_FIELDS + CHECK_FIELDS)
    notify_pools(token, before, now, source)
    unknown_answers.keep_answer(token.app, classification, inspection.evidence, token_id=token.pk, now=now)
    return replace(outcome_of(token, classification.verdict), told=inspection.told)


def _whose_fault(token: Token, classification: Classification, answered_at: datetime) -> Classification:
    """Return what an answer means that blames our app: a fault of the app is seen by all its tokens.

    Where another token of the app was proven since this one's answers began to blame the app, it is this token's. Until then the answer
    stays as it is, and others are asked at once, so that it is known within minutes. `proven_at` is when a question
    began, so one that was under way when the first such answer came is no proof.
    """
    if classification.verdict in HARMLESS:
        return classification
    if classification.verdict != Verdict.APP_FAULT:
        token.app_refused_at = None
        return classification
    others = Token.objects.others_of_app(token)
    if token.app_refused_at is None:
        token.app_refused_at = answered_at
        if token.app.fault_since is None:
            others.ask_some(answered_at)
        return classification
    if not others.filter(proven_at__gt=token.app_refused_at).exists():
        if answered_at - token.app_refused_at < app_faults.WITNESS_WITHIN:
            others.ask_some(answered_at)  # one may have been held by its own check
        return classification
    return Classification(
        Verdict.CONFIRM_FIRST, Reason.UNKNOWN, row="blames the app, others work", note=classification.note
    )


def _doubt(
    token: Token,
    classification: Classification,
    inspection: Inspection,
    now: datetime,
    source: str,
    *,
    final: bool,
) -> None:
    """Take an ambiguous answer. An answer that no table knows is not `final`."""
    if ended_by_date(token, inspection.evidence, now, source):
        return
    # Its date has passed, nothing renews it, and the channel refuses it: that is the end, not a doubt.
    over = token.access_is_over(now) and not token.can_renew(now)
    if over and final and token.state != Token.State.DEAD:
        mark_dead(token, classification.reason or Reason.EXPIRED, inspection.evidence, now, source)
    else:
        said = Said(classification, inspection.evidence, proves=False, conclusive=final)
        take_end(token, said, now=now, source=source)
