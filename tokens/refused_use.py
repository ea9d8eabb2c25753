"""Readings of ad accounts that blame our app: the app's fault, or one log-in's (decision 0025).

The only writer of a token's `use_refused_at` and `demoted_at`, beside a consent, and of an app's `use_refused_at`, `use_refused_by` and
`use_answered_at`, beside a fault that is recorded. Where a function returns True, the order of the token's pools has changed: the caller
settles them in the same transaction.
"""

from datetime import datetime

from django.db.models import Q, QuerySet

from tokens import app_faults, scheduling
from tokens.channels.kinds import Classification
from tokens.models import ChannelApp, Token
from tokens.token_model import TokenQuerySet

FIELDS = ["use_refused_at", "demoted_at", "due_at", "due_for"]


def blamed(
    *, token: Token, classification: Classification, others: TokenQuerySet, answered_at: datetime
) -> bool:
    """Take an answer to a reading of ad accounts that blames the app. Returns whether the token is demoted by it.

    `others` are the app's other tokens that read ad accounts. Where another's reading was answered well since this one's began to blame the
    app, it is this token's: demoted. Until then it is a suspicion: the token that worked last is asked at once, this one again in minutes.
    Another token's blame makes it the app's fault, and so do 15 minutes without a good reading, or that there is no other token.
    """
    row = _locked(token)
    if row is None:
        return False
    app = ChannelApp.objects.get(pk=row.app_id)
    witnesses = others.filter(state=Token.State.VALID, demoted_at=None)
    if not witnesses.exists():
        app_faults.record(app=app, classification=classification, call="api", now=answered_at)
    if row.demoted_at is not None:
        return False  # known to be this token's: it says nothing of the app
    if _contradicted(row, app, answered_at):
        row.demoted_at = answered_at
        row.save(update_fields=FIELDS)
        _suspicion(app).filter(use_refused_by=row).update(use_refused_at=None, use_refused_by=None)
        return True
    if witnesses.exists():
        _suspect(app, row, classification, witnesses, answered_at)
    row.use_refused_at = row.use_refused_at or answered_at
    row.save(update_fields=FIELDS)
    return False


def answered(*, token: Token, asked_at: datetime) -> bool:
    """Take a good reading, asked for at `asked_at`, with the token and its app as loaded before. Returns whether the token was demoted.

    It ends the suspicion or fault that was there when it was asked, and no later one.
    """
    row = _locked(token) if token.use_refused_at is not None else None  # before the app's row: the one order
    _end(token.app, asked_at)
    if row is None or row.use_refused_at is None:
        return False
    was_demoted = row.demoted_at is not None
    row.use_refused_at = row.demoted_at = None
    row.save(update_fields=FIELDS)
    return was_demoted


def _end(app: ChannelApp, asked_at: datetime) -> None:
    """End the suspicion or the fault that stood when the app was loaded."""
    suspected = Q(use_refused_at__lte=app.use_refused_at) if app.use_refused_at else Q(pk=None)
    marked = Q(fault_kind=app_faults.USE) if app.fault_since else Q(pk=None)
    over = ChannelApp.objects.filter(suspected | marked, pk=app.pk)
    if (app.use_refused_at or app.fault_since) and over.update(
        use_answered_at=asked_at, use_refused_at=None, use_refused_by=None
    ):
        app_faults.clear(app=app, call="api")


def _locked(token: Token) -> Token | None:
    """Lock the token; None where a consent or renewal came since it was asked with."""
    return Token.objects.filter(pk=token.pk, generation=token.generation).locked().first()


def _contradicted(row: Token, app: ChannelApp, now: datetime) -> bool:
    """Return whether another's reading was answered since this token's began to blame the app, and lately: an app may fail again."""
    if row.use_refused_at is None or app.use_answered_at is None:
        return False
    return row.use_refused_at < app.use_answered_at and now - app.use_answered_at <= app_faults.WITNESS_WITHIN


def _suspicion(app: ChannelApp) -> QuerySet[ChannelApp]:
    return ChannelApp.objects.filter(pk=app.pk).exclude(fault_kind=app_faults.USE)


def _suspect(
    app: ChannelApp, row: Token, classification: Classification, witnesses: TokenQuerySet, now: datetime
) -> None:
    """Open a suspicion, or take this answer as what makes it the app's fault, and have both sides asked soon."""
    if app.fault_kind == app_faults.USE:
        return
    if _suspicion(app).filter(use_refused_at=None).update(use_refused_at=now, use_refused_by=row):
        app_faults.ask_a_witness(witnesses, now)
        scheduling.again(row, now, scheduling.AFTER_WITNESS)
        return
    others = ~Q(use_refused_by=row)
    lasting = Q(use_refused_at__lte=now - app_faults.WITNESS_WITHIN)
    if _suspicion(app).filter(others | lasting).exists():
        app_faults.record(app=app, classification=classification, call="api", now=now)
    else:
        scheduling.again(row, now, app_faults.WITNESS_WITHIN)
