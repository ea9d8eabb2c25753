"""The life of a token. The only writer of a token's state, dates and generation.

Every function here runs in a transaction of its own or of its caller, locks the token first, and sends `tokens_changed` once, inside the
transaction, where the pools must be settled. `store_consent` is the exception: its caller settles, because it changes the pools too.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from tokens import deadlines, vault
from tokens.channels.base import (
    LIFTABLE,
    Credentials,
    Dates,
    Grant,
    Identity,
    Inspection,
    Reason,
    Ruling,
    Verdict,
)
from tokens.models import ChannelApp, Token, TokenEvent, token_owner
from tokens.signals import tokens_changed
from users.models import User

PROBE_EVERY = timedelta(hours=4)
PROBE_EVERY_IN_USE = timedelta(hours=1)  # leased within the last day
RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
COOLING_FOR = timedelta(hours=72)
AFTER_TROUBLE = timedelta(minutes=15)
HINDRANCES = {Verdict.TRANSIENT, Verdict.RATE_LIMITED, Verdict.APP_FAULT, Verdict.OUR_BUG}
LIFTABLE_EVERY = timedelta(days=1)
LIFTABLE_FOR = timedelta(days=30)

STATE_FIELDS = ["state", "reason", "state_since", "evidence", "generation"]
DATE_FIELDS = [
    "issued_at", "access_expires_at", "refresh_expires_at", "data_access_expires_at", "dates_source",
    "deadline", "deadline_kind", "deadline_clock", "cycle",
]  # fmt: skip
CHECK_FIELDS = [
    "last_checked_at",
    "last_check_result",
    "proven_at",
    "due_at",
    "due_for",
    "claimed_until",
    "scopes",
]


@dataclass(frozen=True)
class Outcome:
    """What a recorded answer made of a token."""

    verdict: Verdict
    state: str
    generation: int
    reason: str = ""
    stale: bool = False  # somebody was faster; nothing was written


@transaction.atomic
def store_consent(
    *,
    app: ChannelApp,
    identity: Identity,
    grant: Grant,
    user: User | None,
    now: datetime,
    source: str = "link",
) -> Token:
    """Write what a consent gave: a new row, or the same native user's row renewed. The caller settles the pools.

    A missing date or scope in the grant keeps what is stored only if the credentials are the same; a new consent starts afresh.
    """
    owner = token_owner(app, identity.native_user_id)
    token, created = Token.objects.get_or_create(
        app=app,
        native_user_id=identity.native_user_id,
        defaults={"native_user_name": identity.name, "created_at": now},
    )
    token = Token.objects.locked().select_related("app").get(pk=token.pk)
    token.native_user_name = identity.name or token.native_user_name
    token.consented_by = user or token.consented_by
    token.credentials = vault.seal(owner, grant.credentials.as_dict())
    token.has_refresh_token = bool(grant.credentials.refresh_token)
    token.refresh_refused_at = None
    token.scopes = None if grant.scopes is None else list(grant.scopes)
    _set_dates(token, grant.dates, keep=False)
    _set_state(token, Token.State.VALID, "", {}, now)
    token.generation += not created
    deadlines.apply(token)
    token.linked_at = token.proven_at = token.last_checked_at = now
    token.last_check_result = Verdict.OK
    token.claimed_until = None
    _schedule(token, now)
    token.save()
    _event(token, TokenEvent.Kind.LINKED, now, source=source, actor=user)
    return token


@dataclass(frozen=True)
class Imported:
    """A token from before, as a file gives it: its dates are not known."""

    app: ChannelApp
    native_user_id: str
    native_user_name: str
    credentials: Credentials
    user: User | None


@transaction.atomic
def store_imported(given: Sequence[Imported], *, now: datetime) -> tuple[list[Token], int]:
    """Write tokens from before, dates unknown and due for a probe at once. Returns them in full, and how many were there already.

    A token that is linked already keeps its credentials: what came by consent is newer than a file. The caller settles.
    """
    existing = {
        (token.app_id, token.native_user_id)
        for token in Token.objects.filter(native_user_id__in=[one.native_user_id for one in given])
    }
    fresh = [one for one in given if (one.app.pk, one.native_user_id) not in existing]
    Token.objects.bulk_create(
        [
            Token(
                app=one.app,
                native_user_id=one.native_user_id,
                native_user_name=one.native_user_name[:200],
                consented_by=one.user,
                credentials=vault.seal(token_owner(one.app, one.native_user_id), one.credentials.as_dict()),
                has_refresh_token=bool(one.credentials.refresh_token),
                state_since=now,
                linked_at=now,
                created_at=now,
                due_at=now,
            )
            for one in sorted(fresh, key=lambda one: (one.app.pk, one.native_user_id))
        ],
        batch_size=1000,
    )
    wanted = {(one.app.pk, one.native_user_id) for one in given}
    rows = Token.objects.locked().select_related("app").filter(native_user_id__in=[key[1] for key in wanted])
    tokens = [token for token in rows if (token.app_id, token.native_user_id) in wanted]
    return tokens, len(tokens) - len(fresh)


@transaction.atomic
def record_inspection(
    *, token_id: int, generation: int, inspection: Inspection, now: datetime, source: str
) -> Outcome:
    """Write what the channel said of a token, unless its generation has moved on meanwhile.

    Only a dead verdict of the channel kills. An ambiguous answer cools; the same answer after 72 hours of cooling is taken as death.
    Passing trouble changes no state, except that a token whose date has passed cools.
    """
    token = Token.objects.locked().select_related("app").get(pk=token_id)
    if token.generation != generation:
        return _outcome(token, inspection.ruling.verdict, stale=True)
    before = _facts(token)
    ruling = inspection.ruling
    token.claimed_until = None
    token.last_check_result = ruling.verdict
    if ruling.verdict == Verdict.OK:
        _works(token, inspection, now, source)
    elif ruling.verdict == Verdict.TOKEN_DEAD:
        _die(token, ruling.reason or Reason.UNKNOWN, inspection.evidence, now, source)
    elif ruling.verdict == Verdict.CONFIRM_FIRST:
        _doubt(token, ruling, inspection.evidence, now, source)
    else:
        _hindered(token, ruling, inspection.evidence, now, source)
    _schedule(token, now, retry_after=ruling.retry_after or 0)
    token.save(update_fields=STATE_FIELDS + DATE_FIELDS + CHECK_FIELDS)
    _tell(token, before, now, source)
    return _outcome(token, ruling.verdict)


@transaction.atomic
def record_renewal(
    *, token_id: int, generation: int, grant: Grant, now: datetime, source: str, actor: User | None = None
) -> bool:
    """Write what a renewal gave, merged over what is stored. Return False where somebody was faster or the date did not move.

    A missing field keeps the old value; a blank token is never stored.
    """
    token = Token.objects.locked().select_related("app").get(pk=token_id)
    if token.generation != generation or not grant.credentials.access_token:
        return False
    old = token.access_expires_at
    new = grant.dates.access_expires_at
    moved = old is None or (new is not None and new > old)
    # A rotated refresh token is kept whatever the date says.
    if not moved and not grant.credentials.refresh_token:
        return False
    before = _facts(token)
    token.credentials = vault.seal(token.owner, {**token.unseal().as_dict(), **grant.credentials.as_dict()})
    token.has_refresh_token = token.has_refresh_token or bool(grant.credentials.refresh_token)
    if grant.scopes is not None:
        token.scopes = list(grant.scopes)
    _set_dates(token, grant.dates, keep=True)
    token.generation += 1
    deadlines.apply(token)
    token.proven_at = token.last_checked_at = now
    token.last_check_result = Verdict.OK
    _schedule(token, now)
    token.save(update_fields=["credentials", "has_refresh_token", *STATE_FIELDS, *DATE_FIELDS, *CHECK_FIELDS])
    _event(token, TokenEvent.Kind.RENEWED, now, source=source, actor=actor)
    _tell(token, before, now, source)
    return True


def record_dispute(*, token: Token, evidence: Mapping[str, Any], now: datetime, source: str) -> None:
    """Keep a report that our own probe did not confirm."""
    _event(token, TokenEvent.Kind.DISPUTED, now, source=source, detail=dict(evidence))


def record_revocation(*, token: Token, actor: User | None, now: datetime) -> None:
    """Note that we cancelled the authorisation at the channel; the next probe decides the state."""
    _event(token, TokenEvent.Kind.REVOKED, now, source="staff", actor=actor)


def record_ask(*, token: Token, actor: User | None, recipient: str, now: datetime) -> None:
    """Note that the person who consented was asked to re-authenticate."""
    _event(token, TokenEvent.Kind.ASKED, now, source="staff", actor=actor, detail={"recipient": recipient})


def postpone(*, token_id: int, now: datetime) -> None:
    """Look at a token later, because checking it failed on our side."""
    Token.objects.filter(pk=token_id).update(due_at=now + _jittered(AFTER_TROUBLE), claimed_until=None)


def note_use(*, token_id: int, now: datetime) -> None:
    """Note a use, at most once an hour, so that leases write nothing on the hot path."""
    Token.objects.filter(pk=token_id).exclude(last_used_at__gt=now - timedelta(hours=1)).update(
        last_used_at=now
    )


def record_app_fault(*, app: ChannelApp, ruling: Ruling, now: datetime) -> None:
    """Mark the channel app as refused by its channel. No token is touched."""
    ChannelApp.objects.filter(pk=app.pk, fault_since=None).update(
        fault=(ruling.note or ruling.row or "The channel refuses this app.")[:300], fault_since=now
    )


def clear_app_fault(*, app: ChannelApp) -> None:
    """Note that the channel takes our app again."""
    ChannelApp.objects.filter(pk=app.pk).exclude(fault_since=None).update(fault="", fault_since=None)


def _works(token: Token, inspection: Inspection, now: datetime, source: str) -> None:
    token.proven_at = token.last_checked_at = now
    if inspection.scopes is not None:
        token.scopes = list(inspection.scopes)
    if inspection.dates is not None:
        _set_dates(token, inspection.dates, keep=True)
    if deadlines.apply(token):
        _event(token, TokenEvent.Kind.DATES, now, source=source, detail=_dates_detail(token))
    if token.state != Token.State.VALID:
        _set_state(token, Token.State.VALID, "", {}, now)
        token.generation += 1
        _event(token, TokenEvent.Kind.RECOVERED, now, source=source)
    if token.app.fault_since is not None:
        clear_app_fault(app=token.app)


def _die(token: Token, reason: Reason, evidence: Mapping[str, Any], now: datetime, source: str) -> None:
    token.last_checked_at = now
    if token.state == Token.State.DEAD:
        # It still is; the reason may have become clearer, but nobody is told twice.
        if token.reason != reason:
            token.reason, token.evidence = reason, dict(evidence)
        return
    _set_state(token, Token.State.DEAD, reason, evidence, now)
    token.generation += 1
    _event(
        token, TokenEvent.Kind.DIED, now, source=source, detail={"reason": reason, "evidence": dict(evidence)}
    )


def _doubt(token: Token, ruling: Ruling, evidence: Mapping[str, Any], now: datetime, source: str) -> None:
    if token.state == Token.State.DEAD:
        return
    if token.state == Token.State.COOLING and now - token.state_since >= COOLING_FOR:
        _die(token, ruling.reason or Reason.UNKNOWN, evidence, now, source)
    elif token.state == Token.State.VALID:
        _cool(token, ruling.reason or Reason.UNKNOWN, evidence, now, source)


def _hindered(token: Token, ruling: Ruling, evidence: Mapping[str, Any], now: datetime, source: str) -> None:
    if ruling.verdict == Verdict.APP_FAULT:
        record_app_fault(app=token.app, ruling=ruling, now=now)
    elif token.state == Token.State.VALID and token.access_is_over(now):
        _cool(token, Reason.EXPIRED, evidence, now, source)


def _cool(token: Token, reason: Reason, evidence: Mapping[str, Any], now: datetime, source: str) -> None:
    _set_state(token, Token.State.COOLING, reason, evidence, now)
    token.generation += 1
    _event(token, TokenEvent.Kind.COOLED, now, source=source, detail={"evidence": dict(evidence)})


def _set_state(token: Token, state: str, reason: str, evidence: Mapping[str, Any], now: datetime) -> None:
    if token.state != state:
        token.state_since = now
    token.state, token.reason, token.evidence = state, reason, dict(evidence)


def _set_dates(token: Token, dates: Dates, *, keep: bool) -> None:
    """Write dates and their sources; with `keep`, a clock that was not mentioned stays as it is."""
    sources = dict(token.dates_source) if keep else {}
    for clock in ("access", "refresh", "data_access"):
        name = f"{clock}_expires_at"
        value = getattr(dates, name)
        if clock in dates.sources or value is not None or not keep:
            setattr(token, name, value)
        if clock in dates.sources:
            sources[clock] = dates.sources[clock]
    token.dates_source = sources
    if dates.issued_at is not None or not keep:
        token.issued_at = dates.issued_at


def _schedule(token: Token, now: datetime, *, retry_after: int = 0) -> None:
    """Say when the token is looked at next: by its state, and never later than just after its next date."""
    token.due_for = Token.DueFor.PROBE
    age = now - token.state_since
    if token.state == Token.State.DEAD:
        again = token.reason in LIFTABLE and age < LIFTABLE_FOR
        token.due_at = now + LIFTABLE_EVERY if again else None
        return
    if token.state == Token.State.COOLING:
        token.due_at = now + _jittered(next((step for step in RETRY_AFTER if age < step), RETRY_AFTER[-1]))
        return
    if token.last_check_result in HINDRANCES:
        token.due_at = now + _jittered(max(AFTER_TROUBLE, timedelta(seconds=retry_after)))
        return
    in_use = token.last_used_at is not None and now - token.last_used_at < timedelta(days=1)
    token.due_at = now + _jittered(PROBE_EVERY_IN_USE if in_use else PROBE_EVERY)
    dates = [token.access_expires_at, token.refresh_expires_at, token.data_access_expires_at]
    coming = [at + timedelta(seconds=1) for at in dates if at is not None and at > now]
    token.due_at = min([token.due_at, *coming])


def _jittered(wait: timedelta) -> timedelta:
    return wait * random.uniform(0.9, 1.1)  # noqa: S311  # spreads load, keeps no secret


def _facts(token: Token) -> tuple[Any, ...]:
    return token.state, token.deadline_kind, token.deadline


def _tell(token: Token, before: tuple[Any, ...], now: datetime, source: str) -> None:
    """Send the news where a pool could decide differently."""
    if _facts(token) == before:
        return
    cause = token.reason
    if token.state == Token.State.VALID:
        cause = "recovered" if before[0] != Token.State.VALID else "dates"
    died = token.state == Token.State.DEAD and before[0] != Token.State.DEAD
    tokens_changed.send(
        sender=Token,
        token_ids=[token.pk],
        cause=cause,
        now=now,
        source=source,
        died=[token.pk] if died else [],
    )


def _dates_detail(token: Token) -> dict[str, Any]:
    return {"deadline": token.deadline and token.deadline.isoformat(), "kind": token.deadline_kind}


def _event(
    token: Token,
    kind: TokenEvent.Kind,
    now: datetime,
    *,
    source: str,
    actor: User | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    TokenEvent.objects.create(
        token=token, kind=kind, at=now, source=source, actor=actor, detail=dict(detail or {})
    )


def _outcome(token: Token, verdict: Verdict, *, stale: bool = False) -> Outcome:
    return Outcome(verdict, token.state, token.generation, token.reason, stale)
