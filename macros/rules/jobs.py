"""Applying a macro to the accounts of a job, and removing it from them: one event for each account."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.admin.models import CHANGE, LogEntry

from accounts.jobs import services
from accounts.jobs.models import APPLY_MACRO, REMOVE_MACRO
from accounts.jobs.services import JobKind, Outcome, Result, register_kind, results_in_order
from accounts.models import Account, AccountEvent, Job
from macros.models import Macro, MacroAccount
from macros.rules.services import HISTORY
from ui import stored_phrases as kept

_PERMISSION = "macros.apply_macro"


def apply_macro(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Apply the macro `job.subject_id` to what is of its team and lacks it. All fails where the person may no longer."""
    macro, found = _macro(job), _seen(job, keys)
    if macro is None:
        return _fails(keys)
    had = set(
        MacroAccount.objects.filter(macro=macro, account__in=found).values_list("account_id", flat=True)
    )
    results = {pk: _applied(one, macro, had) for pk, one in found.items()}
    new = [pk for pk, one in results.items() if one.outcome == Outcome.DONE]
    MacroAccount.objects.bulk_create(
        [MacroAccount(macro=macro, account_id=pk) for pk in new], ignore_conflicts=True
    )
    _record(job, macro, new, AccountEvent.Kind.MACRO_APPLIED, now)
    return results_in_order(keys, results)


def remove_macro(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Remove the macro from those that have it. All fails where the person may no longer."""
    macro, found = _macro(job), _seen(job, keys)
    if macro is None:
        return _fails(keys)
    rows = MacroAccount.objects.filter(macro=macro, account__in=found)
    had = dict(rows.order_by("pk").select_for_update().values_list("account_id", "pk"))
    MacroAccount.objects.filter(pk__in=had.values()).delete()
    _record(job, macro, list(had), AccountEvent.Kind.MACRO_REMOVED, now)
    results = {pk: Result.done(pk) if pk in had else Result.skips(pk, "lacks_macro") for pk in found}
    return results_in_order(keys, results)


def register() -> None:
    """Tell the kit of jobs how these are done."""
    register_kind(APPLY_MACRO, JobKind(_PERMISSION, apply_macro, finish=_log))
    register_kind(REMOVE_MACRO, JobKind(_PERMISSION, remove_macro, finish=_log))


def _macro(job: Job) -> Macro | None:
    """Return the macro, whose row is held: of two who apply it at once the second finds what the first did.

    None where it is gone, or no longer one that the person may apply.
    """
    macros = Macro.objects.applicable_by(job.user).filter(pk=job.subject_id)
    return macros.select_for_update(no_key=True).first()


def _fails(keys: Sequence[int]) -> list[Result]:
    return [Result.fails(key, "no_such_macro") for key in keys]


def _seen(job: Job, keys: Sequence[int]) -> dict[int, Account]:
    return {one.pk: one for one in services.accounts_of_job(job, keys).only("pk", "team")}


def _applied(account: Account, macro: Macro, had: set[int]) -> Result:
    if macro.team_id not in {None, account.team_id}:
        return Result.skips(account.pk, "another_teams_macro")
    return Result.skips(account.pk, "has_macro") if account.pk in had else Result.done(account.pk)


def _log(job: Job, _now: datetime) -> None:
    """Note in the portal's log what was done to the macro."""
    number = job.items.filter(outcome=Outcome.DONE).count()
    macro = Macro.objects.filter(pk=job.subject_id).first()
    if macro is None or not number:
        return
    said = kept.keep(HISTORY, "applied" if job.kind == APPLY_MACRO else "removed", number=number)
    said = kept.both(said, job.note) if job.note else said  # by a key
    LogEntry.objects.log_actions(job.user_id, [macro], CHANGE, said, single_object=True)


def _record(
    job: Job, macro: Macro, account_ids: Sequence[int], kind: AccountEvent.Kind, now: datetime
) -> None:
    """Write one event for each; its note names the macro, and the key that did it; its cause says which it is, whatever its later name."""
    note = kept.keep(HISTORY, "macro_by_key", macro=macro.name, why=job.note) if job.note else macro.name
    AccountEvent.objects.bulk_create(
        AccountEvent(
            account_id=pk,
            kind=kind,
            cause=f"macro_{macro.pk}",
            source="staff",
            actor=job.user,
            note=kept.cut(note, 300),
            at=now,
        )
        for pk in account_ids
    )
