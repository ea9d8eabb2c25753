"""Reading a token's ad accounts at the channel, and writing what was found: of the accounts, and of our app.

What a reading takes from a log-in is doubted before any pool entry is written off (`tokens.doubts`): ad accounts, and their freedom. What a
person's own consent leaves out is his doing and is not doubted, nor what jobs report that the channel refused to have written, though our
own questions are answered well (`RefusedWrite`): none of these could confirm it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.models import AccountToken, ApiKey, RefusedWrite
from accounts.pool import services as pool
from accounts.pool.health import OUTSIDE, READING_REFUSED
from accounts.sync import entries as pool_entries
from accounts.sync import reach
from accounts.sync.entries import NOTHING, Doubted, said_of_accounts
from tokens.channels import gate, registry
from tokens.channels.kinds import (
    WRITE_REFUSALS,
    AccessCheck,
    AccountList,
    ChannelError,
    Classification,
    Reason,
    Verdict,
)
from tokens.doubts import services as doubts
from tokens.doubts.services import OF_ACCOUNTS, Kind, Said
from tokens.lifecycle import app_faults
from tokens.models import Doubt, Token
from tokens.token.queries import TokenQuerySet
from tokens.unknown_answers import services as unknown_answers

READ_SINGLY = 5  # up to so many accounts are read one by one; above, one list
DOUBTED = 10  # of those that a list lacks, and of those that were lost, so many are read singly before the list is believed
REFUSALS_KEPT_FOR = timedelta(days=7)
ROWS_A_KEY = 1000  # words kept of one key within an hour; what is more counts for nothing

REPORTS_ONLY = Classification(Verdict.ACCESS_LOST, Reason.PUBLISHING_LOST, row="the role may not publish")
RESTRICTED = Classification(Verdict.ACCOUNT_RESTRICTED, row="the ad account's status")
# An answer that blames the app counts too: our own questions with the same app are answered well.
_CONTRADICTED = frozenset(
    {
        Verdict.ACCESS_LOST,
        Verdict.CONFIRM_FIRST,
        Verdict.TOKEN_DEAD,
        Verdict.ACCOUNT_RESTRICTED,
        Verdict.APP_FAULT,
    }
)


class LinkedAccount(NamedTuple):
    """An ad account that a token is linked with. `is_lost`: the channel said so, whether that is believed yet or not, or restricts it."""

    pk: int
    native_id: str
    is_lost: bool = False


@dataclass(frozen=True)
class Findings:
    """What the channel said of one token's ad accounts, read without any transaction."""

    listed: AccountList | None = None
    readings: Mapping[int, AccessCheck] = field(default_factory=dict)  # by id of the account
    fault: ChannelError | None = None  # the list could not be had
    list_failed: bool = False  # the same, and the accounts were read singly instead

    @property
    def not_asked(self) -> bool:
        """Whether some of it was not read because the channel was not to be asked just then."""
        said = [reading.evidence for reading in self.readings.values()]
        if self.fault is not None:
            said.append(self.fault.evidence)
        return any(gate.was_not_asked(one) for one in said)


def read_accounts(
    token: Token,
    accounts: Sequence[LinkedAccount],
    *,
    told: Mapping[str, Any] | None = None,
    timeout: float | None = None,
    by_list: bool = False,
) -> Findings:
    """Read a token's linked ad accounts: few one by one, many by one list. Touches no database.

    What a list lacks is read singly before it counts as lost: an empty list may be the channel's fault. So is what was lost before it
    counts as regained: some lists go on naming what the person reaches no more. `by_list`: few by a list too, as far as it can be had,
    because the last one is old (`reach`).
    `told`: of `Inspection`, where these credentials were asked about a moment ago. `timeout`: seconds, of each account that is read singly.
    Raises VaultError or ValueError where the credentials do not open.
    """
    native = registry.get(token.app.channel)
    keys, credentials, known = token.app.keys(), token.unseal(), dict(told or {})

    def singly(some: Iterable[LinkedAccount]) -> dict[int, AccessCheck]:
        return {
            one.pk: native.read_account(
                keys,
                credentials,
                one.native_id,
                scopes=token.scopes,
                told=known,
                timeout=timeout,
            )
            for one in some
        }

    few = len(accounts) <= READ_SINGLY
    if few and not by_list:
        return Findings(readings=singly(accounts))
    try:
        listed = native.list_accounts(keys, credentials, token.identity, token.scopes, told=known)
    except ChannelError as error:
        if few:
            return Findings(readings=singly(accounts), list_failed=True)
        return Findings(fault=error)  # a list that failed changes nothing
    there = {one.native_id for one in listed.accounts}
    missing = singly([one for one in accounts if one.native_id not in there][:DOUBTED])
    regained = singly([one for one in accounts if one.is_lost and one.native_id in there][:DOUBTED])
    # Where all that were asked about are lost indeed, the list is believed for the rest too.
    believed = all(_is_lost(reading) for reading in missing.values())
    return Findings(replace(listed, complete=listed.complete and believed), missing | regained)


