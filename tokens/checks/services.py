"""Asking the channel about a token: outside any transaction, one question per token at a time, recorded by lifecycle.

A token that is due is renewed first, and a good renewal is a good report. A token that looks dead is renewed once, where anything renews
it, before its death is believed, and the channel is asked about what came of it; a refusal to renew is believed once the channel was asked
about the access token too.

Refreshes are made in a process of their own, which outlives whoever asked for them (`tokens.checks.refresh_lane`): a refresh may void the
refresh token that it was made with, and an answer that nobody waits for is a log-in lost. So no request, task or page makes one within its
own deadline: it asks for it in the token's row, waits a while and goes. Commands that a person waits for, and that may run where no such
process does, make theirs themselves (`refreshes_made_here`), and wait as long as the process would.
"""

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import DatabaseError, connection

from infra import io_steps, liveness
from infra.io_steps import Clock, Job
from tokens import lifecycle
from tokens.channels import gate
from tokens.channels.http import Limit
from tokens.channels.kinds import DOUBTFUL, Classification, Credentials, Inspection, Reason, Verdict
from tokens.lifecycle import TransitionOutcome
from tokens.lifecycle import services as transitions
from tokens.lifecycle.renewals import Attempt, renew_at_channel
from tokens.models import Token
from tokens.token.renewal import JUST_NOW
from tokens.vault.services import VaultError
from users.installation import hold
from users.models import User

logger = logging.getLogger(__name__)

REFRESH_WAIT = 10  # seconds for which a caller waits for the refresh that it asked for
WAIT = 10  # seconds for which a caller waits for somebody else's question
SHORTEST, LONGEST, PATIENCE_GROWS = (
    0.05,
    0.5,
    1.3,
)  # seconds between two looks at a row that somebody else holds
RENEWED = Inspection(Classification(Verdict.OK, row=transitions.RENEWED))
CHECKS = frozenset({"sweep", "staff", "push"})  # sources whose questions go on to the token's ad accounts
A_MOMENT = 2  # seconds for which a lease waits for a better token than the one that would do

_here: ContextVar[bool] = ContextVar("refreshes_are_made_here", default=False)


def are_refreshes_made_here() -> bool:
    """Return whether whoever asks makes the refresh itself."""
    return _here.get()


@contextmanager
def refreshes_made_here() -> Iterator[None]:
    """Make refreshes right here, where nothing ends us but the person who waits for us, or who is the refresh lane."""
    before = _here.set(True)
    try:
        yield
    finally:
        _here.reset(before)


def refresh_timeout(left: float | None) -> float:
    """Return the seconds for which a refresh is waited for; `left` is what a caller of its own has."""
    return settings.REFRESH_TIMEOUT if left is None else left


def process_name() -> str:
    """Return what this process is called in a token's row."""
    return f"{socket.gethostname()[:90]}:{os.getpid()}"


def claim_token(token_id: int, now: datetime) -> int:
    """Take the right to ask about this token. Return the claim's number; 0 where somebody holds it, or a refresh of it is asked for."""
    return Token.objects.filter(pk=token_id).askable(now).claim(now)


def check_job(
    token: Token,
    *,
    now: datetime,
    source: str,
    limit: Limit | None = None,
    renew: bool = False,
    actor: User | None = None,
    read_accounts: bool = False,
) -> Job[TransitionOutcome]:
    """Find out how a claimed token stands and write it; the claim ends with it. `renew`: renew it although it is not due.
    `read_accounts`: of one that was renewed, a sweep reads the ad accounts at once.

    Where refreshes are not made here, one that is needed is asked for instead, and the outcome says so (`waits`).
    """
    limit, clock = limit or Limit(None), Clock(now)
    tried: Attempt | None = None
    asks = _Renewing(now, source, limit, actor, read_accounts)
    # Of many leases that want a longer life, those that come when one got it want it no more.
    renew = renew and token.can_renew(now) and not (source == "lease" and token.was_just_renewed(now))
    if renew or token.is_to_be_renewed(now):
        if not are_refreshes_made_here():
            return asks.leave_to_the_lane(token, renew=renew)
        tried, token = yield from asks.renew(token, is_last=True)
    inspection = RENEWED if _was_just_asked(token, now, source) else _renewed(tried, token, now)
    if inspection is None:
        inspection = yield partial(transitions.inspect_at_channel, token, timeout=limit.left())
    if inspection.classification.verdict in DOUBTFUL and tried is None and token.can_heal(now):
        if not are_refreshes_made_here():
            return asks.leave_to_the_lane(token, renew=False)
        tried, token = yield from asks.renew(token)
        if _renewed(tried, token, now):
            again = yield partial(transitions.inspect_at_channel, token, timeout=limit.left())
            inspection = _healed(again)
    record = partial(_record, token, tried, inspection, now, source, answered_at=clock.read())
    # What a refresh gave cannot be asked for again; whoever only asked does not wait for PostgreSQL.
    return record() if tried is None else io_steps.stored(record)


