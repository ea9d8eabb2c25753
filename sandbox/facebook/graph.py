"""Graph calls about the signed-in user: /me, its permissions and its ad accounts."""

import base64
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.facebook import errors, fields
from sandbox.facebook.access import CHANNEL, Caller, caller_of
from sandbox.facebook.deauthorise import remove_app
from sandbox.web import first
from sandbox.world import NEVER, ROLES, AdAccount

DEFAULT_LIMIT = 25
_TIME_ZONE_IDS = {"America/Los_Angeles": 1, "America/New_York": 7, "Europe/Berlin": 47, "Europe/London": 58}


async def me(request: Request) -> Response:
    """`/me`: id and name, and the e-mail address where it was granted."""
    caller = await caller_of(request)
    first_name, _, last_name = caller.user.name.partition(" ")
    known = {"id": caller.user.id, "name": caller.user.name, "first_name": first_name, "last_name": last_name}
    if "email" in caller.grant.scopes:
        known["email"] = caller.user.email
    wanted = fields_of(caller, fields.USER, "User") or ["name"]
    return JSONResponse({name: known[name] for name in known if name in {*wanted, "id"}})


async def permissions(request: Request) -> Response:
    """`DELETE /me/permissions`: takes back all that was granted, which removes the app."""
    caller = await caller_of(request)
    await remove_app(caller.store, caller.app, caller.user)
    return JSONResponse({"success": True})


async def ad_accounts(request: Request) -> Response:
    """`/me/adaccounts`: a page of the ad accounts, with cursors and the address of the next page."""
    caller = await caller_of(request)
    if not caller.may_read_ads:
        raise errors.not_granted()
    refuse_old_data_access(caller)
    wanted = account_fields(caller)
    rows = [show_account(account, caller, wanted) for account in caller.visible_accounts()]
    return JSONResponse(page_of(rows, request, caller))


def page_of(rows: list[dict[str, Any]], request: Request, caller: Caller) -> dict[str, Any]:
    """Cut a list by `limit` and `after`. `paging.next` holds the access token, as Facebook's does."""
    limit = _number(first(caller.params, "limit"), DEFAULT_LIMIT)
    start = _position(first(caller.params, "after"))
    part = rows[start : start + limit]
    answer: dict[str, Any] = {"data": part}
    if part:
        cursors = {"before": _cursor(start), "after": _cursor(start + len(part))}
        answer["paging"] = {"cursors": cursors}
    if part and start + limit < len(rows):
        query = {name: values[0] for name, values in caller.params.items() if name != "appsecret_proof"}
        query |= {
            "access_token": caller.token.token,
            "limit": str(limit),
            "after": _cursor(start + len(part)),
        }
        answer["paging"]["next"] = str(request.url.replace(query=urlencode(query)))
    return answer


def refuse_old_data_access(caller: Caller) -> None:
    """Raise when the user's data access has run out."""
    if caller.token.data_access_expires_at != NEVER and caller.token.data_access_expires_at <= caller.now:
        raise errors.data_access_expired()


def account_fields(caller: Caller) -> list[str]:
    """The fields asked for; raises for one that an ad account does not have."""
    return fields_of(caller, fields.AD_ACCOUNT, "AdAccount") or ["account_id"]


def show_account(account: AdAccount, caller: Caller, wanted: list[str]) -> dict[str, Any]:
    """An ad account as Facebook shows it to this user; `id` is always there."""
    zone = ZoneInfo(account.time_zone)
    offset = datetime.fromtimestamp(caller.now, zone).utcoffset()
    assert offset is not None
    known = {
        "account_id": account.id,
        "name": account.name,
        "account_status": account.account_status,
        "disable_reason": account.disable_reason,
        "currency": account.currency,
        "timezone_id": _TIME_ZONE_IDS.get(account.time_zone, 1),
        "timezone_name": account.time_zone,
        "timezone_offset_hours_utc": offset.total_seconds() / 3600,
        "business_name": account.details.get("business_name", ""),
        "business": {"id": account.id[::-1], "name": account.name},
        "user_tasks": ROLES[account.roles[caller.user.key]][CHANNEL],
    }
    return {name: known[name] for name in wanted if name in known} | {"id": f"act_{account.id}"}


def fields_of(caller: Caller, known: frozenset[str], node: str) -> list[str]:
    """The names in the parameter `fields`; raises for one that the node does not have."""
    return fields.asked(first(caller.params, "fields"), known, node)


def _number(text: str, default: int) -> int:
    if not text:
        return default
    if not text.isdigit() or int(text) < 1:
        raise errors.bad_parameter("The parameter limit must be a positive integer")
    return int(text)


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"sandbox-{position:06}".encode()).decode()


def _position(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("sandbox-"))
    except ValueError:
        raise errors.bad_parameter("Invalid cursors values.") from None
