"""Renewing a token without a person: the marks around a refresh (asked for, sent, left without an answer), and what came of it.

A refresh may spend the refresh token that it was made with, so what was sent must be known even where its answer is lost: each mark is
committed before what it announces.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce

from tokens.channels import gate, registry, shared
from tokens.channels.http import NOT_SENT
from tokens.channels.kinds import (
    ChannelError,
    Classification,
    Credentials,
    Dates,
    Grant,
    Inspection,
    Reason,
    Verdict,
)
from tokens.doubts import services as doubts
from tokens.doubts.models import Doubt
from tokens.doubts.services import Said
from tokens.lifecycle import app_faults
from tokens.lifecycle.services import (
    CHECK_FIELDS,
    DATE_FIELDS,
    REFRESH_FIELDS,
    STATE_FIELDS,
    TransitionOutcome,
    come_back,
    keep_on_trouble,
    mark_valid,
    notify_pools,
    outcome_of,
    record_event,
    take_end,
)
from tokens.models import Token, TokenEvent
from tokens.token.renewal import NEARLY
from tokens.unknown_answers import services as unknown_answers
from tokens.vault import services as vault
from tokens.vault.services import VaultError
from users.models import User

logger = logging.getLogger(__name__)

WISHED = "refresh-wished"  # what lanes listen to


@dataclass(frozen=True)
class Attempt:
    """What one try gave: a grant, or the classification that says why there is none."""

    grant: Grant | None
    classification: Classification
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether the channel refused this token, as against trouble on the way."""
        return self.grant is None and self.classification.verdict == Verdict.TOKEN_DEAD

    @property
    def not_asked(self) -> bool:
        """Whether the call was not made at all, because the channel was not to be asked just then."""
        return self.grant is None and gate.was_not_asked(self.evidence)

    @property
    def unanswered(self) -> bool:
        """Whether the call went out and nothing says what the channel did: no answer, one that broke off, trouble of its own."""
        status = self.evidence.get("status")
        if self.grant is not None or not isinstance(status, int):
            return False
        if self.not_asked or str(self.evidence.get("body")).startswith(NOT_SENT):
            return False
        return status in {0, 200} or status >= 500


def renew_at_channel(token: Token, *, timeout: float | None = None) -> Attempt:
    """Ask the channel to renew the token. Writes nothing and touches no database, so it may run in a thread. `timeout` in seconds."""
    try:
        grant = registry.get(token.app.channel).renew(token.app.keys(), token.unseal(), timeout=timeout)
    except ChannelError as error:
        return Attempt(None, error.classification, error.evidence)
    except (VaultError, ValueError) as error:
        return Attempt(
            None, Classification(Verdict.OUR_BUG, Reason.TRANSIENT, row="no credentials", note=str(error))
        )
    if grant is None:
        return Attempt(None, Classification(Verdict.OUR_BUG, Reason.TRANSIENT, row="nothing renews here"))
    return Attempt(grant, Classification(Verdict.OK, row="renewed"))


@transaction.atomic
def want_refresh(
    *, token_id: int, now: datetime, source: str, renew: bool, actor: User | None = None
) -> None:
    """Ask the refresh lane for this token, and give back the caller's claim. Asking again changes nothing but adds what is new."""
    token = Token.objects.locked().get(pk=token_id)
    asked = token.refresh_wanted if token.refresh_wanted_at else {}
    wish = {
        "source": asked.get("source", source),
        "renew": renew or asked.get("renew", False),
        "actor": asked.get("actor") or (actor.pk if actor else None),
    }
    Token.objects.filter(pk=token_id).update(
        refresh_wanted_at=Coalesce("refresh_wanted_at", now),
        refresh_wanted=wish,
        claimed_until=None,
        claimed_by=None,
    )
    transaction.on_commit(lambda: shared.tell(WISHED), robust=True)


