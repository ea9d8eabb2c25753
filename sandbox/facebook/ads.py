"""Marketing API: one ad account and its campaigns."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.facebook import errors, fields
from sandbox.facebook.access import CHANNEL, Caller, caller_of
from sandbox.facebook.graph import account_fields, fields_of, page_of, refuse_old_data_access, show_account
from sandbox.store import random_number
from sandbox.web import first
from sandbox.world import ROLES, AdAccount, Campaign

WRITING_TASKS = {"ADVERTISE", "MANAGE"}
BLOCKED_STATUSES = {2, 3, 7, 100, 101}
CAMPAIGN_STATUSES = ("ACTIVE", "PAUSED")


def account_of(request: Request, caller: Caller) -> AdAccount:
    """The ad account of the path, or the error for one that this token may not see."""
    name = f"act_{request.path_params['account_id']}"
    mine = {a.id: a for a in caller.store.accounts_of(CHANNEL, caller.user.key)}
    account = mine.get(request.path_params["account_id"])
    if account is None:
        raise errors.unknown_object(name)
    if not caller.may_read_ads or account.id not in caller.grant.account_ids:
        raise errors.not_granted()
    refuse_old_data_access(caller)
    return account


async def account(request: Request) -> Response:
    """`GET /act_{id}`."""
    caller = await caller_of(request)
    found = account_of(request, caller)
    return JSONResponse(show_account(found, caller, account_fields(caller)))


async def campaigns(request: Request) -> Response:
    """`/act_{id}/campaigns`: GET lists, POST makes one."""
    caller = await caller_of(request)
    found = account_of(request, caller)
    if request.method == "POST":
        return JSONResponse({"id": _publish(found, caller).id})
    rows = [
        _show(c, caller)
        for c in caller.store.campaigns.values()
        if (c.channel, c.account_id) == (CHANNEL, found.id)
    ]
    return JSONResponse(page_of(rows, request, caller))


def _publish(account: AdAccount, caller: Caller) -> Campaign:
    """Make a campaign: needs ads_management, a task that may write, and an account in order."""
    if "ads_management" not in caller.grant.scopes:
        raise errors.cannot_manage()
    if not WRITING_TASKS & set(ROLES[account.roles[caller.user.key]][CHANNEL]):
        raise errors.role_too_small()
    if account.account_status in BLOCKED_STATUSES:
        raise errors.account_blocked()
    values = {}
    for name in ("name", "objective"):
        values[name] = first(caller.params, name)
        if not values[name]:
            raise errors.bad_parameter(f"The parameter {name} is required")
    values["status"] = first(caller.params, "status", "PAUSED")
    if values["status"] not in CAMPAIGN_STATUSES:
        raise errors.bad_parameter("Param status must be one of {ACTIVE, PAUSED}")
    made = Campaign(CHANNEL, "120" + random_number(15), account.id, values, caller.user.key, caller.now)
    caller.store.campaigns[made.id] = made
    caller.store.changed()
    return made


async def campaign(request: Request) -> Response:
    """`GET /{campaign id}`."""
    caller = await caller_of(request)
    name = str(request.path_params["object_id"])
    found = caller.store.campaigns.get(name)
    mine = {account.id for account in caller.visible_accounts()}
    if found is None or found.channel != CHANNEL or found.account_id not in mine:
        raise errors.unknown_object(name)
    return JSONResponse(_show(found, caller))


def _show(found: Campaign, caller: Caller) -> dict[str, Any]:
    """The fields asked for and `id`; all of them where none was asked for (Facebook would give `id` alone)."""
    known = {"account_id": found.account_id, **found.fields}
    wanted = fields_of(caller, fields.CAMPAIGN, "Campaign") or list(known)
    return {"id": found.id, **{name: known[name] for name in wanted if name in known}}
