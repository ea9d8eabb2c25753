"""Pausing and resuming accounts: each of them once, with one event, the pools settled together."""

from collections.abc import Sequence
from datetime import datetime

from accounts import pool
from accounts.jobs import services
from accounts.jobs.handlers import Result, in_order
from accounts.jobs.models import Job
from accounts.models import Account, AccountEvent


def pause(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Stop serving those on purpose that are not paused; they are not warned about either."""
    found = services.locked(job, keys)
    fresh = [one for one in found if one.paused_at is None]
    results = {one.pk: Result.skips(one.pk, "paused_already") for one in found}
    results |= {one.pk: Result.done(one.pk, state=one.state) for one in fresh}
    for one in fresh:
        one.paused_at, one.paused_by, one.pause_note = now, job.user, job.note
    Account.objects.bulk_update(fresh, ["paused_at", "paused_by", "pause_note"])
    _settle(job, [one.pk for one in fresh], "paused", now)
    return in_order(keys, results)


def resume(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Serve those again that are paused, as far as their pools allow."""
    found = services.locked(job, keys)
    paused = [one for one in found if one.paused_at is not None]
    results = {one.pk: Result.skips(one.pk, "not_paused") for one in found}
    results |= {one.pk: Result.done(one.pk, was=one.pause_note) for one in paused}
    ids = [one.pk for one in paused]
    Account.objects.filter(pk__in=ids).update(paused_at=None, paused_by=None, pause_note="")
    AccountEvent.objects.bulk_create(
        AccountEvent(
            account_id=pk,
            kind=AccountEvent.Kind.RESUMED,
            source="staff",
            actor=job.user,
            note=job.note,
            at=now,
        )
        for pk in ids
    )
    _settle(job, ids, "resumed", now)
    return in_order(keys, results)


def _settle(job: Job, ids: Sequence[int], cause: str, now: datetime) -> None:
    pool.settle(account_ids=ids, cause=cause, now=now, source="staff", actor=job.user, note=job.note)
