"""Faults of our own channel apps: the channel refuses AdToken itself. No token is touched by them."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F
from django.utils.translation import gettext

from tokens import scrub
from tokens.channels import registry
from tokens.channels.kinds import Classification, Verdict
from tokens.models import ChannelApp, Token
from tokens.token_model import TokenQuerySet
from tokens.vault import VaultError

logger = logging.getLogger(__name__)

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


def record(*, app: ChannelApp, classification: Classification, call: str, now: datetime) -> None:
    """Mark the channel app as refused by its channel, if it is not marked already."""
    said = scrub.strange(classification.note) or classification.row
    fault = (said or gettext("The channel refuses this app."))[:300]
    ChannelApp.objects.filter(pk=app.pk, fault_since=None).update(
        fault=fault, fault_since=now, fault_kind=KINDS.get(call, ""), use_refused_at=None, use_refused_by=None
    )


def ask_a_witness(others: TokenQuerySet, now: datetime) -> None:
    """Have the sweep ask about the token that worked last. One that somebody holds was asked before, so it is no witness."""
    last = others.filter(state=Token.State.VALID).free(now).order_by(F("proven_at").desc(nulls_last=True))
    ids = list(last.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)[:1])
    Token.objects.filter(pk__in=ids, due_at__gt=now).make_due(now)


def clear(*, app: ChannelApp, call: str) -> None:
    """Note that the channel took a call of this kind, so that a fault found by its like is over."""
    if app.fault_since is not None:
        over = {KINDS.get(call, ""), *ALSO_ENDS.get(call, ())}
        ChannelApp.objects.filter(pk=app.pk, fault_kind__in=over).update(
            fault="", fault_since=None, fault_kind=""
        )


def ask_again() -> None:
    """Ask the channels whether they take the keys of refused apps again, and end the faults of those whose keys they take.

    Where nothing renews tokens and nobody links, no other call would show it.
    """
    for app in ChannelApp.objects.filter(fault_kind=KINDS["exchange"]).exclude(fault_since=None):
        try:
            classification = registry.get(app.channel).verify_app_keys(app.keys())
        except (registry.UnknownChannel, VaultError, ValueError) as error:
            logger.warning("channel app %s could not be asked about: %s", app.pk, error)
            continue
        if classification is not None and classification.verdict == Verdict.OK:
            clear(app=app, call="exchange")


@dataclass(frozen=True)
class Tested:
    """What a test of an app's keys showed: `took` is None where the channel did not say."""

    took: bool | None
    note: str = ""


def verify_keys(*, app: ChannelApp, now: datetime) -> Tested:
    """Ask the channel whether it takes an app's keys, note or end a fault accordingly, and return what it said. Takes 5 s at most."""
    try:
        classification = registry.get(app.channel).verify_app_keys(app.keys(), timeout=TEST_SECONDS)
    except (registry.UnknownChannel, VaultError, ValueError) as error:
        return Tested(took=False, note=str(error))
    if classification is None:
        return Tested(took=None)
    if classification.verdict == Verdict.OK:
        clear(app=app, call="exchange")
        return Tested(took=True)
    if classification.verdict == Verdict.APP_FAULT:
        record(app=app, call="exchange", classification=classification, now=now)
        return Tested(took=False, note=scrub.strange(classification.note) or classification.row)
    return Tested(took=None, note=scrub.strange(classification.note) or classification.row)
