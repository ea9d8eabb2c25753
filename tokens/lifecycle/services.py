"""What the parts of a token's life share: changes of state and dates, events, and the news.

Nothing here saves the token: the callers do, with the fields named here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.dispatch import Signal

from tokens.channels.kinds import Classification, Inspection, Reason, Verdict
from tokens.doubts import services as doubts
from tokens.doubts.models import Doubt
from tokens.doubts.services import Said
from tokens.lifecycle import app_faults
from tokens.models import Token, TokenEvent
from users.models import User

# The one piece of news that travels upward: `tokens_changed(token_ids, cause, now, source, actor)`, once per transaction, inside it, with
# all ids. Exactly one receiver: accounts settles the pools.
tokens_changed = Signal()


STATE_FIELDS = ["state", "reason", "state_since", "evidence", "generation", "doubted_at", "look_again_at"]
DATE_FIELDS = [
    "issued_at", "access_expires_at", "refresh_expires_at", "data_access_expires_at", "dates_source",
    "deadline", "deadline_kind", "deadline_clock", "cycle", "cycle_since", "cycle_deadline",
]  # fmt: skip
CHECK_FIELDS = [
    "last_checked_at",
    "last_check_result",
    "proven_at",
    "app_refused_at",
    "due_at",
    "due_for",
    "claimed_until",
    "claimed_by",
    "scopes",
]
REFRESH_FIELDS = [
    "refresh_refused_at", "renewal_tried_at", "refresh_wanted_at", "refresh_wanted", "refresh_began_at", "refresh_began_by",
    "refresh_unanswered_at",
]  # fmt: skip
REPORT = "report"  # the source of what a job was refused with
# The row of a good report that a renewal stands for: the channel was not asked about the token.
RENEWED = "renewed"


@dataclass(frozen=True)
class TransitionOutcome:
    """What a recorded answer made of a token."""

    verdict: Verdict
    state: str
    generation: int
    reason: str = ""
    stale: bool = False  # somebody was faster; nothing was written
    waits: bool = False  # for a refresh, which goes on whatever becomes of who asked
    # The token as it was written, with its app; and what the answer told, of `Inspection`.
    token: Token | None = field(default=None, repr=False, compare=False)
    told: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def is_conclusive(classification: Classification) -> bool:
    """Return whether a doubt rests on the channel's table: what no table knows proves nothing."""
    return not classification.unknown


def take_report(token: Token, inspection: Inspection, now: datetime) -> bool:
    """Take what a good report says: proven now, scopes and dates as said. Return whether its date begins a new cycle of warnings.

    Does not save.
    """
    token.proven_at = token.last_checked_at = now
    if inspection.scopes is not None:
        token.scopes = list(inspection.scopes)
    if inspection.dates is not None:
        token.set_dates(inspection.dates, keep=True)
    cycle = token.cycle
    token.set_deadline(now)
    return token.cycle != cycle  # a date that jitters is no event


def mark_valid(token: Token, inspection: Inspection, now: datetime, source: str) -> None:
    """Take a good report, and come back from doubt or death."""
    if take_report(token, inspection, now):
        record_event(token, TokenEvent.Kind.DATES, now, source=source, detail=token.deadline_facts)
    come_back(token, now, source)
    if inspection.classification.row != RENEWED:
        app_faults.clear_fault(app=token.app, call="introspect")
        doubts.prove_doubts(token, [Doubt.Kind.LOG_IN], asked_at=now)


def come_back(token: Token, now: datetime, source: str) -> None:
    """Return from doubt or death, where the token is in either."""
    if token.state != Token.State.VALID:
        token.set_state(Token.State.VALID, "", {}, now)
        token.generation += 1
        record_event(token, TokenEvent.Kind.RECOVERED, now, source=source)
    elif token.doubted_at is not None:
        record_event(token, TokenEvent.Kind.RECOVERED, now, source=source)
    token.doubted_at = None
    doubts.refute_doubts(token, [Doubt.Kind.LOG_IN], now)


def mark_dead(
    token: Token,
    reason: str,
    evidence: Mapping[str, Any],
    now: datetime,
    source: str,
    *,
    actor: User | None = None,
    told: bool = False,
) -> None:
    """End the token, once: a second report may only make the reason clearer, and tells nobody again.

    `told`: the channel sent it of itself, and names the person's action.
    """
    token.last_checked_at = now
    if not told:
        reason = token.reason_of_refusal(reason)
    if token.state == Token.State.DEAD:
        # "Unknown" makes nothing clearer, and would end the daily question whether a suspension was lifted.
        if reason not in {token.reason, Reason.UNKNOWN, Reason.ANSWER_LOST}:
            token.reason, token.evidence = reason, dict(evidence)
        return
    cause = reason
    if reason == Reason.AUTHORISATION_CANCELLED and token.is_removed_since_linked:
        cause = Token.REMOVED  # the call that ended an older consent took this one along: nobody cancelled it
    token.set_state(Token.State.DEAD, cause, evidence, now)
    token.doubted_at = None
    token.doubts.undecided().update(true_at=now)
    token.generation += 1
    detail = {"reason": cause, "evidence": dict(evidence)}
    record_event(token, TokenEvent.Kind.DIED, now, source=source, actor=actor, detail=detail)