def begin_refresh(*, token_id: int, generation: int, now: datetime, process: str) -> bool:
    """Note that this refresh is sent now. False where the token has moved on or was removed: then it must not be sent."""
    rows = Token.objects.filter(pk=token_id, generation=generation).not_removed()
    return bool(rows.update(refresh_began_at=now, refresh_began_by=process[:120]))


def call_off_refresh(*, token_id: int) -> None:
    """Take the mark back: the refresh was not sent after all."""
    Token.objects.filter(pk=token_id).update(refresh_began_at=None, refresh_began_by="")


def end_refresh(*, token: Token, claim: int) -> None:
    """Note that what was asked for in this row, as it was read, has been looked after, and give back the claim that was made for it.

    What was asked for meanwhile stays.
    """
    row = Token.objects.filter(pk=token.pk)
    if token.refresh_wanted_at is not None:
        asked = row.filter(refresh_wanted_at=token.refresh_wanted_at, refresh_wanted=token.refresh_wanted)
        asked.update(refresh_wanted_at=None, refresh_wanted={})
    row.filter(refresh_began_at=None).claimed_as(claim).let_go()


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
        record_event(token, TokenEvent.Kind.ANSWER_LOST, now, source="sweep", detail=detail)
    wish = {"source": "sweep", **token.refresh_wanted, "renew": True}
    token.clear_refresh()
    token.renewal_tried_at, token.claimed_until, token.claimed_by = now, None, None
    if again:
        token.refresh_wanted_at, token.refresh_wanted = now, wish
    else:  # whatever ended the process twice over this token is not to do so at once a third time
        token.due_at, token.due_for = now + token.wait_after_trouble(), Token.DueFor.PROBE
    token.save(update_fields=[*REFRESH_FIELDS, "due_at", "due_for", "claimed_until", "claimed_by"])
    return True


RENEWAL_FIELDS = [*REFRESH_FIELDS, "credentials", "has_refresh_token", "renewed_at"]


def keep_answer(*, token: Token, grant: Grant) -> None:
    """Put what a refresh gave in the place of what it spent, in one statement: nothing else stands between the answer and its commit.

    `token` as it was when the refresh began; where it has moved on, or nothing was spent, `record_renewal` does it all. What follows from
    the answer is written by that.
    """
    if not token.renewal_spends or not grant.credentials.access_token.strip():
        return
    sealed = _merged(token, grant)
    Token.objects.as_seen(token).not_removed().update(
        credentials=sealed,
        credentials_key=sealed.key,
        has_refresh_token=True,
        refresh_began_at=None,
        refresh_began_by="",
    )


@transaction.atomic
def record_renewal(
    *,
    token_id: int,
    generation: int,
    grant: Grant,
    now: datetime,
    source: str,
    actor: User | None = None,
    spent: Credentials | None = None,
    is_last: bool = False,
    read_accounts: bool = False,
) -> Token | None:
    """Write what a renewal gave, merged over what is stored, and return the token. None where somebody was faster or it changed nothing.

    A missing field keeps the old value; a blank token is never stored. An exchange counts only where the date moved. The claim stays, but
    where `is_last`, that is nothing is asked afterwards, it ends with a token that is valid. `read_accounts`: a sweep is to read its ad
    accounts then.
    `spent`: the credentials that it was made with. Where the token's state alone has moved on meanwhile (it was found dead, or in doubt)
    and these are stored still, what came in their place is kept all the same, and the channel is asked about the state.
    """
    token = Token.objects.locked().select_related("app").get(pk=token_id)
    token.clear_refresh()
    if token.is_removed:
        _keep_to_revoke(token, grant)
        return None
    if token.generation != generation:
        _keep_in_place(token, grant, spent, now)
        return None
    before = token.pool_facts
    token.renewal_tried_at = now
    app_faults.clear_fault(app=token.app, call="refresh")
    doubts.refute_doubts(token, [Doubt.Kind.RENEWAL], now)
    if not _is_news(token, grant):
        token.set_due(now)
        token.save(update_fields=[*REFRESH_FIELDS, "look_again_at", "due_at", "due_for"])
        return None
    doubts.prove_doubts(token, [Doubt.Kind.RENEWAL], asked_at=now)
    token.credentials = _merged(token, grant)
    token.has_refresh_token = token.has_refresh_token or bool(grant.credentials.refresh_token)
    if grant.scopes is not None:
        token.scopes = list(grant.scopes)
    token.set_dates(_dated(token, grant.dates, now), keep=True)
    token.renewed_at, token.refresh_refused_at, token.refresh_unanswered_at = now, None, None
    if token.state == Token.State.COOLING or (is_last and token.doubted_at is not None):
        come_back(token, now, source)
    token.generation += 1
    token.set_deadline(now)
    token.proven_at = token.last_checked_at = now
    token.last_check_result = Verdict.OK
    if is_last and token.state == Token.State.VALID:
        token.claimed_until = token.claimed_by = None
    token.set_due(now)
    if is_last and read_accounts:
        token.read_accounts_from(now)
    token.save(update_fields=[*RENEWAL_FIELDS, *STATE_FIELDS, *DATE_FIELDS, *CHECK_FIELDS])
    record_event(token, TokenEvent.Kind.RENEWED, now, source=source, actor=actor)
    notify_pools(token, before, now, source)
    return token


