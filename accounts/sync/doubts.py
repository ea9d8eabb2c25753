"""What a reading takes from a log-in is doubted before any pool entry is written off (`tokens.doubts`): ad accounts, and their freedom.

What a person's own consent leaves out is his doing and is not doubted, nor what a job's answer says of writing, which none of our questions
could confirm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Account, AccountToken
from accounts.pool.health import OUTSIDE
from accounts.sync.entries import NOTHING, Doubted, said_of_accounts
from tokens.channels.kinds import AccessCheck, AccountList, Classification, NativeAccount, Reason, Verdict
from tokens.doubts import services as doubts
from tokens.doubts.services import OF_ACCOUNTS, Kind, Said
from tokens.models import Doubt, Token

REPORTS_ONLY = Classification(Verdict.ACCESS_LOST, Reason.PUBLISHING_LOST, row="the role may not publish")
RESTRICTED = Classification(Verdict.ACCOUNT_RESTRICTED, row="the ad account's status")


@dataclass
class _Answers:
    """What answers say of a log-in's ad accounts, by their ids at the channel."""

    lost: dict[str, Said] = field(default_factory=dict)
    restricted: dict[str, Said] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    free: set[str] = field(default_factory=set)

    def show(self, native: NativeAccount, evidence: Mapping[str, Any]) -> None:
        """Take an ad account as an answer shows it."""
        if native.can_publish == "no":
            self.lost[native.native_id] = Said(REPORTS_ONLY, evidence)
        else:
            self.reached.add(native.native_id)
        if native.restriction:
            self.restricted[native.native_id] = Said(RESTRICTED, evidence)
        elif native.restriction is not None:
            self.free.add(native.native_id)


def weigh_answers(
    token: Token,
    *,
    generation: int,
    listed: AccountList | None,
    readings: Mapping[int, AccessCheck],
    now: datetime,
    source: str,
) -> Doubted:
    """Take what these answers say against a log-in's ad accounts, in a transaction of its own. Return what is doubted of it.

    `readings` by id of the account. The caller writes the rest: should its process die before, the next answer is believed at once.
    """
    inside = AccountToken.objects.filter(token=token).exclude(access_reason=OUTSIDE)
    entries = list(inside.select_related("account").order_by("id"))
    said_of, answers = said_of_accounts(entries, listed, readings), _Answers()
    for entry in entries:
        if reading := said_of.get(entry.account_id):
            _take(answers, entry.account, reading)
    known = token.doubts.open().filter(kind__in=OF_ACCOUNTS)
    in_doubt = {kind: set(known.filter(kind=kind).values_list("about", flat=True)) for kind in OF_ACCOUNTS}
    serving = {one.account.native_id for one in entries if one.can_serve} | in_doubt[Kind.ACCESS]
    unrestricted = {one.account.native_id for one in entries if not one.account.restriction}
    lost = {one: said for one, said in answers.lost.items() if one in serving}
    restricted = {
        one: said
        for one, said in answers.restricted.items()
        if one in unrestricted | in_doubt[Kind.RESTRICTION]
    }
    gone = (in_doubt[Kind.ACCESS] | in_doubt[Kind.RESTRICTION]) - {one.account.native_id for one in entries}
    if not (lost or restricted or any(in_doubt.values()) or doubts.apps_in_doubt([token.app_id])):
        return NOTHING
    with transaction.atomic():
        fresh = Token.objects.filter(pk=token.pk, generation=generation).locked().first()
        if fresh is None:
            return NOTHING
        doubts.refute_doubts(fresh, [Kind.ACCESS], now, about=answers.reached | gone)
        doubts.refute_doubts(fresh, [Kind.RESTRICTION], now, about=answers.free | gone)
        doubted = Doubted(
            frozenset(lost) - doubts.take_doubts(fresh, Kind.ACCESS, lost, now=now, source=source),
            frozenset(restricted)
            - doubts.take_doubts(fresh, Kind.RESTRICTION, restricted, now=now, source=source),
            source,
        )
        shown = {Kind.ACCESS: answers.reached, Kind.RESTRICTION: answers.free}
        doubts.prove_doubts(fresh, [kind for kind, ids in shown.items() if ids], asked_at=now)
        doubts.save_next_look(fresh)
    return doubted


def is_doubted(token_id: int, native_id: str, *kinds: Kind) -> bool:
    """Return whether something that a log-in's answers say of this ad account is doubted: of these kinds, or of any."""
    kinds = kinds or OF_ACCOUNTS
    return Doubt.objects.undecided().filter(token=token_id, about=native_id, kind__in=kinds).exists()


def _take(found: _Answers, account: Account, reading: AccessCheck) -> None:
    said = Said(reading.classification, reading.evidence)
    if reading.classification.verdict == Verdict.ACCESS_LOST:
        found.lost[account.native_id] = said
    elif reading.account is not None:
        found.show(reading.account, reading.evidence)
    elif reading.classification.verdict == Verdict.ACCOUNT_RESTRICTED:
        found.restricted[account.native_id] = said
