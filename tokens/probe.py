"""Asking the channel about a token: outside any transaction, one question per token at a time, recorded by lifecycle."""

import time
from datetime import datetime, timedelta

from django.db.models import Q

from tokens import channels, lifecycle
from tokens.channels.base import Inspection, Reason, Ruling, Verdict
from tokens.lifecycle import Outcome
from tokens.models import Token
from tokens.vault import VaultError

CLAIM = timedelta(seconds=180)  # longer than the slowest token with its accounts takes


def claim(token_id: int, now: datetime) -> bool:
    """Take the right to ask about this token. Return whether nobody else holds it."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return bool(Token.objects.filter(free, pk=token_id).update(claimed_until=now + CLAIM))


def ask(token: Token, *, timeout: float | None = None) -> Inspection:
    """Ask the channel about the token. Writes nothing; a token that cannot be asked about is our fault, not its death."""
    try:
        keys, credentials = token.app.keys(), token.unseal()
    except (VaultError, ValueError) as error:
        return Inspection(Ruling(Verdict.OUR_BUG, Reason.TRANSIENT, row="no credentials", note=str(error)))
    return channels.get(token.app.channel).inspect(keys, credentials, timeout=timeout)


def probe(token_id: int, *, now: datetime, source: str, timeout: float | None = None) -> Outcome:
    """Ask the channel about one token and record the answer. A second caller waits for the first one's answer.

    Raises Token.DoesNotExist. The outcome's verdict is TRANSIENT where somebody else's question did not end in time.
    """
    if not claim(token_id, now):
        return _wait_for_the_other(token_id, timeout or CLAIM.total_seconds())
    token = Token.objects.select_related("app").get(pk=token_id)
    inspection = ask(token, timeout=timeout)
    return lifecycle.record_inspection(
        token_id=token_id, generation=token.generation, inspection=inspection, now=now, source=source
    )


def _wait_for_the_other(token_id: int, seconds: float) -> Outcome:
    limit = time.monotonic() + seconds
    while True:
        token = Token.objects.get(pk=token_id)
        if token.claimed_until is None:
            verdict = (
                Verdict.TOKEN_DEAD
                if token.state == Token.State.DEAD
                else Verdict(token.last_check_result or "ok")
            )
            return Outcome(verdict, token.state, token.generation, token.reason)
        if time.monotonic() > limit:
            return Outcome(Verdict.TRANSIENT, token.state, token.generation, token.reason, stale=True)
        time.sleep(0.1)
