"""Writing what a channel says of a token on an ad account: access, role, "can publish", and the account's own status.

A list that failed or is incomplete takes nothing away. Only what differs is written, and settled in the same transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from django.db import transaction

from accounts.models import Account, AccountEvent, AccountToken
from accounts.pool import services as pool
from accounts.pool.health import OUTSIDE
from accounts.sync import reach
from tokens.channels import registry
from tokens.channels.kinds import (
    WRITE_REFUSALS,
    AccessCheck,
    AccountList,
    Classification,
    NativeAccount,
    Reason,
    Verdict,
)
from tokens.lifecycle.services import REPORT
from tokens.models import Doubt, Token

MISSING = Classification(Verdict.ACCESS_LOST, Reason.ACCESS_LOST, row="not in the list of ad accounts")


# Of which ad accounts (their ids at the channel) what an answer says is not believed yet, and of which kind that is.
Doubted = frozenset[tuple[Doubt.Kind, str]]
NOTHING: Doubted = frozenset()


@transaction.atomic
def apply_answers(
    *,
    token: Token,
    generation: int,
    now: datetime,
    source: str,
    listed: AccountList | None = None,
    readings: Mapping[int, AccessCheck] | None = None,
    consented: bool = False,
    doubted: Doubted = NOTHING,
) -> list[int]:
    """Write what the channel says of a token's ad accounts over its pool entries: by a list, which is kept (`reach`), by readings of some
    of them (by id of the account), which count more, or by both.

    Returns the ids of accounts that lost this token as one that can publish. What was asked for with an older generation of the token
    writes nothing: a consent that came since knows better. The caller may hold the token's lock.

    Where it says what is stored already, which is nearly always, no account is locked and nothing is written: entries are compared
    without a lock, and only those that differ are locked, read again and written. The token's lock keeps its entries as they were read.
    `consented`: a consent changed the token in this transaction, so all its accounts are locked and settled, whatever is said of them.
    `doubted`: whose losses and restrictions are not believed yet: those are not written. The entry of a loss is marked: others go first.
    """
    if listed is None and not _differing(token, None, readings or {}, now):
        return []
    if (fresh := _still(token, generation)) is None:
        return []
    if listed is not None:
        losses = any(kind == Doubt.Kind.ACCESS for kind, _ in doubted)
        reach.keep_list(token=fresh, listed=listed, doubted=losses, now=now)
    said = _differing(fresh, listed, readings or {}, now, everything=consented)
    lost: list[int] = []
    causes: dict[str, list[int]] = {}
    for entry in _lock_entries(fresh, list(said)):
        served, before = entry.can_serve, _decides(entry)
        if (reading := said[entry.account_id]) is not None:
            _apply_reading(entry, reading, now, source, doubted=doubted)
        if _decides(entry) == before and not consented:
            continue  # nothing else of an entry, nor the account's own facts, decides anything
        gone = served and not entry.can_serve
        cause = entry.access_reason if gone else Token.DOUBTED if entry.doubt else "linked"
        causes.setdefault(cause, []).append(entry.account_id)
        if gone:
            lost.append(entry.account_id)
    for cause, ids in causes.items():
        pool.settle(account_ids=ids, cause=cause, now=now, source=source)
    return lost


def _differing(
    token: Token,
    listed: AccountList | None,
    readings: Mapping[int, AccessCheck],
    now: datetime,
    *,
    everything: bool = False,
) -> dict[int, AccessCheck | None]:
    """Return by account (id) what is said of it, where its entry, or its own facts, are not that; of `everything`, also where they are,
    and where nothing is said. Locks nothing.
    """
    entries = AccountToken.objects.filter(token=token).select_related("account").order_by("id")
    found = list(entries if listed is not None else entries.filter(account__in=list(readings)))
    for entry in found:
        entry.token = token
    told = said_of_accounts(found, listed, readings)
    return {
        entry.account_id: told.get(entry.account_id)
        for entry in found
        if everything or (entry.account_id in told and _differs_from(entry, told[entry.account_id], now))
    }


def said_of_accounts(
    entries: Sequence[AccountToken], listed: AccountList | None, readings: Mapping[int, AccessCheck]
) -> dict[int, AccessCheck]:
    """Return what was answered about the accounts (ids) of these entries. What a reading says of one counts more than the list."""
    by_id = {native.native_id: native for native in listed.accounts} if listed else {}
    found: dict[int, AccessCheck] = {}
    for entry in entries:
        native, reading = by_id.get(entry.account.native_id), readings.get(entry.account_id)
        if reading is None and native is not None:
            reading = AccessCheck(Classification(Verdict.OK), native)
        elif reading is None and listed is not None and listed.complete:
            reading = AccessCheck(MISSING)
        if reading is not None and _tells(reading):
            found[entry.account_id] = reading
    return found


def _tells(reading: AccessCheck) -> bool:
    """Return whether a reading says anything of the ad account or of the person's access to it. Passing trouble says nothing.

    Reading is no writing: that the person may not write, only an answer to a job shows.
    """
    said = reading.classification
    if reading.account is not None or said.reason in WRITE_REFUSALS:
        return reading.account is not None
    return said.verdict in {Verdict.ACCESS_LOST, Verdict.ACCOUNT_RESTRICTED}


def _differs_from(entry: AccountToken, reading: AccessCheck, now: datetime) -> bool:
    """Return whether an entry, or its account, is not what a reading says."""
    said = reading.classification
    if said.verdict == Verdict.ACCESS_LOST:
        return _differ(entry, _values_of_loss(entry, said.reason or Reason.ACCESS_LOST))
    if reading.account is None:
        return _differ(entry.account, {"restriction": said.note or "restricted"})
    values = _entry_values(entry, reading.account, now)
    return _differ(entry, values) or _differ(entry.account, _account_values(entry.account, reading.account))


def _apply_reading(
    entry: AccountToken, reading: AccessCheck, now: datetime, source: str, *, doubted: Doubted
) -> None:
    said = reading.classification
    if said.verdict == Verdict.ACCESS_LOST:
        _lose(entry, said.reason or Reason.ACCESS_LOST, now, source, doubted=doubted)
    elif reading.account is not None:
        _take(entry, reading.account, now, source, doubted=doubted)
    elif (Doubt.Kind.RESTRICTION, entry.account.native_id) not in doubted:
        _restrict(entry.account, said.note or "restricted", now, source)


def _still(token: Token, generation: int) -> Token | None:
    """Lock the token, before any account, and return it as it stands; None where it is not the one that the channel was asked with."""
    return Token.objects.filter(pk=token.pk, generation=generation).locked().first()


def _lock_entries(token: Token, account_ids: Collection[int]) -> Sequence[AccountToken]:
    """Lock accounts by id first, then this token's entries in them: the one order that is used everywhere."""
    if not account_ids:
        return []
    accounts = {account.pk: account for account in Account.objects.filter(pk__in=account_ids).locked()}
    entries = AccountToken.objects.filter(token=token, account_id__in=accounts)
    locked = list(entries.order_by("id").select_for_update(no_key=True))
    for entry in locked:
        entry.account, entry.token = accounts[entry.account_id], token
    return locked


