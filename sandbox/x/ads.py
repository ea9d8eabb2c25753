"""The Ads API, version 12: ad accounts, the role on them, how they are paid, and campaigns."""

import base64
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from sandbox.store import random_text
from sandbox.world import ROLES, AdAccount, Campaign
from sandbox.x.errors import AdsError
from sandbox.x.signature import XCaller

WRITING_PERMISSIONS = {"ACCOUNT_ADMIN", "AD_MANAGER"}
STATUSES = ("ACTIVE", "PAUSED", "DRAFT")
DEFAULT_COUNT, MAX_COUNT = 200, 1000


def accounts(_request: Request, caller: XCaller) -> dict[str, Any]:
    """`GET /accounts`: a page of the ad accounts on which the user has a role."""
    mine = caller.store.accounts_of("x", caller.user.key)
    wants_total = caller.params.get("with_total_count") == "true"
    if wants_total and caller.params.get("cursor"):
        raise _invalid("cursor")  # the two exclude each other; the code of it is unverified
    answer = _page([_show(account) for account in mine], caller)
    if wants_total:
        answer["total_count"] = len(mine)
    return answer


def account(request: Request, caller: XCaller) -> dict[str, Any]:
    """`GET /accounts/:id`."""
    return {"data": {**_show(_account(request, caller)), "industry_type": "RETAIL"}}


def user_access(request: Request, caller: XCaller) -> dict[str, Any]:
    """`GET /accounts/:id/authenticated_user_access`."""
    found = _account(request, caller)
    return {"data": {"user_id": caller.user.id, "permissions": ROLES[found.roles[caller.user.key]]["x"]}}


def funding_instruments(request: Request, caller: XCaller) -> dict[str, Any]:
    """`GET /accounts/:id/funding_instruments`: where the currency of an ad account is found."""
    found = _account(request, caller)
    row = {
        "id": funding_id(found),
        "type": "CREDIT_CARD",
        "currency": found.currency,
        "able_to_fund": found.able_to_fund,
        "reasons_not_able_to_fund": [] if found.able_to_fund else ["PAYMENT_METHOD_FAILED"],
        "entity_status": "ACTIVE",
        "deleted": False,
    }
    return {"next_cursor": None, "data": [row]}


def funding_id(found: AdAccount) -> str:
    """The one funding instrument of an ad account."""
    return "f" + found.id[-4:]


def list_campaigns(request: Request, caller: XCaller) -> dict[str, Any]:
    """`GET /accounts/:id/campaigns`."""
    found = _account(request, caller)
    rows = [c for c in caller.store.campaigns.values() if (c.channel, c.account_id) == ("x", found.id)]
    return _page([_show_campaign(row) for row in rows], caller)


def make_campaign(request: Request, caller: XCaller) -> dict[str, Any]:
    """`POST /accounts/:id/campaigns`."""
    return {"data": _made(_writable(request, caller), caller, caller.params)}


async def batch(request: Request, caller: XCaller) -> dict[str, Any]:
    """`POST /batch/accounts/:id/campaigns`: a list of operations."""
    found, asked = _writable(request, caller), await request.json()
    if not isinstance(asked, list) or any(one.get("operation_type") != "Create" for one in asked):
        raise _invalid("operation_type")  # the others are not stood in for
    return {"data": [_made(found, caller, one["params"]) for one in asked]}


def _writable(request: Request, caller: XCaller) -> AdAccount:
    """The ad account: it needs a role that writes, and has to be in order."""
    found = _account(request, caller)
    if not WRITING_PERMISSIONS & set(ROLES[found.roles[caller.user.key]]["x"]):
        text = f"User {caller.user.id} is not permitted to make this request for account {found.id}"
        raise AdsError(403, "INSUFFICIENT_USER_AUTHORIZED_PERMISSION", text)
    if found.approval_status != "ACCEPTED":
        text = f"Account {found.id} is not allowed to do this ({found.approval_status})"
        raise AdsError(403, "ACTION_NOT_ALLOWED", text)  # (code unverified)
    return found


def _made(found: AdAccount, caller: XCaller, asked: dict[str, Any]) -> dict[str, Any]:
    for name in ("name", "funding_instrument_id"):
        if not asked.get(name):
            text = f'"{name}" is a required parameter'
            raise AdsError(400, "MISSING_PARAMETER", text, parameter=name)
    if asked["funding_instrument_id"] != funding_id(found):
        raise _invalid("funding_instrument_id")
    status = asked.get("entity_status", "ACTIVE")
    if status not in STATUSES:
        raise _invalid("entity_status")
    values = {name: value for name, value in asked.items() if not name.startswith("oauth_")}
    values["entity_status"] = status
    number = random_text(5).lower()
    made = Campaign("x", number, found.id, values, caller.user.key, caller.now)
    caller.store.campaigns[made.id] = made
    caller.store.changed()
    return _show_campaign(made)


def media_library(request: Request, caller: XCaller) -> dict[str, Any]:
    """`POST /accounts/:id/media_library`: takes what the same person uploaded (unverified)."""
    _account(request, caller)
    key = caller.params.get("media_key", "")
    found = caller.store.uploads.get(key.partition("_")[2])
    if found is None or found["user"] != caller.user.key or found["bytes"] != found["size"]:
        raise _invalid("media_key")
    return {"data": {"media_key": key, "media_type": "VIDEO", "media_status": "TRANSCODE_COMPLETED"}}


def _account(request: Request, caller: XCaller) -> AdAccount:
    name = request.path_params["account_id"]
    mine = {found.id: found for found in caller.store.accounts_of("x", caller.user.key)}
    if name not in mine:
        raise AdsError(403, "ACCOUNT_NOT_FOUND", f"Account {name} was not found")
    return mine[name]


def _show(found: AdAccount) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "business_name": found.details.get("business_name"),
        "business_id": None,
        "timezone": found.time_zone,
        "timezone_switch_at": "2016-07-21T07:00:00Z",
        "created_at": "2016-07-21T22:42:09Z",
        "updated_at": "2017-07-06T16:51:04Z",
        "approval_status": found.approval_status,
        "deleted": False,
    }


def _show_campaign(found: Campaign) -> dict[str, Any]:
    made_at = datetime.fromtimestamp(found.created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"id": found.id, **found.fields, "created_at": made_at, "updated_at": made_at, "deleted": False}


def _page(rows: list[dict[str, Any]], caller: XCaller) -> dict[str, Any]:
    """Cut a list by `count` and `cursor`."""
    start = _position(caller.params.get("cursor", ""))
    end = start + _count(caller.params.get("count", str(DEFAULT_COUNT)))
    return {"next_cursor": _cursor(end) if end < len(rows) else None, "data": rows[start:end]}


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= MAX_COUNT:
        raise _invalid("count")
    return int(text)


def _invalid(name: str) -> AdsError:
    return AdsError(400, "INVALID_PARAMETER", f"The value of {name} is not valid", parameter=name)


def _cursor(position: int) -> str:
    return base64.b32encode(f"at{position}".encode()).decode().rstrip("=").lower()


def _position(cursor: str) -> int:
    if not cursor:
        return 0
    padded = cursor.upper() + "=" * (-len(cursor) % 8)
    try:
        return int(base64.b32decode(padded).decode().removeprefix("at"))
    except ValueError:
        raise _invalid("cursor") from None
