"""The incident brake: a channel that says of many log-ins of one app at once that they have ended is not believed at once.

The first few within ten minutes are believed. Further ones are held: the log-in is in doubt, so that accounts shift where another one is
usable, and nobody is mailed. The held ones, and the first few with them, are asked again after 15 minutes and once more 15 minutes later.
A success discards what was said; the second refusal confirms it, as a release by staff does. So a bad half-hour of a channel ends no log-in
for good, and where all have truly ended people hear of it half an hour late.

What a channel sends of itself, and what ends on a date that was known, is never held.

Ad accounts that answers take from log-ins that work are counted with the ends, and held in the same way: their pool entries stay as they
are. What is taken from whom the app above knows (`accounts.access_brake`).
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from tokens import renewal
from tokens.channels.kinds import Classification, Reason
from tokens.deaths import WINDOW, Incident, TokenDeath
from tokens.lifecycle import transitions
from tokens.models import Token

AT_ONCE = 20  # ends within the window, this one included, from which on they are held
PER_MILLE = 1  # of a large app's log-ins; so many may end within the window without anything being wrong
AGAIN = timedelta(minutes=15)
ROUNDS = 2  # refusals when asked again that prove it
SOON = timedelta(minutes=5)  # where asking again was hindered
BY_DATE = frozenset({Reason.EXPIRED, Reason.REFRESH_EXPIRED, Reason.DATA_ACCESS_EXPIRED, Reason.UNUSED})
_LOCK = 7_262_010  # with the app's id: ends of one app are counted one after the other

Standing = TokenDeath.Standing
Kind = TokenDeath.Kind


def end(
    token: Token,
    classification: Classification,
    *,
    evidence: Mapping[str, Any],
    now: datetime,
    source: str,
    reason: Reason | None = None,
    told: bool = False,
) -> None:
    """Take an answer that says that the log-in is over: believe it, or hold it. `reason` where it is not the classification's own.

    `told`: the channel sent it of itself; nobody asked.
    """
    cause = reason or classification.reason or Reason.UNKNOWN
    if not told:
        cause = transitions.not_by_the_person(token, cause, now)
    if told or _is_by_date(token, cause, now):
        transitions.mark_dead(token, cause, evidence, now, source, told=told)
        return
    known = _take_up(token, Kind.LOG_IN)
    if (
        known is not None and token.state == Token.State.VALID
    ):  # a process of an older version took a good answer
        known.standing, known.ended_at = Standing.REFUTED, now
        known.save(update_fields=["standing", "ended_at"])
        known = None
    if token.state == Token.State.DEAD:
        transitions.mark_dead(token, cause, evidence, now, source)  # it may be clearer now
        if known is not None:
            _refused_again(known, now)
    elif known is not None and token.reason == Token.HELD:
        known.reason, known.evidence = cause, dict(evidence)
        if _refused_again(known, now):
            transitions.mark_dead(token, cause, evidence, now, source)
    elif _too_many(token, now):
        _note(token, Kind.LOG_IN, cause, classification, evidence, now, source, Standing.HELD)
        transitions.hold(token, cause, evidence, now, source)
    else:
        _note(token, Kind.LOG_IN, cause, classification, evidence, now, source, Standing.BELIEVED)
        transitions.mark_dead(token, cause, evidence, now, source)


def hold_refusal(
    token: Token, classification: Classification, *, evidence: Mapping[str, Any], now: datetime, source: str
) -> datetime | None:
    """Take a refusal to renew a log-in that works. Return when it is to be tried again, as if nothing was said; None: it is believed."""
    known = _take_up(token, Kind.RENEWAL)
    if known is not None:
        return None if _refused_again(known, now) else known.ask_at
    held = _too_many(token, now)
    standing = Standing.HELD if held else Standing.BELIEVED
    _note(
        token,
        Kind.RENEWAL,
        classification.reason or Reason.UNKNOWN,
        classification,
        evidence,
        now,
        source,
        standing,
    )
    return now + AGAIN if held else None


def renewed(token: Token, now: datetime) -> None:
    """Note that a renewal succeeded: what was said of it before is refuted."""
    _asked_again(token, Kind.RENEWAL).update(standing=Standing.REFUTED, ended_at=now)


def held_losses(
    token: Token,
    *,
    refused: Collection[str],
    all_heard: bool,
    classification: Classification,
    evidence: Mapping[str, Any],
    now: datetime,
    source: str,
) -> frozenset[str]:
    """Take an answer that says that a log-in reaches these ad accounts no more. Return those of which it is not believed yet.

    Call it once for all that was read together, after `reached`. The caller holds the token's lock and no account's; it writes what is
    believed, and calls `losses_written` then. `all_heard`: the channel spoke of all ad accounts that are in doubt; else it is no round.
    """
    count_alone(token.app_id)
    known = token.deaths.open(Kind.ACCESS).first()
    if known is not None and known.ask_at is not None:
        return _lost_again(known, refused, all_heard, now)
    if known is not None and known.at > now - WINDOW:
        return (
            frozenset()
        )  # it is counted already, and one cause takes a person's accounts one after the other
    held = _too_many(token, now, refused)
    standing = Standing.HELD if held else Standing.BELIEVED
    said = {**evidence, TokenDeath.AD_ACCOUNTS: sorted(refused)}
    _note(
        token,
        Kind.ACCESS,
        classification.reason or Reason.ACCESS_LOST,
        classification,
        said,
        now,
        source,
        standing,
    )
    return frozenset(refused) if held else frozenset()


def _lost_again(
    death: TokenDeath, refused: Collection[str], all_heard: bool, now: datetime
) -> frozenset[str]:
    """Take a loss of a log-in that is being asked again. Return what is still held of it.

    What is let through or proven stays open until it is written (`losses_written`): the process may die in between.
    """
    if death.decision == TokenDeath.Decision.RELEASE:
        return frozenset()
    held = frozenset(refused) if death.standing == Standing.HELD else frozenset()
    named = _names(death)
    if all_heard and death.ask_at is not None and now >= death.ask_at:  # else a report had it asked
        death.refusals += 1
        death.ask_at = now + AGAIN
    if death.refusals >= ROUNDS:
        held -= named  # what is new has not been asked again
    elif not named >= set(refused):
        _name(death, named.union(refused))
        death.refusals = 0  # what is new has both rounds before it, and the others wait with it
    death.save(update_fields=["evidence", "refusals", "ask_at"])
    return held


def losses_written(token: Token, native_ids: Collection[str], held: Collection[str], now: datetime) -> None:
    """Note that what was let through, or proven, of a log-in's losses is written: of these ad accounts. The case ends with the last one.

    `held`: those of the same answer that are held. The caller holds the token's lock.
    """
    death = _asked_again(token, Kind.ACCESS).first()
    if death is None:
        return
    released = death.decision == TokenDeath.Decision.RELEASE
    if not released and death.refusals < ROUNDS:
        return
    if left := _names(death).difference(native_ids).union(held):
        _name(death, left)
        if held:
            death.refusals, death.ask_at = 0, now + AGAIN
    else:
        death.standing = Standing.RELEASED if released else Standing.CONFIRMED
        death.ended_at = now
    death.save(update_fields=["evidence", "refusals", "ask_at", "standing", "ended_at"])


def reached(token: Token, native_ids: Collection[str], now: datetime) -> frozenset[str]:
    """Note that of these ad accounts it is in doubt no more that a log-in lost them. Return of which it still is.

    Where of none, all that was said is refuted. The caller holds the token's lock.
    """
    death = _asked_again(token, Kind.ACCESS).first()
    if death is None:
        return frozenset()
    named = _names(death)
    left = named.difference(native_ids)
    if not left:
        death.standing, death.ended_at = Standing.REFUTED, now
    elif left < named:
        _name(death, left)
    else:
        return left
    death.save(update_fields=["evidence", "standing", "ended_at"])
    return left


def _names(death: TokenDeath) -> frozenset[str]:
    """Return the ids, at the channel, of the ad accounts that are in doubt."""
    return frozenset(death.evidence[TokenDeath.AD_ACCOUNTS])


def _name(death: TokenDeath, native_ids: Collection[str]) -> None:
    death.evidence = {**death.evidence, TokenDeath.AD_ACCOUNTS: sorted(native_ids)}


def schedule(token: Token, now: datetime) -> None:
    """Have a log-in whose end is held, or was among the first, asked again in time. Call it after `scheduling.apply`. Does not save."""
    if token.reason != Token.HELD and token.state != Token.State.DEAD:
        return
    ask_at = _asked_again(token, Kind.LOG_IN).values_list("ask_at", flat=True).first()
    if ask_at is not None:
        token.due_at = max(ask_at, now + SOON)  # a round that is due and was hindered comes again soon


def renew_at(token: Token, ask_at: datetime) -> None:
    """Have a log-in whose refused renewal is in doubt renewed at this moment, and not before. Does not save."""
    policy = renewal.policy_of(token)
    if policy is not None:
        token.renewal_tried_at = ask_at - policy.again_after
    token.due_at, token.due_for = ask_at, Token.DueFor.REFRESH


def _is_by_date(token: Token, reason: Reason, now: datetime) -> bool:
    """Return whether the log-in ended on a date that was known: what was linked on one day ends on one day."""
    return reason in BY_DATE and token.deadline is not None and token.deadline <= now


def _asked_again(token: Token, kind: Kind) -> Any:
    """Return the ends of this token that are still to be asked about."""
    return token.deaths.open(kind).filter(ask_at__isnull=False)


def count_alone(app_id: int) -> None:
    """Wait for whoever counts ends of this app, and keep others waiting to the end of the transaction.

    It is an advisory lock, and not the app's row: others lock that row while they hold accounts.
    """
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s, %s)", [_LOCK, app_id])


def _take_up(token: Token, kind: Kind) -> TokenDeath | None:
    """Return the open end of this token, and count alone from here on."""
    count_alone(token.app_id)
    found: TokenDeath | None = _asked_again(token, kind).first()
    return found


def _too_many(token: Token, now: datetime, native_ids: Collection[str] = ()) -> bool:
    """Return whether this end, with what the app's log-ins met lately, is too much to be believed; then it is an incident."""
    if Incident.objects.filter(app=token.app_id, ended_at=None).exists():
        return True
    lately = TokenDeath.objects.filter(app=token.app_id).exclude(token=token).since(now - WINDOW)
    ended = lately.exclude(kind=Kind.ACCESS).values("token").distinct().count()
    causes = ended + _causes_of_losses(token, lately.filter(kind=Kind.ACCESS), native_ids)
    causes += not native_ids  # this end itself
    if causes < AT_ONCE:
        return False
    of_app = Token.objects.filter(app=token.app_id)
    if causes < of_app.count() * PER_MILLE / 1000:
        return False
    Incident.objects.get_or_create(app_id=token.app_id, ended_at=None, defaults={"began_at": now})
    return True