def write_entry(entry: AccountToken, native: NativeAccount, now: datetime) -> None:
    """Write that the person reaches the ad account: in which role, whether it may publish, and why not. The account is locked.

    Where the channel refused what this person writes, that outranks what the role permits, for as long as it stands.
    """
    _write(entry, _entry_values(entry, native, now))


def _entry_values(entry: AccountToken, native: NativeAccount, now: datetime) -> Mapping[str, object]:
    """Return what the entry is to hold. A role that the channel could not be asked about stays as it is."""
    role, can_publish = native.role[:200], str(native.can_publish)
    reason = str(_why_reports_only(entry, native))
    if not native.role_told and can_publish == "unknown" and entry.access == AccountToken.Access.OK:
        role, can_publish, reason = entry.role, entry.can_publish, entry.access_reason
        if reason in WRITE_REFUSALS:  # this was never said of the role
            can_publish, reason = "unknown", ""
    if can_publish != "no" and entry.write_refusal_stands(now):
        can_publish, reason = "no", entry.write_refusal
    if entry.access_reason == OUTSIDE:  # the channel has no say in what the account's team takes
        return {"role": native.role[:200], "can_publish": can_publish}
    return {
        "doubt": "",
        "access": AccountToken.Access.OK,
        "role": role,
        "can_publish": can_publish,
        "access_reason": reason,
    }


def refuse_writing(*, token: Token, account_id: int, reason: Reason, note: str, now: datetime) -> bool:
    """Write that the channel refuses what this person writes in this ad account, and settle it. Returns whether that was news.

    Runs in the caller's transaction, which holds the token's lock. The token itself is not touched.
    """
    entries = _lock_entries(token, [account_id])
    if not entries or not entries[0].can_serve:
        return False
    entry = entries[0]
    entry.write_refused_at, entry.write_refusal = now, reason
    entry.can_publish, entry.access_reason = AccountToken.CanPublish.NO, reason
    entry.save(update_fields=["write_refused_at", "write_refusal", "can_publish", "access_reason"])
    _record_access(entry, now, "report", note)
    pool.settle(account_ids=[account_id], cause=reason, now=now, source="report")
    return True


