"""Asking the channel about a token: outside any transaction, one question per token at a time, recorded by lifecycle.

A token that is due is renewed first, and a good renewal is a good report. A token that looks dead is renewed once, where anything renews
it, before its death is believed, and the channel is asked about what came of it; a refusal to renew is believed once the channel was asked
about the access token too.
"""

import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.db import DatabaseError

from tokens import answers, channels, courses, lifecycle, renewal
from tokens.channels.base import DOUBTFUL, Inspection, Reason, Ruling, Verdict
from tokens.channels.http import Limit
from tokens.clock import Clock
from tokens.courses import Course
from tokens.lifecycle import Outcome, steps
from tokens.models import Token
from tokens.renewal import Attempt
from tokens.vault import VaultError
from users.models import User

WAIT = 10  # seconds for which a caller waits for somebody else's question
RENEWED = Inspection(Ruling(Verdict.OK, row=steps.RENEWED))
JUST_NOW = timedelta(minutes=5)


def claim(token_id: int, now: datetime) -> bool:
    """Take the right to ask about this token. Return whether nobody else holds it."""
    return bool(Token.objects.filter(pk=token_id).free(now).claim(now))


def ask(token: Token, *, timeout: float | None = None) -> Inspection:
    """Ask the channel about the token. Writes nothing; a token that cannot be asked about is our fault, not its death."""
    try:
        keys, credentials = token.app.keys(), token.unseal()
    except (VaultError, ValueError) as error:
        return Inspection(Ruling(Verdict.OUR_BUG, Reason.TRANSIENT, row="no credentials", note=str(error)))
    return channels.get(token.app.channel).inspect(keys, credentials, timeout=timeout)


def course(
    token: Token,
    *,
    now: datetime,
    source: str,
    limit: Limit | None = None,
    renew: bool = False,
    actor: User | None = None,
) -> Course[Outcome]:
    """Find out how a claimed token stands and write it; the claim ends with it. `renew`: renew it although it is not due."""
    limit, clock = limit or Limit(None), Clock(now)
    tried: Attempt | None = None
    if renewal.wanted(token, now) or (renew and renewal.possible(token, now)):
        tried, token = yield from _renew(token, now, source, limit, actor)
    inspection = _renewed(tried, token, now)
    if inspection is None:
        inspection = yield partial(ask, token, timeout=limit.left())
    if inspection.ruling.verdict in DOUBTFUL and tried is None and _can_heal(token, now):
        tried, token = yield from _renew(token, now, source, limit, actor)
        if _renewed(tried, token, now):
            again = yield partial(ask, token, timeout=limit.left())
            inspection = _healed(again)
    if tried is not None and tried.refused:
        return lifecycle.record_refusal(
            token_id=token.pk,
            generation=token.generation,
            attempt=tried,
            inspection=inspection,
            now=now,
            source=source,
        )
    undecided = tried is not None and tried.grant is None and inspection.ruling.verdict in DOUBTFUL
    if tried is not None and undecided:
        inspection = _undecided(token, inspection, tried, now)
    return lifecycle.record_inspection(
        token_id=token.pk,
        generation=token.generation,
        inspection=inspection,
        now=now,
        source=source,
        undecided=undecided,
        answered_at=clock.read(),
    )


def _renew(
    token: Token, now: datetime, source: str, limit: Limit, actor: User | None
) -> Course[tuple[Attempt, Token]]:
    """Try once and write what came of it; returns the attempt and the token as it stands then."""
    tried: Attempt = yield partial(renewal.attempt, token, timeout=limit.left())
    if tried.grant is not None:
        lifecycle.record_renewal(
            token_id=token.pk,
            generation=token.generation,
            grant=tried.grant,
            now=now,
            source=source,
            actor=actor,
        )
        return tried, Token.objects.select_related("app").get(pk=token.pk)
    if not tried.refused:
        lifecycle.record_renewal_trouble(token_id=token.pk, attempt=tried, now=now)
    return tried, token