def _causes_of_losses(token: Token, lately: QuerySet[TokenDeath], native_ids: Collection[str]) -> int:
    """Return how many causes the losses of access may have, with the one that takes `native_ids`.

    A person who leaves a business loses all of its ad accounts: one log-in. A client who parts with an agency takes one ad account from all
    of its people: one ad account. A channel's bad hour hits many of both, so the smaller number counts.
    """
    tokens, taken = set[int](), set(native_ids)
    if native_ids:
        tokens.add(token.pk)
    for token_id, evidence in lately.values_list("token", "evidence"):
        tokens.add(token_id)
        taken.update(evidence[TokenDeath.AD_ACCOUNTS])
    return min(len(tokens), len(taken))


def _note(
    token: Token,
    kind: Kind,
    reason: str,
    classification: Classification,
    evidence: Mapping[str, Any],
    now: datetime,
    source: str,
    standing: Standing,
) -> None:
    TokenDeath.objects.create(
        token=token,
        app_id=token.app_id,
        kind=kind,
        reason=reason,
        row=classification.row[:200],
        evidence=dict(evidence),
        source=source,
        at=now,
        standing=standing,
        ask_at=now + AGAIN if standing == Standing.HELD else None,
    )


def _refused_again(death: TokenDeath, now: datetime) -> bool:
    """Count a refusal of a round that was due. Return whether it is proven now."""
    assert death.ask_at is not None  # it is open
    if now < death.ask_at:  # a report had it asked in between: that is no round
        death.save(update_fields=["reason", "evidence"])
        return False
    death.refusals += 1
    death.ask_at = now + AGAIN
    if death.refusals >= ROUNDS:
        death.standing, death.ended_at = Standing.CONFIRMED, now
    death.save(update_fields=["reason", "evidence", "refusals", "ask_at", "standing", "ended_at"])
    return death.refusals >= ROUNDS
