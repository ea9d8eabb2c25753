"""Pausing and resuming accounts, and taking either back: each of them once, with one event, the pools settled together."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.utils.dateparse import parse_datetime

from accounts import deeds, pool
from accounts.deed_rows import Result, done_before, in_order
from accounts.models import Account, AccountEvent, Deed, DeedRow


def pause(deed: Deed, keys: Sequence[int], now: datetime) -> list[Result]:
    """Pause those that are not paused."""
    found = deeds.locked(deed, keys)
    fresh = [one for one in found if one.paused_at is None]
    results = {one.pk: Result.skips(one.pk, "paused_already") for one in found if one.paused_at is not None}
    _pause(deed, fresh, now, {one.pk: deed.note for one in fresh})
    results |= {one.pk: Result.done(one.pk, set_at=now.isoformat()) for one in fresh}
    return in_order(keys, results)


def resume(deed: Deed, keys: Sequence[int], now: datetime) -> list[Result]:
    """Resume those that are paused."""
    found = deeds.locked(deed, keys)
    paused = [one for one in found if one.paused_at is not None]
    results = {one.pk: Result.skips(one.pk, "not_paused") for one in found if one.paused_at is None}
    results |= {one.pk: Result.done(one.pk, note=one.pause_note) for one in paused}
    _resume(deed, paused, now)
    return in_order(keys, results)


def undo_pause(deed: Deed, keys: Sequence[int], now: datetime) -> list[Result]:
    """Resume those that are still paused by the deed that is taken back: not those that somebody resumed, or paused anew, since."""
    before, results, same = done_before(deed, keys), dict[int, Result](), list[Account]()
    for one in deeds.locked(deed, before):
        set_at = parse_datetime(before[one.pk].facts["set_at"])
        if one.paused_at is None:
            results[one.pk] = Result.skips(one.pk, "resumed_since")
        elif one.paused_at != set_at:
            results[one.pk] = Result.skips(one.pk, "paused_anew")
        else:
            same.append(one)
            results[one.pk] = Result.done(one.pk)
    _resume(deed, same, now)
    return in_order(keys, results)


def undo_resume(deed: Deed, keys: Sequence[int], now: datetime) -> list[Result]:
    """Pause again those that nobody paused since, for the reason that was given then."""
    before, found = done_before(deed, keys), deeds.locked(deed, keys)
    touched = _touched_since(before, found)
    results, same = dict[int, Result](), list[Account]()
    for one in found:
        if one.paused_at is not None or one.pk in touched:
            results[one.pk] = Result.skips(one.pk, "paused_since")
        else:
            same.append(one)
            results[one.pk] = Result.done(one.pk)
    _pause(deed, same, now, {one.pk: before[one.pk].facts["note"] for one in same})
    return in_order(keys, results)


def _touched_since(before: Mapping[int, DeedRow], found: Collection[Account]) -> set[int]:
    """Return the accounts that somebody paused after the deed resumed them, whatever they are now."""
    since = {pk: row.at for pk, row in before.items()}
    if not since:
        return set()
    paused = AccountEvent.objects.filter(
        account__in=[one.pk for one in found], kind=AccountEvent.Kind.PAUSED, at__gt=min(since.values())
    )
    return {pk for pk, at in paused.values_list("account_id", "at") if at > since[pk]}


def _pause(deed: Deed, accounts: Sequence[Account], now: datetime, notes: dict[int, str]) -> None:
    for one in accounts:
        one.paused_at, one.paused_by, one.pause_note = now, deed.user, notes[one.pk]
    Account.objects.bulk_update(accounts, ["paused_at", "paused_by", "pause_note"])
    pool.settle(
        account_ids=[one.pk for one in accounts],
        cause="paused",
        now=now,
        source="staff",
        actor=deed.user,
        note=deed.note,
    )


def _resume(deed: Deed, accounts: Sequence[Account], now: datetime) -> None:
    ids = [one.pk for one in accounts]
    Account.objects.filter(pk__in=ids).update(paused_at=None, paused_by=None, pause_note="")
    AccountEvent.objects.bulk_create(
        AccountEvent(
            account_id=pk,
            kind=AccountEvent.Kind.RESUMED,
            source="staff",
            actor=deed.user,
            note=deed.note,
            at=now,
        )
        for pk in ids
    )
    pool.settle(account_ids=ids, cause="resumed", now=now, source="staff", actor=deed.user, note=deed.note)
