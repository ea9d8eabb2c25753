"""The person, the ad accounts and their campaigns."""

import base64
import binascii
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.pinterest import errors
from sandbox.pinterest.access import CHANNEL, Caller, caller_of
from sandbox.store import random_number
from sandbox.world import ROLES, AdAccount, Campaign, NativeUser

CREATED = 1_603_239_480
WRITING = {"OWNER", "ADMIN", "CAMPAIGN_MANAGER"}


async def user_account(request: Request) -> Response:
    """`GET /v5/user_account`: the person."""
    caller = caller_of(request)
    caller.needs("user_accounts:read")
    shown = caller.user
    return JSONResponse(
        {
            "account_type": "BUSINESS",
            "id": shown.id,
            "username": shown.screen_name.lower(),
            "business_name": shown.name,
            "about": "",
            "profile_image": "https://i.pinimg.com/600x600_R/sandbox.jpg",
            "website_url": "https://shop.example",
            "board_count": 14,
            "pin_count": 339,
            "follower_count": 10,
            "following_count": 347,
            "monthly_views": 163,
        }
    )


async def ad_accounts(request: Request) -> Response:
    """`GET /v5/ad_accounts`: own and shared ones, by bookmark."""
    caller = caller_of(request)
    caller.needs("ads:read")
    mine = caller.store.accounts_of(CHANNEL, caller.user.key)
    return JSONResponse(_paged(request, [_shown(caller, account) for account in mine]))


async def ad_account(request: Request) -> Response:
    """`GET /v5/ad_accounts/{id}`."""
    caller = caller_of(request)
    caller.needs("ads:read")
    return JSONResponse(_shown(caller, caller.account(request.path_params["account"])))


async def campaigns(request: Request) -> Response:
    """`/v5/ad_accounts/{id}/campaigns`: GET lists, POST makes up to 30."""
    caller = caller_of(request)
    caller.needs("ads:write" if request.method == "POST" else "ads:read")
    account = caller.account(request.path_params["account"])
    if request.method == "POST":
        _needs_role(caller, account, WRITING)
        return JSONResponse({"items": [_made(caller, account, one) for one in await _rows(request)]})
    kept = [c for c in caller.store.campaigns.values() if (c.channel, c.account_id) == (CHANNEL, account.id)]
    return JSONResponse(_paged(request, [_campaign(one) for one in kept]))


def _needs_role(caller: Caller, account: AdAccount, roles: set[str]) -> None:
    if not roles & set(ROLES[account.roles[caller.user.key]][CHANNEL]):
        raise errors.not_permitted()


async def _rows(request: Request) -> list[Any]:
    try:
        rows = await request.json()
    except ValueError:
        rows = None
    if not isinstance(rows, list) or not 1 <= len(rows) <= 30:
        raise errors.bad_request("Invalid request: 1 to 30 campaigns are expected")
    return rows


def _made(caller: Caller, account: AdAccount, row: Any) -> dict[str, Any]:
    """One item of the answer: the campaign, or why there is none (each item has its own exceptions)."""
    if not isinstance(row, dict) or not row.get("name") or not row.get("objective_type"):
        return {
            "data": None,
            "exceptions": [{"code": 1, "message": "Invalid request: name and objective_type are required"}],
        }
    fields = {"status": "ACTIVE", **row, "ad_account_id": account.id}
    made = Campaign(
        CHANNEL, "626" + random_number(9), account.id, fields, caller.user.key, caller.store.now()
    )
    caller.store.campaigns[made.id] = made
    caller.store.changed()
    return {"data": _campaign(made), "exceptions": []}


def _campaign(campaign: Campaign) -> dict[str, Any]:
    return {**campaign.fields, "id": campaign.id, "created_time": campaign.created_at, "type": "campaign"}


def _owner(caller: Caller, account: AdAccount) -> NativeUser | None:
    """The first person who has the role that Pinterest calls OWNER."""
    keys = [key for key, role in account.roles.items() if "OWNER" in ROLES[role][CHANNEL]]
    return caller.store.user(CHANNEL, keys[0]) if keys else None


def _shown(caller: Caller, account: AdAccount) -> dict[str, Any]:
    """An ad account as Pinterest shows it: no status, no time zone."""
    owner = _owner(caller, account)
    country = "GB" if account.time_zone == "Europe/London" else "DE"
    return {
        "id": account.id,
        "name": account.name,
        "owner": {"username": owner.screen_name.lower(), "id": owner.id} if owner else None,
        "country": country,
        "currency": account.currency,
        "permissions": account.details.get("permissions", ROLES[account.roles[caller.user.key]][CHANNEL]),
        "created_time": CREATED,
        "updated_time": CREATED,
    }


def _paged(request: Request, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of 1 to 250 rows (25 unless asked) and the bookmark of the next, null on the last."""
    asked = request.query_params.get("page_size", "25")
    if not asked.isdigit():
        raise errors.bad_request(f"Parameter 'page_size' was not numeric (was {asked[:20]})")
    size = int(asked)
    if not 1 <= size <= 250:
        raise errors.bad_request("Parameter 'page_size' must be between 1 and 250")
    begin = _position(request.query_params.get("bookmark", ""))
    more = begin + size < len(rows)
    return {"items": rows[begin : begin + size], "bookmark": _bookmark(begin + size) if more else None}


def _bookmark(position: int) -> str:
    return base64.urlsafe_b64encode(f"sandbox-{position:06}".encode()).decode()


def _position(bookmark: str) -> int:
    if not bookmark:
        return 0
    try:
        return int(base64.urlsafe_b64decode(bookmark).decode().removeprefix("sandbox-"))
    except (ValueError, binascii.Error):
        raise errors.bad_request("Invalid request: bookmark") from None
