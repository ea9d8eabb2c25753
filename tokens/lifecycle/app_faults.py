"""Faults of our own channel apps: the channel refuses AdToken itself. No token is touched by them.

A reading of ad accounts that blames our app may be one log-in's fault (decision 0025): `take_blame` and `take_good_reading` find out. Where
they return True, the order of the token's pools has changed: the caller settles them in the same transaction.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, Q
from django.utils.translation import gettext

from infra import database_clock, scrub
from tokens.channels import registry
from tokens.channels.kinds import Classification, Verdict
from tokens.models import ChannelApp, Token
from tokens.token.models import AFTER_WITNESS
from tokens.token.queries import TokenQuerySet
from tokens.vault.services import VaultError

USE = "use"  # the kind of fault that readings of ad accounts find
# A success proves nothing against a fault of another kind of call: a wrong secret shows at the token endpoint only.
KINDS = {
    "authorize_callback": "consent",
    "exchange": "keys",
    "refresh": "keys",
    "introspect": "question",
    "api": USE,
    "list_accounts": USE,
}
WITNESS_WITHIN = timedelta(minutes=15)
TEST_SECONDS = 5  # a person waits for it
ALSO_ENDS = {"exchange": {"consent"}}  # whoever has a token of a consent came past the consent page


def record_fault(*, app: ChannelApp, classification: Classification, call: str, now: datetime) -> None:
    """Mark the channel app as refused by its channel, if it is not marked already."""
    said = scrub.strange(classification.note) or classification.row
    fault = (said or gettext("The channel refuses this app."))[:300]
    ChannelApp.objects.filter(pk=app.pk, fault_since=None).update(
        fault=fault, fault_since=now, fault_kind=KINDS.get(call, "")
    )


def clear_fault(*, app: ChannelApp, call: str) -> None:
    """Note that the channel took a call of this kind, so that a fault found by its like is over."""
    if app.fault_since is not None:
        over = {KINDS.get(call, ""), *ALSO_ENDS.get(call, ())}
        ChannelApp.objects.filter(pk=app.pk, fault_kind__in=over).update(
            fault="", fault_since=None, fault_kind=""
        )


def ask_about_refused_apps() -> None:
    """Ask the channels whether they take the keys of refused apps again, and end the faults of those whose keys they take.

    Where nothing renews tokens and nobody links, no other call would show it.
    """
    for app in ChannelApp.objects.refused().filter(fault_kind=KINDS["exchange"]):
        verify_keys(app=app, now=database_clock.now())


@dataclass(frozen=True)
class Tested:
    """What a test of an app's keys showed: `took` is None where the channel did not say."""

    took: bool | None
    note: str = ""


def verify_keys(*, app: ChannelApp, now: datetime) -> Tested:
    """Ask the channel whether it takes an app's keys, note or end a fault accordingly, and return what it said. Takes 5 s at most."""
    try:
        classification = registry.get(app.channel).verify_app_keys(app.keys(), timeout=TEST_SECONDS)
    except (VaultError, ValueError) as error:
        return Tested(took=False, note=str(error))
    if classification.verdict == Verdict.OK:
        clear_fault(app=app, call="exchange")
        return Tested(took=True)
    said = scrub.strange(classification.note) or classification.row
    if classification.verdict != Verdict.APP_FAULT:
        return Tested(took=None, note=said)
    record_fault(app=app, call="exchange", classification=classification, now=now)
    return Tested(took=False, note=said)


FIELDS = ["use_refused_at", "demoted_at", "due_at", "due_for"]


def take_blame(
    *, token: Token, classification: Classification, others: TokenQuerySet, answered_at: datetime
) -> bool:
    """Take an answer to a reading of ad accounts that blames the app. Returns whether the token is demoted by it.

    `others` are the app's other tokens that read ad accounts. Where another's reading was answered well since this one's began to blame the
    app, it is this token's: demoted. Until then it is a suspicion: others are asked at once, this one again in minutes.
    Another token's blame makes it the app's fault, and so do 15 minutes without a good reading, or that there is no other token.
    """
    row = _locked(token)
    if row is None:
        return False
    app = ChannelApp.objects.get(pk=row.app_id)
    witnesses = others.filter(state=Token.State.VALID, demoted_at=None)
    if not witnesses.exists():
        record_fault(app=app, classification=classification, call="api", now=answered_at)
    if row.demoted_at is not None:
        return False  # known to be this token's: it says nothing of the app
    if _contradicted(row, app, answered_at):
        row.demoted_at = answered_at
        row.save(update_fields=FIELDS)
        return True
    row.use_refused_at = row.use_refused_at or answered_at
    lasts = answered_at - row.use_refused_at >= WITNESS_WITHIN
    if lasts or witnesses.exclude(use_refused_at=None).exists():
        record_fault(app=app, classification=classification, call="api", now=answered_at)
    elif app.fault_kind != USE:
        witnesses.ask_some(answered_at)
        row.ask_again_after(answered_at, AFTER_WITNESS)
    row.save(update_fields=FIELDS)
    return False


def take_good_reading(*, token: Token, asked_at: datetime) -> bool:
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
    """Note the good reading where a token is suspected, or the app's fault stood when the app was loaded: that is over then."""
    suspected = Token.objects.filter(app=app.pk, demoted_at=None).exclude(use_refused_at=None)
    if app.fault_since is None and not suspected.exists():
        return
    marked = Q(fault_kind=USE) | Exists(suspected)
    if ChannelApp.objects.filter(marked, pk=app.pk).update(use_answered_at=asked_at):
        clear_fault(app=app, call="api")


def _locked(token: Token) -> Token | None:
    """Lock the token; None where a consent or renewal came since it was asked with."""
    return Token.objects.as_seen(token).locked().first()


def _contradicted(row: Token, app: ChannelApp, now: datetime) -> bool:
    """Return whether another's reading was answered since this token's began to blame the app, and lately: an app may fail again."""
    if row.use_refused_at is None or app.use_answered_at is None:
        return False
    return row.use_refused_at < app.use_answered_at and now - app.use_answered_at <= WITNESS_WITHIN