def _keep_to_revoke(token: Token, grant: Grant) -> None:
    """Keep what a renewal gave for a log-in that was removed while it was under way: these are the credentials to be revoked now."""
    if token.credentials is not None and grant.credentials.access_token.strip():
        token.credentials = _merged(token, grant)
    token.save(update_fields=[*REFRESH_FIELDS, "credentials"])


def _keep_in_place(token: Token, grant: Grant, spent: Credentials | None, now: datetime) -> None:
    """Keep what a renewal gave where the credentials that it was made with are stored still, and have the token asked about."""
    same = False
    if token.credentials is not None and spent is not None:
        stored, before = token.unseal().as_dict(), spent.as_dict()
        same = stored in (before, {**before, **grant.credentials.as_dict()})
    if same and _is_news(token, grant):
        token.credentials = _merged(token, grant)
        token.has_refresh_token = token.has_refresh_token or bool(grant.credentials.refresh_token)
        token.set_dates(_dated(token, grant.dates, now), keep=True)
        token.set_deadline(now)
        token.refresh_unanswered_at = None
        token.generation += 1
        token.due_at, token.due_for = now, Token.DueFor.PROBE
    token.save(update_fields=[*RENEWAL_FIELDS, *DATE_FIELDS, "generation", "due_at", "due_for"])


def _merged(token: Token, grant: Grant) -> vault.Sealed:
    return vault.seal(token.owner, {**token.unseal().as_dict(), **grant.credentials.as_dict()})


@transaction.atomic
def record_renewal_trouble(*, token_id: int, attempt: Attempt, now: datetime) -> None:
    """Note that a renewal was tried and hindered: nothing about the token follows from it, but whether an answer is missing.

    One that was not sent was not tried: it stays due.
    """
    token = Token.objects.locked().select_related("app").get(pk=token_id)
    if not attempt.not_asked:
        token.renewal_tried_at = now
    token.clear_refresh()
    if attempt.unanswered and token.renewal_spends:
        token.refresh_unanswered_at = token.refresh_unanswered_at or now
    token.save(update_fields=REFRESH_FIELDS)
    if attempt.classification.verdict == Verdict.APP_FAULT:
        call = str(attempt.evidence.get("call", "refresh"))
        app_faults.record_fault(app=token.app, classification=attempt.classification, call=call, now=now)
    unknown_answers.keep_answer(
        token.app, attempt.classification, attempt.evidence, token_id=token.pk, now=now
    )