def _differ(row: AccountToken | Account, values: Mapping[str, object]) -> bool:
    return any(getattr(row, name) != value for name, value in values.items())


def _write(row: AccountToken | Account, values: Mapping[str, object]) -> None:
    """Save those values that differ from what the row holds; nothing where none does."""
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    if changed:
        row.save(update_fields=changed)


def _why_reports_only(entry: AccountToken, native: NativeAccount) -> Reason | Literal[""]:
    """Return why an entry may not publish: the person did not permit it, or the role does not. "" where it may."""
    if native.can_publish != "no":
        return ""
    needed = {scope.name for scope in registry.get(entry.account.channel).scopes if scope.publishing}
    granted = entry.token.scopes
    narrow = granted is not None and not needed <= set(granted)
    return Reason.SCOPE_MISSING if narrow else Reason.PUBLISHING_LOST


def _decides(entry: AccountToken) -> tuple[bool, str]:
    """Return what a pool decides by."""
    return entry.can_serve, entry.doubt


def _take(
    entry: AccountToken, native: NativeAccount, now: datetime, source: str, *, doubted: Doubted
) -> None:
    served = entry.can_serve
    if served and (Doubt.Kind.ACCESS, entry.account.native_id) in doubted:
        _doubt(entry, source)
    else:
        write_entry(entry, native, now)
    if (Doubt.Kind.RESTRICTION, entry.account.native_id) in doubted:
        native = replace(native, restriction=None)
    update_account(entry.account, native, now=now, source=source)
    if entry.can_serve != served:
        _record_access(entry, now, source)


def _doubt(entry: AccountToken, source: str) -> None:
    """Mark an entry whose loss is doubted. One that a job was refused with is served no more, until the channel has shown it again."""
    stops = source == REPORT or entry.doubt == AccountToken.Doubt.STOPPED
    _write(entry, {"doubt": AccountToken.Doubt.STOPPED if stops else AccountToken.Doubt.DOUBTED})


def _lose(entry: AccountToken, reason: Reason, now: datetime, source: str, *, doubted: Doubted) -> None:
    served = entry.can_serve
    if served and (Doubt.Kind.ACCESS, entry.account.native_id) in doubted:
        _doubt(entry, source)
        return
    _write(entry, _values_of_loss(entry, reason))
    if served:
        _record_access(entry, now, source)


def _values_of_loss(entry: AccountToken, reason: Reason) -> Mapping[str, str]:
    """Return what an entry is to hold whose person can no longer reach the ad account, or no longer publish there."""
    if reason == Reason.PUBLISHING_LOST:
        lost: dict[str, str] = {"can_publish": AccountToken.CanPublish.NO}
    else:
        lost = {} if entry.access_reason == OUTSIDE else {"access": AccountToken.Access.LOST}
    if entry.access_reason != OUTSIDE:  # the channel has no say in what the account's team takes
        lost["access_reason"] = reason
    return lost | {"doubt": ""}


def _record_access(entry: AccountToken, now: datetime, source: str, note: str = "") -> None:
    pool.record_event(
        account=entry.account,
        kind=AccountEvent.Kind.ACCESS,
        token_id=entry.token_id,
        cause=entry.access_reason or "regained",
        source=source,
        note=note[:300],
        now=now,
    )


def update_account(account: Account, native: NativeAccount, *, now: datetime, source: str) -> None:
    """Write the channel's own facts of an ad account. The caller holds its lock. What the answer does not tell stays as it was."""
    restricted = account.restriction
    _write(account, _account_values(account, native))
    _record_restriction(account, restricted, now, source)


def _account_values(account: Account, native: NativeAccount) -> Mapping[str, str]:
    return {
        "name": native.name[:300] or account.name,
        "currency": native.currency[:3] or account.currency,
        "time_zone": native.time_zone[:64] or account.time_zone,
        "native_status": native.native_status[:60],
        "restriction": account.restriction if native.restriction is None else native.restriction[:300],
    }


def _restrict(account: Account, restriction: str, now: datetime, source: str) -> None:
    """Write why the channel restricts an ad account."""
    before = account.restriction
    _write(account, {"restriction": restriction[:300]})
    _record_restriction(account, before, now, source)


def _record_restriction(account: Account, before: str, now: datetime, source: str) -> None:
    """Write an event where the channel began or ceased to restrict an ad account."""
    if bool(before) == bool(account.restriction):
        return
    kind = AccountEvent.Kind.UNRESTRICTED if before else AccountEvent.Kind.RESTRICTED
    pool.record_event(account=account, kind=kind, note=account.restriction, source=source, now=now)
