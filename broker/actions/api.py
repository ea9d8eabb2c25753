"""The calls that act on accounts. None waits for a channel."""

from datetime import UTC, datetime
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from ninja import Query, Router, Status

from accounts.jobs.models import PAUSE, RESUME
from accounts.jobs.services import Outcome
from accounts.models import Account, ApiKey, JobItem
from accounts.pool import queries as pool_queries
from broker.actions import services
from broker.actions.schemas import (
    AppliedOut,
    AppliedTo,
    ApplyIn,
    CheckOut,
    MacroOut,
    MacrosOut,
    TokenCheck,
    WhyIn,
)
from broker.actions.services import Checks
from broker.api import reach
from broker.api.api import account_out, caller_of
from broker.api.schemas import AccountOut, ChannelName
from macros.models import MacroAction

router = Router(tags=["actions"])
ACCOUNT = "/accounts/{channel}/{native_id}"
OUTCOMES = {Outcome.DONE: "applied", Outcome.SKIPPED: "skipped", Outcome.FAILED: "failed"}


@router.post(
    f"{ACCOUNT}/pause", response=AccountOut, operation_id="pause_account", summary="Pause an account"
)
def pause(request: HttpRequest, channel: ChannelName, native_id: str, why: WhyIn) -> AccountOut:
    """Stop handing its tokens out, and warning about it. One that is paused stays so. Answered with the account as it is then."""
    return _change(request, channel, native_id, PAUSE, why)


@router.post(
    f"{ACCOUNT}/resume", response=AccountOut, operation_id="resume_account", summary="Resume an account"
)
def resume(request: HttpRequest, channel: ChannelName, native_id: str, why: WhyIn) -> AccountOut:
    """Hand its tokens out again, as far as they work. Answered with the account as it is then."""
    return _change(request, channel, native_id, RESUME, why)


def _change(request: HttpRequest, channel: str, native_id: str, kind: str, why: WhyIn) -> AccountOut:
    caller = caller_of(request, ApiKey.Scope.ACCOUNTS)
    account = services.change(caller=caller, channel=channel, native_id=native_id, kind=kind, note=why.note)
    fresh = Account.objects.filter(pk=account.pk).with_pools().get()
    return account_out(pool_queries.summarise(fresh, timezone.now()))


@router.post(
    f"{ACCOUNT}/check",
    response={202: CheckOut},
    operation_id="check_account",
    summary="Ask the channel about an account",
)
def check(
    request: HttpRequest, response: HttpResponse, channel: ChannelName, native_id: str
) -> Status[CheckOut]:
    """Have the channel asked about every token of its pool, within a minute. Answered at once, with where to see what came of it."""
    caller, now = caller_of(request, ApiKey.Scope.ACCOUNTS), timezone.now()
    account, found = services.ask_to_check(caller=caller, channel=channel, native_id=native_id, now=now)
    said = _checks(account, now, found)
    response["Location"] = said.url
    return Status(202, said)


@router.get(
    f"{ACCOUNT}/check", response=CheckOut, operation_id="get_check", summary="See what came of a check"
)
def read_check(
    request: HttpRequest,
    channel: ChannelName,
    native_id: str,
    asked_at: Annotated[datetime, Query(description="As the check was answered.")],
) -> CheckOut:
    """Return what came of the check of each token. 404 after ten minutes."""
    caller = caller_of(request, ApiKey.Scope.ACCOUNTS, query=("asked_at",))
    account = reach.find_account(caller, channel, native_id)
    at = asked_at if asked_at.tzinfo else asked_at.replace(tzinfo=UTC)
    return _checks(account, at, services.check_results(account=account, asked_at=at, now=timezone.now()))


def _checks(account: Account, asked_at: datetime, found: Checks) -> CheckOut:
    path = reverse("api:read_check", args=[account.channel, account.native_id])
    return CheckOut(
        asked_at=asked_at,
        url=f"{settings.BASE_URL}{path}?{urlencode({'asked_at': asked_at.isoformat()})}",
        done=all(result is not None for _, result in found),
        tokens=[TokenCheck(token_id=pk, result=result.value if result else None) for pk, result in found],
    )


@router.get("/macros", response=MacrosOut, operation_id="list_macros", summary="List macros")
def list_macros(request: HttpRequest) -> MacrosOut:
    """Return the macros of the key's teams, and of all teams, that whoever made the key may apply."""
    caller = caller_of(request, ApiKey.Scope.MACROS)
    return MacrosOut(macros=[_macro(one) for one in services.macros(caller)])


@router.post(
    "/macros/{int:macro_id}/apply",
    response=AppliedOut,
    operation_id="apply_macro",
    summary="Apply a macro to accounts",
)
def apply(request: HttpRequest, macro_id: int, wanted: ApplyIn) -> AppliedOut:
    """Have a macro tell of further accounts. Says what became of each."""
    caller = caller_of(request, ApiKey.Scope.MACROS)
    done = services.apply_macro(caller=caller, macro_id=macro_id, names=wanted.accounts)
    accounts = [_applied(account, item) for account, item in done.items]
    return AppliedOut(macro=_macro(done.macro), accounts=accounts)


def _applied(account: Account, item: JobItem | None) -> AppliedTo:
    facts = {"channel": account.channel, "native_id": account.native_id}
    outcome = OUTCOMES[Outcome(item.outcome)] if item else "waiting"
    return AppliedTo.model_validate(facts | {"outcome": outcome, "why": item.said() if item else ""})


def _macro(macro: Any) -> MacroOut:
    warning = macro.warning_action
    at_once = dict(MacroAction.Kind.at_once())
    facts = {
        "id": macro.pk,
        "name": macro.name,
        "description": macro.description,
        "enabled": macro.enabled,
        "team": macro.team.name if macro.team else None,
        "applies_to": macro.scope,
        "channels": macro.channels,
        "days": sorted(warning.days, reverse=True) if warning else [],
        "tells_at_once": sorted(one.kind for one in macro.actions.all() if one.kind in at_once),
        "accounts": macro.applied,
    }
    return MacroOut.model_validate(facts)