def _record(
    token: Token,
    tried: Attempt | None,
    inspection: Inspection,
    now: datetime,
    source: str,
    *,
    answered_at: datetime,
) -> TransitionOutcome:
    """Write what the channel said, by what came of a renewal before."""
    valid_and_free = token.state == Token.State.VALID and token.claimed_until is None
    if inspection is RENEWED and tried is not None and valid_and_free:
        return transitions.outcome_of(token, Verdict.OK)  # the renewal that was written said it all
    if tried is not None and tried.refused:
        return lifecycle.record_refusal(
            token_id=token.pk,
            generation=token.generation,
            attempt=tried,
            inspection=inspection,
            now=now,
            source=source,
        )
    undecided = tried is not None and tried.grant is None and inspection.classification.verdict in DOUBTFUL
    if tried is not None and undecided:
        inspection = _undecided(token, inspection, tried, now)
    return lifecycle.record_inspection(
        token_id=token.pk,
        generation=token.generation,
        inspection=inspection,
        now=now,
        source=source,
        undecided=undecided,
        answered_at=answered_at,
        closed_for=token.closed_for() if gate.was_not_asked(inspection.evidence) else None,
    )


@dataclass(frozen=True)
class _Renewing:
    """Who wants a renewal, and how it is made."""

    now: datetime
    source: str
    limit: Limit
    actor: User | None
    read_accounts: bool

    def leave_to_the_lane(self, token: Token, *, renew: bool) -> TransitionOutcome:
        """Ask for the renewal and end."""
        lifecycle.want_refresh(
            token_id=token.pk, now=self.now, source=self.source, renew=renew, actor=self.actor
        )
        return TransitionOutcome(
            Verdict.TRANSIENT, token.state, token.generation, token.reason, stale=True, waits=True
        )

    def renew(self, token: Token, *, is_last: bool = False) -> Job[tuple[Attempt, Token]]:
        """Try once and write what came of it; returns the attempt and the token as it stands then. `is_last`: a good answer is the end.

        That it is sent is committed before, so that an answer that is lost with this process is missed. Nothing but the commit stands
        between the answer and its place.
        """
        process = process_name()
        if not lifecycle.begin_refresh(
            token_id=token.pk, generation=token.generation, now=self.now, process=process
        ):
            classification = Classification(Verdict.TRANSIENT, Reason.TRANSIENT, row="overtaken")
            return Attempt(None, classification), token
        spent = _spent(token)
        timeout = refresh_timeout(self.limit.left())
        try:
            tried: Attempt = yield partial(renew_at_channel, token, timeout=timeout)
        except hold.OnHold:  # nothing was sent
            lifecycle.call_off_refresh(token_id=token.pk)
            raise
        except Exception as error:  # our own fault: whether the channel was asked is not known
            logger.exception("refreshing token %s failed", token.pk)
            classification = Classification(Verdict.OUR_BUG, Reason.TRANSIENT, row="failed here")
            evidence = {"call": "refresh", "status": 0, "body": type(error).__name__}
            tried = Attempt(None, classification, evidence)
        if tried.grant is None:
            if not tried.refused:
                io_steps.stored(
                    partial(lifecycle.record_renewal_trouble, token_id=token.pk, attempt=tried, now=self.now)
                )
            return tried, token
        io_steps.stored(partial(lifecycle.keep_answer, token=token, grant=tried.grant))
        written = io_steps.stored(
            partial(
                lifecycle.record_renewal,
                token_id=token.pk,
                generation=token.generation,
                grant=tried.grant,
                now=self.now,
                source=self.source,
                actor=self.actor,
                spent=spent,
                is_last=is_last,
                read_accounts=self.read_accounts,
            )
        )
        return tried, written or Token.objects.select_related("app").get(pk=token.pk)


def _spent(token: Token) -> Credentials | None:
    """Return the credentials that a renewal is made with, where they open."""
    try:
        return token.unseal()
    except (VaultError, ValueError):
        return None


def _renewed(tried: Attempt | None, token: Token, now: datetime) -> Inspection | None:
    """Take a renewal that was written as a good report; an exchange that moved no date is none."""
    return RENEWED if tried is not None and tried.grant is not None and token.renewed_at == now else None


def _was_just_asked(token: Token, now: datetime, source: str) -> bool:
    """Return whether the refresh lane found out a moment ago, for this check, that it works: nothing but its ad accounts is left."""
    if token.due_for != Token.DueFor.ACCOUNTS or source not in CHECKS or token.proven_at is None:
        return False
    return token.state == Token.State.VALID and now - token.proven_at < JUST_NOW


def _healed(again: Inspection) -> Inspection:
    """Judge a token that looked dead and was renewed by what the channel says of the new one: refused too, it is in doubt."""
    if again.classification.verdict not in DOUBTFUL:
        return RENEWED
    return _in_doubt(again)