def _is_lost(reading: AccessCheck) -> bool:
    return (
        reading.classification.verdict == Verdict.ACCESS_LOST
        and reading.classification.reason not in WRITE_REFUSALS
    )


def _other_tokens_that_read(token: Token) -> TokenQuerySet:
    """Return the app's other tokens whose checks read ad accounts too."""
    entries = AccountToken.objects.filter(token=OuterRef("pk"))
    return Token.objects.others_of_app(token).filter(Exists(entries))


class _Answers:
    """What answers say of a log-in's ad accounts (their ids at the channel), by kind of doubt: against them, and the contrary."""

    def __init__(self) -> None:
        self.against: dict[Kind, dict[str, Said]] = {kind: {} for kind in OF_ACCOUNTS}
        self.shown: dict[Kind, set[str]] = {kind: set() for kind in OF_ACCOUNTS}

    def take(self, native_id: str, reading: AccessCheck) -> None:
        """Take a reading of an ad account."""
        said, native = reading.classification, reading.account
        losses = {Verdict.ACCESS_LOST: Kind.ACCESS, Verdict.ACCOUNT_RESTRICTED: Kind.RESTRICTION}
        if said.verdict in losses and (native is None or said.verdict == Verdict.ACCESS_LOST):
            self.against[losses[said.verdict]][native_id] = Said(said, reading.evidence)
        elif native is not None:
            self._note(Kind.ACCESS, native_id, REPORTS_ONLY, reading, holds=native.can_publish == "no")
            if native.restriction is not None:
                self._note(Kind.RESTRICTION, native_id, RESTRICTED, reading, holds=bool(native.restriction))

    def _note(
        self, kind: Kind, native_id: str, loss: Classification, reading: AccessCheck, *, holds: bool
    ) -> None:
        if holds:
            self.against[kind][native_id] = Said(loss, reading.evidence)
        else:
            self.shown[kind].add(native_id)


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
            answers.take(entry.account.native_id, reading)
    known = token.doubts.open().filter(kind__in=OF_ACCOUNTS)
    in_doubt = {kind: set(known.filter(kind=kind).values_list("about", flat=True)) for kind in OF_ACCOUNTS}
    held = {
        Kind.ACCESS: {one.account.native_id for one in entries if one.can_serve},
        Kind.RESTRICTION: {one.account.native_id for one in entries if not one.account.restriction},
    }
    lost = {
        kind: {one: said for one, said in answers.against[kind].items() if one in held[kind] | in_doubt[kind]}
        for kind in OF_ACCOUNTS
    }
    if not (any(lost.values()) or any(in_doubt.values()) or doubts.apps_in_doubt([token.app_id])):
        return NOTHING
    gone = set().union(*in_doubt.values()) - {one.account.native_id for one in entries}
    with transaction.atomic():
        fresh = Token.objects.filter(pk=token.pk, generation=generation).locked().first()
        if fresh is None:
            return NOTHING
        doubted = set()
        for kind in OF_ACCOUNTS:
            doubts.refute_doubts(fresh, [kind], now, about=answers.shown[kind] | gone)
            true = doubts.take_doubts(fresh, kind, lost[kind], now=now, source=source)
            doubted |= {(kind, one) for one in lost[kind].keys() - true}
        doubts.prove_doubts(fresh, [kind for kind, ids in answers.shown.items() if ids], asked_at=now)
        doubts.save_next_look(fresh)
    return frozenset(doubted)


def is_doubted(token_id: int, native_id: str, *kinds: Kind) -> bool:
    """Return whether something that a log-in's answers say of this ad account is doubted: of these kinds, or of any."""
    kinds = kinds or OF_ACCOUNTS
    return Doubt.objects.undecided().filter(token=token_id, about=native_id, kind__in=kinds).exists()