def _renewed(tried: Attempt | None, token: Token, now: datetime) -> Inspection | None:
    """Take a renewal that was written as a good report; an exchange that moved no date is none."""
    return RENEWED if tried is not None and tried.grant is not None and token.renewed_at == now else None


def _can_heal(token: Token, now: datetime) -> bool:
    """Return whether one renewal may show that a token which looks dead is not. An exchange needs a living token, so it cannot."""
    policy = renewal.policy_of(token)
    return policy is not None and not policy.exchange and renewal.possible(token, now)


def _healed(again: Inspection) -> Inspection:
    """Judge a token that looked dead and was renewed by what the channel says of the new one: refused too, it is in doubt."""
    if again.ruling.verdict not in DOUBTFUL:
        return RENEWED
    return replace(again, ruling=replace(again.ruling, verdict=Verdict.CONFIRM_FIRST))


def _undecided(token: Token, inspection: Inspection, tried: Attempt, now: datetime) -> Inspection:
    """Judge a token that looks dead while the renewal that would tell is hindered: in doubt, or simply waiting for its renewal."""
    if renewal.lapsed(token, now):
        return Inspection(replace(tried.ruling, unknown=""), evidence=tried.evidence)  # kept already
    return replace(inspection, ruling=replace(inspection.ruling, verdict=Verdict.CONFIRM_FIRST))


def probe(
    token_id: int, *, now: datetime, source: str, timeout: float | None = None, renew: bool = False
) -> Outcome:
    """Ask the channel about one token and record the answer. A second caller waits for the first one's answer.

    Where the first one died over it, the second takes over. Raises Token.DoesNotExist. The outcome's verdict is TRANSIENT where somebody
    else's question did not end in time.
    """
    limit = Limit(timeout)
    if not claim(token_id, now):
        outcome = _wait_for_the_other(token_id, now, timeout or WAIT)
        if outcome is not None:
            return outcome
    answers.learn(now)
    token = Token.objects.select_related("app").get(pk=token_id)
    return run_claimed(token_id, course(token, now=now, source=source, limit=limit, renew=renew))


def run_claimed(token_id: int, course: Course[Outcome]) -> Outcome:
    """Run a course of a claimed token to its end. Where it fails, the claim ends with it."""
    try:
        return courses.run(course)
    except BaseException:
        with suppress(DatabaseError):
            Token.objects.filter(pk=token_id).let_go()
        raise


def lengthen(token_id: int, *, until: datetime, now: datetime, source: str, timeout: float) -> None:
    """Have a token serve until a time, if asking the channel or a renewal can bring that about.

    A renewal a few minutes ago gave what it could: another one for a longer wish would burn refreshes at every lease.
    """
    token = Token.objects.select_related("app").get(pk=token_id)
    ends = token.access_expires_at
    if ends is None or ends > until:
        return
    just_renewed = token.renewed_at is not None and now - token.renewed_at < JUST_NOW
    renews = _can_heal(token, now) and not just_renewed
    if renews or ends <= now:
        probe(token_id, now=now, source=source, timeout=timeout, renew=renews)


def _wait_for_the_other(token_id: int, now: datetime, seconds: float) -> Outcome | None:
    """Return what the other one's question gave, or None where its claim has ended without an answer and is ours now."""
    began = time.monotonic()
    while True:
        token = Token.objects.get(pk=token_id)
        if token.claimed_until is None:
            verdict = (
                Verdict.TOKEN_DEAD
                if token.state == Token.State.DEAD
                else Verdict(token.last_check_result or "ok")
            )
            return Outcome(verdict, token.state, token.generation, token.reason)
        waited = time.monotonic() - began
        if claim(token_id, now + timedelta(seconds=waited)):
            return None
        if waited > seconds:
            return Outcome(Verdict.TRANSIENT, token.state, token.generation, token.reason, stale=True)
        time.sleep(0.2)