def _undecided(token: Token, inspection: Inspection, tried: Attempt, now: datetime) -> Inspection:
    """Judge a token that looks dead while the renewal that would tell is hindered: in doubt, or simply waiting for its renewal."""
    if token.access_has_lapsed(now):
        return Inspection(replace(tried.classification, unknown=""), evidence=tried.evidence)  # kept already
    return _in_doubt(inspection)


def _in_doubt(inspection: Inspection) -> Inspection:
    return replace(
        inspection, classification=replace(inspection.classification, verdict=Verdict.CONFIRM_FIRST)
    )


def probe_token(
    token_id: int,
    *,
    now: datetime,
    source: str,
    timeout: float | None = None,
    renew: bool = False,
    actor: User | None = None,
) -> TransitionOutcome:
    """Ask the channel about one token and record the answer. A second caller waits for the first one's answer.

    Where the first one died over it, the second takes over. Raises Token.DoesNotExist. The outcome's verdict is TRANSIENT where somebody
    else's question, or the refresh that this one came to, did not end within `timeout` seconds (WAIT without one).
    """
    limit = Limit(timeout)
    patience = Limit(timeout or WAIT)
    claimed = claim_token(token_id, now) or _wait_for_the_other(token_id, now, patience)
    if isinstance(claimed, TransitionOutcome):
        return claimed
    token = Token.objects.select_related("app").get(pk=token_id)
    asking = check_job(token, now=now, source=source, limit=limit, renew=renew, actor=actor)
    outcome = run_claimed(token_id, claimed, asking)
    if not outcome.waits:
        return outcome
    found = _wait_for_the_other(token_id, now, patience)
    if isinstance(found, TransitionOutcome):
        return found
    Token.objects.filter(pk=token_id).claimed_as(found).let_go()
    return outcome


def run_claimed(token_id: int, claim: int, job: Job[TransitionOutcome]) -> TransitionOutcome:
    """Run a job of a token to its end under the claim of this number. Where it fails, the claim ends with it."""
    claimed = Token.objects.filter(pk=token_id).claimed_as(claim)
    try:
        with liveness.kept(claimed.keep_claimed):
            return io_steps.run(job)
    except BaseException:
        with suppress(DatabaseError):
            claimed.let_go()
        raise


def lengthen_life(token_id: int, *, until: datetime, needed: datetime, now: datetime, waits: bool) -> bool:
    """Ask for the renewal by which a token serves until a time, and wait for it (`waits`). Returns whether it is still on its way.

    A renewal a few minutes ago gave what it could: another one for a longer wish would burn refreshes at every lease. A token that serves
    until `needed` as it is waits for a moment only, and not at all for a renewal that takes long already; nobody waits for the renewal by
    which a silent channel is tried. What nothing renews is left to the sweep, which asks the channel a second after its date.
    """
    token = Token.objects.select_related("app").get(pk=token_id)
    ends = token.access_expires_at
    if ends is None or ends > until:
        return False
    if token.refresh_wanted_at is None and token.refresh_began_at is None:
        if not token.can_heal(now) or token.was_just_renewed(now) or token.renewal_pauses(now):
            return False
        if claim_token(token_id, now):
            lifecycle.want_refresh(token_id=token_id, now=now, source="lease", renew=True)
    if not waits or gate.is_silent(token.app.channel, token.app.client_id):
        return True
    if ends > needed and token.refresh_began_at is not None:
        return True
    found = _wait_for_the_other(token_id, now, Limit(REFRESH_WAIT if ends <= needed else A_MOMENT))
    if not isinstance(found, TransitionOutcome):  # who asked died over it
        Token.objects.filter(pk=token_id).claimed_as(found).let_go()
    elif not found.stale:
        return False
    return ends <= needed  # one that serves as it is has been waited for: how it stands now is read


def _wait_for_the_other(token_id: int, now: datetime, patience: Limit) -> TransitionOutcome | int:
    """Return what the other one's question gave, or the number of our claim where its claim has ended without an answer.

    PostgreSQL alone is asked, more and more seldom, and no connection is held meanwhile.
    """
    began, pause = time.monotonic(), SHORTEST
    while True:
        token = Token.objects.get(pk=token_id)
        asked_for = token.refresh_wanted_at is not None or token.refresh_began_at is not None
        if token.claimed_until is None and not asked_for:
            verdict = (
                Verdict.TOKEN_DEAD
                if token.state == Token.State.DEAD
                else Verdict(token.last_check_result or "ok")
            )
            return TransitionOutcome(verdict, token.state, token.generation, token.reason)
        if not asked_for and (
            ours := claim_token(token_id, now + timedelta(seconds=time.monotonic() - began))
        ):
            return ours
        if patience.over:
            return TransitionOutcome(
                Verdict.TRANSIENT, token.state, token.generation, token.reason, stale=True, waits=asked_for
            )
        if not connection.in_atomic_block:
            connection.close()
        time.sleep(pause)
        pause = min(pause * PATIENCE_GROWS, LONGEST)