def keep_on_trouble(
    token: Token, classification: Classification, evidence: Mapping[str, Any], now: datetime, source: str
) -> None:
    """Take trouble on the way: it changes nothing, but a token whose date has passed cools until the channel can be asked.

    One whose last date has passed ends.
    """
    if classification.verdict == Verdict.APP_FAULT:
        app_faults.record_fault(
            app=token.app,
            classification=classification,
            call=str(evidence.get("call", "introspect")),
            now=now,
        )
    if ended_by_date(token, evidence, now, source):
        return
    if token.state == Token.State.VALID and token.access_is_over(now):
        cool_token(token, Reason.EXPIRED, evidence, now, source)


def ended_by_date(token: Token, evidence: Mapping[str, Any], now: datetime, source: str) -> bool:
    """End a token whose last date has passed, whatever the channel answers or if it does not. Return whether it was that."""
    if token.state == Token.State.DEAD or not token.last_date_is_over(now):
        return False
    refusal = token.events.filter(kind=TokenEvent.Kind.NOT_RENEWED).first()
    if token.refresh_refused_at is not None and refusal is not None:
        reason = Reason(refusal.detail.get("reason", Reason.UNKNOWN))
    else:
        reason = Reason.REFRESH_EXPIRED if token.has_refresh_token else Reason.EXPIRED
    mark_dead(token, reason, evidence, now, source)
    return True


def put_in_doubt(token: Token, reason: str, evidence: Mapping[str, Any], now: datetime, source: str) -> None:
    """Note that an answer says that the token is over. It is served on where its pools have nobody else.

    Not where a job was refused with it, or its date has passed: then it cools.
    """
    token.last_checked_at = now
    is_new, token.doubted_at = token.doubted_at is None, token.doubted_at or now
    if token.state != Token.State.VALID:
        return
    if source == REPORT or token.access_is_over(now):
        cool_token(token, Token.DOUBTED, evidence, now, source, says=reason)
    elif is_new:
        detail = {"doubted": reason, "evidence": dict(evidence)}
        record_event(token, TokenEvent.Kind.COOLED, now, source=source, detail=detail)


def cool_token(
    token: Token, reason: str, evidence: Mapping[str, Any], now: datetime, source: str, *, says: str = ""
) -> None:
    """Serve the token no more until the channel has confirmed it. `says`: which end its answer names."""
    token.set_state(Token.State.COOLING, reason, evidence, now)
    token.generation += 1
    detail = {"evidence": dict(evidence)} | ({"doubted": says} if says else {})
    record_event(token, TokenEvent.Kind.COOLED, now, source=source, detail=detail)


def notify_pools(token: Token, before: tuple[Any, ...], now: datetime, source: str) -> None:
    """Send the news where a pool could decide differently."""
    if token.pool_facts == before:
        return
    cause = token.reason
    if token.state == Token.State.VALID:
        doubt = {(False, True): Token.DOUBTED, (True, False): "recovered"}
        cause = doubt.get((before[3], token.doubted_at is not None), "dates")
        cause = "recovered" if before[0] != Token.State.VALID else cause
    died = token.state == Token.State.DEAD and before[0] != Token.State.DEAD
    tokens_changed.send(
        sender=Token,
        token_ids=[token.pk],
        cause=cause,
        now=now,
        source=source,
        died=[token.pk] if died else [],
    )


def record_event(
    token: Token,
    kind: TokenEvent.Kind,
    now: datetime,
    *,
    source: str,
    actor: User | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write one event."""
    TokenEvent.objects.create(
        token=token, kind=kind, at=now, source=source, actor=actor, detail=dict(detail or {})
    )


def outcome_of(token: Token, verdict: Verdict, *, stale: bool = False) -> TransitionOutcome:
    """Return what the record made of the token."""
    return TransitionOutcome(verdict, token.state, token.generation, token.reason, stale, token=token)


def take_end(
    token: Token,
    said: Said,
    *,
    now: datetime,
    source: str,
    kind: Doubt.Kind = Doubt.Kind.LOG_IN,
    told: bool = False,
) -> None:
    """Take an answer that says that the log-in is over, or may be: believe it, or doubt it first. Does not save.

    What the channel sent of itself (`told`), what our own removal took along, and what ends on a date that was known is believed at once.
    """
    cause = str(said.reason or said.classification.reason or Reason.UNKNOWN)
    if said.proves and not told:
        cause = token.reason_of_refusal(cause)
    ours = cause == Reason.AUTHORISATION_CANCELLED and token.is_removed_since_linked
    is_dead = token.state == Token.State.DEAD
    if said.proves and not is_dead and (told or ours or token.ends_by_date(cause, now)):
        mark_dead(token, cause, said.evidence, now, source, told=told)
        return
    asked_again = not is_dead or token.look_again_at is not None
    said = replace(said, reason=cause)
    true = doubts.take_doubts(token, kind, {"": said}, now=now, source=source) if asked_again else frozenset()
    if (true and not is_dead) or (is_dead and said.proves):  # it may be clearer now
        mark_dead(token, cause, said.evidence, now, source, told=told)
    elif not is_dead:
        put_in_doubt(token, cause, said.evidence, now, source)


def record_ask(*, token: Token, actor: User | None, recipient: str, now: datetime) -> None:
    """Note that the person who consented was asked to re-authenticate."""
    record_event(
        token, TokenEvent.Kind.ASKED, now, source="staff", actor=actor, detail={"recipient": recipient}
    )
