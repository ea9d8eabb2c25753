"""What the channel says of a token when it is asked; and what all parts of its life share: changes of state, events, and the news."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.dispatch import Signal

from tokens.channels import registry
from tokens.channels.kinds import HARMLESS, Classification, Inspection, Reason, Verdict
from tokens.doubts import services as doubts
from tokens.doubts.models import Doubt
from tokens.doubts.services import Said
from tokens.lifecycle import app_faults
from tokens.models import Token, TokenEvent
from tokens.unknown_answers import services as unknown_answers
from tokens.vault.services import VaultError
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
DISPUTES = 20  # kept of one token in an hour


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


def inspect_at_channel(token: Token, *, timeout: float | None = None) -> Inspection:
    """Ask the channel about the token. Writes nothing; a token that cannot be asked about is our fault, not its death.

    `timeout` in seconds.
    """
    try:
        keys, credentials = token.app.keys(), token.unseal()
    except (VaultError, ValueError) as error:
        return Inspection(
            Classification(Verdict.OUR_BUG, Reason.TRANSIENT, row="no credentials", note=str(error))
        )
    return registry.get(token.app.channel).inspect(keys, credentials, timeout=timeout)


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
        final = not undecided and not classification.unknown
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