def record_readings(
    token: Token,
    found: Findings,
    *,
    now: datetime,
    source: str,
    asked_at: datetime | None = None,
    answered_at: datetime | None = None,
) -> None:
    """Write what was found of a token's accounts, and what the answers say of our app.

    `asked_at` and `answered_at`: when the reading began and ended, where that is known better than `now`.
    """
    asked_with: dict[str, Any] = {
        "token": token,
        "generation": token.generation,
        "now": now,
        "source": source,
    }
    asked_with |= {"listed": found.listed, "readings": found.readings}
    doubted = weigh_answers(**asked_with)
    pool_entries.apply_answers(doubted=doubted, **asked_with)
    if found.list_failed:
        reach.note_list_failed(token=token, now=now)
    said = [(reading.classification, reading.evidence) for reading in found.readings.values()]
    if found.fault is not None:
        said.append((found.fault.classification, found.fault.evidence))
    classifications = [classification for classification, _ in said]
    faults = [
        classification for classification in classifications if classification.verdict == Verdict.APP_FAULT
    ]
    with transaction.atomic():
        moved = False
        if found.listed is not None or any(
            classification.verdict == Verdict.OK for classification in classifications
        ):
            moved = app_faults.take_good_reading(token=token, asked_at=asked_at or now)
        elif faults:
            moved = app_faults.take_blame(
                token=token,
                classification=faults[0],
                others=_other_tokens_that_read(token),
                answered_at=answered_at or now,
            )
        if moved:
            pool.settle(token_ids=[token.pk], cause=READING_REFUSED, now=now, source=source)
    for classification, evidence in said:
        unknown_answers.keep_answer(token.app, classification, evidence, token_id=token.pk, now=now)


@transaction.atomic
def take_refused_write(
    *,
    token: Token,
    account_id: int,
    api_key: int,
    leased_at: datetime,
    classification: Classification,
    found: Classification,
    now: datetime,
) -> bool:
    """Take a job's word that the channel refused a write, after our own question was answered so that it `permits_writing`.

    `leased_at` is when the reported lease was given, `classification` what the job's answer means, `found` what ours was answered. Returns
    whether the person now counts as one who may not write here. Reports at the same time come one after the other, per token and per key.
    """
    reason = known_write_refusal(found) or known_write_refusal(classification)
    if reason is None and classification.verdict not in _CONTRADICTED:
        return False
    fresh = Token.objects.as_seen(token).locked().first()
    ApiKey.objects.select_for_update(no_key=True).filter(pk=api_key).first()  # our own code has none
    kept = RefusedWrite.objects.of_key(api_key, since=now - RefusedWrite.WITHIN)
    if fresh is None or kept.count() >= ROWS_A_KEY:
        return False
    word, new = RefusedWrite.objects.get_or_create(
        account_id=account_id,
        token=fresh,
        api_key=api_key,
        leased_at=leased_at,
        defaults={
            "reason": reason or Reason.WRITING_REFUSED,
            "known": reason is not None,
            "said": classification.note or classification.row,
            "at": now,
        },
    )
    if not new or not (word.may_shift(now) if reason else word.is_shared(now)):
        return False
    refused = pool_entries.refuse_writing(
        token=fresh, account_id=account_id, reason=Reason(word.reason), note=word.said, now=now
    )
    if refused:
        RefusedWrite.objects.filter(pk=word.pk).update(acted_on=True)
    return refused


def permits_writing(read: AccessCheck) -> bool:
    """Return whether what we read contradicts a job's refused write, or says itself that this person may not write.

    Where it tells the trouble itself, there is nothing to decide.
    """
    if read.classification.reason in WRITE_REFUSALS:
        return True
    return read.account is not None and read.account.can_publish != "no" and not read.account.restriction


def known_write_refusal(classification: Classification) -> Reason | None:
    """Return why a person may not write, where the channel's table says that an answer means it; else None."""
    if classification.verdict != Verdict.ACCESS_LOST:
        return None
    return (
        classification.reason if classification.reason in WRITE_REFUSALS | {Reason.PUBLISHING_LOST} else None
    )


def lift_refusals(
    *, account_ids: Collection[int] | None = None, token_ids: Collection[int], now: datetime
) -> None:
    """Forget that the channel refused these people's writes, in these accounts or all of theirs, and ask about their roles at once."""
    refused = AccountToken.objects.filter(token__in=token_ids).exclude(write_refused_at=None)
    if account_ids is not None:
        refused = refused.filter(account__in=account_ids)
    lifted = list(refused.values_list("token_id", flat=True))
    if lifted:
        refused.update(write_refused_at=None, write_refusal="")
        Token.objects.filter(pk__in=lifted).make_due(now)


def forget_refusals(*, now: datetime) -> int:
    """Delete old words. Returns how many."""
    return RefusedWrite.objects.filter(at__lt=now - REFUSALS_KEPT_FOR).delete()[0]