@transaction.atomic
def record_refusal(
    *,
    token_id: int,
    generation: int,
    attempt: Attempt,
    inspection: Inspection,
    now: datetime,
    source: str,
) -> TransitionOutcome:
    """Write that the channel refused to renew, and what it said of the access token when asked right after.

    An access token that still works lives on to its own date, which becomes the deadline. One that does not is dead. Where the
    channel could not be asked, nothing is proven. A newer generation was faster and holds.
    """
    token = Token.objects.locked().select_related("app").get(pk=token_id)
    verdict = inspection.classification.verdict
    token.clear_refresh()
    if token.generation != generation or token.is_removed:
        token.save(update_fields=REFRESH_FIELDS)
        return outcome_of(token, verdict, stale=True)
    before = token.pool_facts
    token.claimed_until = token.claimed_by = None
    token.renewal_tried_at = now
    token.last_check_result = verdict
    over = token.access_is_over(now)
    why = token.reason_of_refusal(attempt.classification.reason or Reason.UNKNOWN)
    detail = {"reason": why, "evidence": dict(attempt.evidence)}
    # What both calls said while the access token was to last goes on when that is over.
    both = verdict != Verdict.OK and token.doubts.open().filter(kind=Doubt.Kind.LOG_IN).exists()
    kind = Doubt.Kind.LOG_IN if both or not (over or verdict == Verdict.OK) else Doubt.Kind.RENEWAL
    if verdict == Verdict.OK:
        refused = Said(attempt.classification, attempt.evidence, why)
        if (
            doubts.take_doubts(token, kind, {"": refused}, now=now, source=source)
            and not token.refresh_refused_at
        ):
            token.refresh_refused_at = now
            record_event(token, TokenEvent.Kind.NOT_RENEWED, now, source=source, detail=detail)
        mark_valid(token, inspection, now, source)
    elif verdict == Verdict.TOKEN_DEAD or (
        verdict == Verdict.CONFIRM_FIRST and (not inspection.classification.unknown or over)
    ):
        reason = _why_refused(token, attempt, inspection, now)
        said = Said(attempt.classification, attempt.evidence, reason)
        take_end(token, said, now=now, source=source, kind=kind)
        token.refresh_refused_at = now if token.state == Token.State.DEAD else None
    else:
        keep_on_trouble(token, inspection.classification, inspection.evidence, now, source)
    token.set_due(now, retry_after=inspection.classification.retry_after or 0)
    token.save(update_fields=[*REFRESH_FIELDS, *STATE_FIELDS, *DATE_FIELDS, *CHECK_FIELDS])
    notify_pools(token, before, now, source)
    unknown_answers.keep_answer(
        token.app, inspection.classification, inspection.evidence, token_id=token.pk, now=now
    )
    return replace(outcome_of(token, verdict), told=inspection.told)


def _why_refused(token: Token, attempt: Attempt, inspection: Inspection, now: datetime) -> Reason:
    """Return the clearest reason that the two answers and the dates give."""
    if token.refresh_expires_at is not None and token.refresh_expires_at <= now:
        return Reason.REFRESH_EXPIRED
    vague = {None, Reason.UNKNOWN, Reason.EXPIRED, Reason.TRANSIENT}
    said = inspection.classification.reason
    return said if said and said not in vague else attempt.classification.reason or Reason.UNKNOWN


def _is_news(token: Token, grant: Grant) -> bool:
    """Return whether a renewal gave anything. Of an exchange only a later date is; a refresh always gives a new access token."""
    if not grant.credentials.access_token.strip():
        return False
    policy = token.renewal_policy
    if policy is None or not policy.exchange:
        return True
    old, new = token.access_expires_at, grant.dates.access_expires_at
    return old is None or (new is not None and new > old)


def _dated(token: Token, dates: Dates, now: datetime) -> Dates:
    """Return the new dates; where the answer names no end, one that has passed was the old access token's and is unknown now."""
    silent = dates.access_expires_at is None and "access" not in dates.sources
    if not silent or token.access_expires_at is None or token.access_expires_at > now + NEARLY:
        return dates
    return replace(dates, sources={**dates.sources, "access": "unknown"})
