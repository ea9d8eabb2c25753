"""Acting on accounts in the name of a key's maker, by the jobs of the pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from accounts.checks import jobs as checking
from accounts.checks import queries as check_queries
from accounts.checks.queries import CheckResult
from accounts.jobs import tasks
from accounts.jobs.models import APPLY_MACRO
from accounts.jobs.services import KINDS, Outcome
from accounts.models import Account, JobItem
from accounts.pool.errors import ActionRefused
from broker.api import reach
from broker.api.schemas import AccountName
from broker.leases.callers import Caller
from broker.leases.errors import Busy, NotFound, NotPossible
from broker.leases.texts import text
from macros.models import Macro

AGAIN_AFTER = 10  # seconds
MACROS = "macros.apply_macro"
CHECK = "tokens.probe_token"


def change(*, caller: Caller, channel: str, native_id: str, kind: str, note: str) -> Account:
    """Pause or resume an account, once. Raises NotFound, NotPossible, OnHold, and Busy where a worker is to do it."""
    maker = reach.maker_of(caller, KINDS[kind].permission)
    account = reach.find_account(caller, channel, native_id, Account.objects.visible_to(maker))
    job, _ = tasks.begin(user=maker, kind=kind, keys=[account.pk], note=reach.why(caller, note))
    item = job.items.first()
    if item is None:
        raise Busy(AGAIN_AFTER, text("waits"))
    if item.outcome == Outcome.FAILED:
        raise NotPossible(item.said())
    return account


Checks = Sequence[tuple[int, CheckResult | None]]


def ask_to_check(*, caller: Caller, channel: str, native_id: str, now: datetime) -> tuple[Account, Checks]:
    """Have every token of the pool asked about; nobody waits for the channel. Raises NotFound, NotPossible, OnHold."""
    maker = reach.maker_of(caller, CHECK)
    account = reach.find_account(caller, channel, native_id, Account.objects.visible_to(maker))
    ids = list(account.pool.values_list("token", flat=True))
    checking.ask_to_check(token_ids=ids, now=now, writes_in=[account.pk])
    return account, [(pk, None) for pk in ids]


def check_results(*, account: Account, asked_at: datetime, now: datetime) -> Checks:
    """Return what came of the check that was asked for then. Raises NotFound where that is long over, or was never."""
    if not now - check_queries.SHOWN_FOR < asked_at <= now:
        raise NotFound(text("no_ask"))
    ids = [str(pk) for pk in account.pool.values_list("token", flat=True)]
    found = check_queries.check_results(account, ids, asked_at=asked_at, now=now)
    return [(entry.token_id, result) for entry, result in found]


def macros(caller: Caller) -> QuerySet[Any]:
    """Return the macros of the key's teams, and of all teams, that its maker may apply: with `applied`, to how many accounts that the key
    sees. Raises NotPossible.
    """
    found = Macro.objects.changeable_by(reach.maker_of(caller, MACROS))
    if caller.teams is not None:
        found = found.filter(Q(team=None) | Q(team__in=caller.teams))
    seen = Q(applications__account__in=Account.objects.filter(caller.visible()).values("pk"))
    found = found.annotate(applied=Count("applications", filter=seen))
    return found.select_related("team").prefetch_related("actions").order_by("name")


@dataclass(frozen=True)
class Applied:
    """What became of accounts, by item of the job where it has come to them."""

    macro: Any
    items: Sequence[tuple[Account, JobItem | None]]


def apply_macro(*, caller: Caller, macro_id: int, names: Sequence[AccountName]) -> Applied:
    """Apply a macro to further accounts. Raises NotFound where it or an account is not seen, NotPossible, OnHold."""
    maker, macro = reach.maker_of(caller, MACROS), macros(caller).filter(pk=macro_id).first()
    if macro is None:
        raise NotFound(text("no_macro"))
    if macro.scope != Macro.AppliesTo.CHOSEN:
        raise NotPossible(str(ActionRefused("macro_not_for_chosen", name=macro.name)))
    accounts = reach.find_accounts(caller, maker, names)
    facts: dict[str, Any] = {"subject_id": macro.pk, "note": reach.why(caller)}
    job, _ = tasks.begin(user=maker, kind=APPLY_MACRO, keys=[one.pk for one in accounts], **facts)
    items = {item.key: item for item in job.items.all()}
    return Applied(macros(caller).get(pk=macro.pk), [(one, items.get(one.pk)) for one in accounts])
