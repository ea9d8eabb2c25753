"""Applying a macro to the accounts of a deed, removing it from them, and taking either back: one event for each account."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.db.models import Q

from accounts import deed_kinds, deeds
from accounts.deed_kinds import APPLY_MACRO, REMOVE_MACRO, UNDO
from accounts.deed_rows import Outcome, Result, done_before, in_order
from accounts.deeds import Kind
from accounts.errors import ActionRefused
from accounts.models import Account, AccountEvent, Deed
from macros import scope
from macros.models import Macro, MacroAccount
from macros.owning import HISTORY
from ui import kept

_PERMISSION = "macros.apply_macro"
_INSERT = """
insert into macros_macroaccount (macro_id, account_id) select %s, unnest(%s::bigint[]) on conflict do nothing returning account_id, id
"""


def apply(deed: Deed, keys: Sequence[int], now: datetime) -> list[Result]:
    """Apply the macro `deed.subject_id` to what is of its team and lacks it. Raises ActionRefused where the person may no longer."""
    macro, found = _macro(deed), _seen(deed, keys)
    results = _put_on(deed, macro, found, now)
    return in_order(keys, results)


def remove(deed: Deed, keys: Sequence[int], now: datetime) -> list[Result]:
    """Remove the macro from those that have it. Raises ActionRefused where the person may no longer."""
    macro, found = _macro(deed), _seen(deed, keys)
    rows = MacroAccount.objects.filter(macro=macro, account__in=found)
    return in_order(keys, _take_off(deed, macro, found, list(rows), now, otherwise="lacks_macro"))


def undo_apply(deed: Deed, keys: Sequence[int], now: datetime) -> list[Result]:
    """Remove the macro from those to which the deed that is taken back applied it, unless somebody removed it since."""
    macro, before, found = _macro(deed), done_before(deed, keys), _seen(deed, keys)
    ids = [row.facts["row"] for row in before.values()]
    rows = MacroAccount.objects.filter(pk__in=ids, macro=macro, account__in=found)
    return in_order(keys, _take_off(deed, macro, found, list(rows), now, otherwise="macro_removed_since"))


def undo_remove(deed: Deed, keys: Sequence[int], now: datetime) -> list[Result]:
    """Apply the macro again where the deed that is taken back removed it, unless somebody has since, or applied and removed it."""
    macro, before, found = _macro(deed), done_before(deed, keys), _seen(deed, keys)
    again = _applied_since(macro, {pk: row.at for pk, row in before.items()})
    results = _put_on(deed, macro, {pk: one for pk, one in found.items() if pk not in again}, now)
    had = {
        pk: Result.skips(pk, "macro_applied_since")
        for pk in found
        if pk in again or results[pk].why == "has_macro"
    }
    return in_order(keys, results | had)


def _applied_since(macro: Macro, since: Mapping[int, datetime]) -> set[int]:
    """Return the accounts to which somebody applied the macro after these moments, whether it is still there or not."""
    if not since:
        return set()
    applied = AccountEvent.objects.filter(
        Q(cause=_cause(macro)) | Q(cause="", note=_named(macro)),  # before, its name alone said which
        kind=AccountEvent.Kind.MACRO_APPLIED,
        account__in=since,
        at__gt=min(since.values()),
    )
    return {pk for pk, at in applied.values_list("account_id", "at") if at > since[pk]}


def register() -> None:
    """Tell the kit of deeds how these are done."""
    deed_kinds.register(APPLY_MACRO, Kind(_PERMISSION, many=apply, finish=_log, undo=UNDO + APPLY_MACRO))
    deed_kinds.register(REMOVE_MACRO, Kind(_PERMISSION, many=remove, finish=_log, undo=UNDO + REMOVE_MACRO))
    deed_kinds.register(UNDO + APPLY_MACRO, Kind(_PERMISSION, many=undo_apply, finish=_log))
    deed_kinds.register(UNDO + REMOVE_MACRO, Kind(_PERMISSION, many=undo_remove, finish=_log))


def _macro(deed: Deed) -> Macro:
    """Return the macro. Raises ActionRefused where it is gone, or not the person's to change, or no longer for chosen accounts."""
    macro = Macro.objects.filter(pk=deed.subject_id).first()
    if macro is None or not scope.may_change(deed.user, macro):
        raise ActionRefused("no_such_macro")
    if macro.scope != Macro.AppliesTo.CHOSEN:
        raise ActionRefused("macro_not_for_chosen", name=macro.name)
    return macro


def _seen(deed: Deed, keys: Sequence[int]) -> dict[int, Account]:
    return {one.pk: one for one in deeds.accounts_of(deed, keys).only("pk", "team")}


def _put_on(deed: Deed, macro: Macro, found: dict[int, Account], now: datetime) -> dict[int, Result]:
    fitting = [pk for pk, one in found.items() if macro.team_id in {None, one.team_id}]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [macro.pk, fitting])
        new = dict(cursor.fetchall())
    _record(deed, macro, list(new), AccountEvent.Kind.MACRO_APPLIED, now)
    results = {pk: Result.skips(pk, "another_teams_macro") for pk in found}
    results |= {pk: Result.skips(pk, "has_macro") for pk in fitting}
    return results | {pk: Result.done(pk, row=row) for pk, row in new.items()}


def _take_off(
    deed: Deed,
    macro: Macro,
    found: dict[int, Account],
    rows: Sequence[MacroAccount],
    now: datetime,
    *,
    otherwise: str,
) -> dict[int, Result]:
    locked = MacroAccount.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk").select_for_update()
    gone = {row.account_id: row.pk for row in locked}
    MacroAccount.objects.filter(pk__in=gone.values()).delete()
    _record(deed, macro, list(gone), AccountEvent.Kind.MACRO_REMOVED, now)
    return {pk: Result.done(pk) if pk in gone else Result.skips(pk, otherwise) for pk in found}


def _log(deed: Deed, _now: datetime) -> None:
    """Note in the portal's log what was done to the macro."""
    number = deed.rows.filter(outcome=Outcome.DONE).count()
    macro = Macro.objects.filter(pk=deed.subject_id).first()
    if macro is None or not number:
        return
    applied = deed.kind in {APPLY_MACRO, UNDO + REMOVE_MACRO}
    said = kept.keep(HISTORY, "applied" if applied else "removed", number=number)
    LogEntry.objects.log_actions(deed.user_id, [macro], CHANGE, said, single_object=True)


def _record(
    deed: Deed, macro: Macro, account_ids: Sequence[int], kind: AccountEvent.Kind, now: datetime
) -> None:
    """Write one event for each; its note names the macro, its cause says which it is, whatever it is called later."""
    AccountEvent.objects.bulk_create(
        AccountEvent(
            account_id=pk,
            kind=kind,
            cause=_cause(macro),
            source="staff",
            actor=deed.user,
            note=_named(macro),
            at=now,
        )
        for pk in account_ids
    )


def _cause(macro: Macro) -> str:
    return f"macro_{macro.pk}"


def _named(macro: Macro) -> str:
    return macro.name[:300]
