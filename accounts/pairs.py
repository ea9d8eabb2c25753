"""Writing what a channel says of a token on an ad account: access, role, "can publish", and the account's own status.

A list that failed or is incomplete takes nothing away. All functions here end by settling, in one transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from django.db import transaction

from accounts import pool
from accounts.models import Account, AccountEvent, AccountToken
from tokens import channels
from tokens.channels.base import AccountList, NativeAccount, PairReading, Reason, Verdict
from tokens.models import Token


@transaction.atomic
def apply_list(
    *, token: Token, generation: int, listed: AccountList, now: datetime, source: str
) -> list[int]:
    """Write the channel's list of one native user's ad accounts over the token's pool entries.

    Returns the ids of accounts that lost this token as one that can publish. A list that was asked for with an older generation
    of the token writes nothing: a consent that came since knows better. The caller may hold the token's lock.
    """
    if (fresh := _still(token, generation)) is None:
        return []
    by_id = {native.native_id: native for native in listed.accounts}
    entries = _lock_entries(fresh)
    lost: list[int] = []
    causes: dict[str, list[int]] = {}
    for entry in entries:
        native = by_id.get(entry.account.native_id)
        served = _serves(entry)
        if native is not None:
            _take(entry, native, now, source)
        elif listed.complete:
            _lose(entry, Reason.ACCESS_LOST, now, source)
        if served and not _serves(entry):
            lost.append(entry.account_id)
            causes.setdefault(entry.access_reason, []).append(entry.account_id)
        else:
            causes.setdefault("linked", []).append(entry.account_id)
    for cause, ids in causes.items():
        pool.settle(account_ids=ids, cause=cause, now=now, source=source)
    return lost


@transaction.atomic
def apply_reading(
    *, token: Token, generation: int, account_id: int, reading: PairReading, now: datetime, source: str
) -> None:
    """Write what reading one ad account with one token gave. Passing trouble, and an older generation, write nothing."""
    if (fresh := _still(token, generation)) is None:
        return
    entries = _lock_entries(fresh, account_id)
    if not entries:
        return
    entry = entries[0]
    if reading.ruling.verdict == Verdict.ACCESS_LOST:
        _lose(entry, reading.ruling.reason or Reason.ACCESS_LOST, now, source)
    elif reading.account is not None:
        _take(entry, reading.account, now, source)
    elif reading.ruling.verdict == Verdict.ACCOUNT_RESTRICTED:
        _restrict(entry.account, reading.ruling.note or "restricted", now, source)
    else:
        return
    cause = entry.access_reason or "access"
    pool.settle(account_ids=[account_id], cause=cause, now=now, source=source)


def _still(token: Token, generation: int) -> Token | None:
    """Lock the token, before any account, and return it as it stands; None where it is not the one that the channel was asked with."""
    return Token.objects.filter(pk=token.pk, generation=generation).locked().first()


def _lock_entries(token: Token, account_id: int | None = None) -> Sequence[AccountToken]:
    """Lock accounts by id first, then their entries: the one order that is used everywhere."""
    entries = AccountToken.objects.filter(token=token)
    if account_id is not None:
        entries = entries.filter(account_id=account_id)
    ids = list(entries.values_list("account_id", flat=True))
    accounts = {account.pk: account for account in Account.objects.filter(pk__in=ids).locked()}
    # An entry that was linked since has an account that is not locked here, and is too new for this answer.
    locked = list(entries.filter(account_id__in=accounts).order_by("id").select_for_update(no_key=True))
    for entry in locked:
        entry.account, entry.token = accounts[entry.account_id], token
    return locked


def write_entry(entry: AccountToken, native: NativeAccount) -> None:
    """Write that the person reaches the ad account: in which role, whether it may publish, and why not. The account is locked."""
    entry.access = AccountToken.Access.OK
    entry.role = native.role[:200]
    entry.can_publish = native.can_publish
    entry.access_reason = _why_reports_only(entry, native)
    entry.save(update_fields=["access", "role", "can_publish", "access_reason"])


def _why_reports_only(entry: AccountToken, native: NativeAccount) -> Reason | Literal[""]:
    """Return why an entry may not publish: the person did not permit it, or the role does not. "" where it may."""
    if native.can_publish != "no":
        return ""
    needed = {scope.name for scope in channels.get(entry.account.channel).scopes if scope.publishing}
    granted = entry.token.scopes
    narrow = granted is not None and not needed <= set(granted)
    return Reason.SCOPE_MISSING if narrow else Reason.PUBLISHING_LOST


def _serves(entry: AccountToken) -> bool:
    return entry.access == AccountToken.Access.OK and entry.can_publish != AccountToken.CanPublish.NO


def _take(entry: AccountToken, native: NativeAccount, now: datetime, source: str) -> None:
    served = _serves(entry)
    write_entry(entry, native)
    update_account(entry.account, native, now=now, source=source)
    if _serves(entry) != served:
        _record_access(entry, now, source)


def _lose(entry: AccountToken, reason: Reason, now: datetime, source: str) -> None:
    served = _serves(entry)
    if reason == Reason.PUBLISHING_LOST:
        entry.can_publish = AccountToken.CanPublish.NO
    else:
        entry.access = AccountToken.Access.LOST
    entry.access_reason = reason
    entry.save(update_fields=["access", "can_publish", "access_reason"])
    if served:
        _record_access(entry, now, source)


def _record_access(entry: AccountToken, now: datetime, source: str) -> None:
    pool.record(
        account=entry.account,
        kind=AccountEvent.Kind.ACCESS,
        token_id=entry.token_id,
        cause=entry.access_reason or "regained",
        source=source,
        now=now,
    )


def update_account(account: Account, native: NativeAccount, *, now: datetime, source: str) -> None:
    """Write the channel's own facts of an ad account. The caller holds its lock. What the answer does not tell stays as it was."""
    account.name = native.name[:300] or account.name
    account.currency = native.currency[:3] or account.currency
    account.time_zone = native.time_zone[:64] or account.time_zone
    account.native_status = native.native_status[:60]
    account.save(update_fields=["name", "currency", "time_zone", "native_status"])
    if native.restriction is not None:
        _restrict(account, native.restriction, now, source)


def _restrict(account: Account, restriction: str, now: datetime, source: str) -> None:
    """Write whether and why the channel restricts an ad account; a change from one to the other is an event."""
    was_restricted = bool(account.restriction)
    account.restriction = restriction[:300]
    account.save(update_fields=["restriction"])
    if was_restricted != bool(account.restriction):
        kind = AccountEvent.Kind.UNRESTRICTED if was_restricted else AccountEvent.Kind.RESTRICTED
        pool.record(account=account, kind=kind, note=account.restriction, source=source, now=now)
