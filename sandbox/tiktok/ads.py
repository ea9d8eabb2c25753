"""user/info, advertiser/info, the Business Center lists, and campaigns."""

import hashlib
import json
from typing import Any

from starlette.requests import Request

from sandbox.store import random_number
from sandbox.tiktok import errors
from sandbox.tiktok.access import CHANNEL, Caller, body_of, caller_of, path_of, wanted
from sandbox.world import ROLES, AdAccount, Campaign

MOST_IDS = 100
LARGEST_PAGE, USUAL_PAGE = 50, 10
BC_ID, BC_NAME = "7000000000000000101", "Sandbox Business Center"
WRITES = {"ADMIN", "OPERATOR"}
MADE_AT = 1630055520


async def user_info(request: Request) -> Any:
    """Who consented. The e-mail address is masked."""
    user = caller_of(request).user
    masked = user.email[:1] + "***@" + user.email.partition("@")[2]
    return {"core_user_id": user.id, "display_name": user.name, "email": masked, "create_time": MADE_AT}


async def advertiser_info(request: Request) -> Any:
    """Facts of at most 100 ad accounts; one that is out of reach refuses the call for all (unverified).

    `fields` cuts them down; that `advertiser_id` stays even so is unverified.
    """
    caller = caller_of(request)
    ids = _strings(request, "advertiser_ids")
    if len(ids) > MOST_IDS:
        raise errors.bad_parameter(f"advertiser_ids: Longer than maximum length {MOST_IDS}.")
    rows = [_facts(_account(caller, one, request)) for one in ids]
    if "fields" in request.query_params:
        names = ["advertiser_id", *_strings(request, "fields")]
        if unknown := [name for name in names if name not in rows[0]]:
            raise errors.bad_parameter(f"fields: Invalid field: {unknown[0]}.")  # (text unverified)
        rows = [{name: row[name] for name in names} for row in rows]
    return {"list": rows}


def _strings(request: Request, name: str) -> list[str]:
    """A parameter that holds a JSON array of strings."""
    try:
        found = json.loads(request.query_params.get(name, ""))
    except ValueError:
        found = None
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise errors.bad_parameter(f"{name}: Not a valid list of strings.")
    return found


def _account(caller: Caller, native_id: str, request: Request) -> AdAccount:
    found = caller.visible(native_id)
    if found is None or found.details.get("deleted"):
        raise errors.unknown_advertiser(native_id)
    if native_id not in caller.token.account_ids:
        raise errors.not_granted(path_of(request), request.method)  # (unverified)
    return found


def _facts(found: AdAccount) -> dict[str, Any]:
    return {
        "advertiser_id": found.id,
        "name": found.name,
        "company": found.name,
        "status": found.status,
        "rejection_reason": found.details.get("rejection_reason", ""),
        "role": "ROLE_ADVERTISER",
        "currency": found.currency,
        "timezone": found.time_zone,
        "display_timezone": found.time_zone,
        "country": "DE",
        "industry": "291905",
        "language": "",
        "balance": 0,
        "create_time": MADE_AT,
        "advertiser_account_type": "AUCTION",
        "contacter": "Te***er",
        "email": "t***************@**********",
        "telephone_number": "+49********63",
        "cellphone_number": "+49********63",
        "address": None,
        "description": None,
        "license_no": None,
        "license_url": None,
        "owner_bc_id": None,
    }


# ---- Business Centers


def _centers(caller: Caller) -> dict[str, tuple[str, list[AdAccount]]]:
    """The person's Business Centers by id: name, and the ad accounts in it on which the person has a role."""
    found: dict[str, tuple[str, list[AdAccount]]] = {}
    for account in caller.store.accounts_of(CHANNEL, caller.user.key):
        bc_id = account.details.get("bc_id", BC_ID)
        if bc_id:
            name = account.details.get("bc_name", BC_NAME if bc_id == BC_ID else f"Business Center {bc_id}")
            found.setdefault(bc_id, (name, []))[1].append(account)
    return found


async def bc_get(request: Request) -> Any:
    """A page of the person's Business Centers. Only an admin of one of its ad accounts is its admin here."""
    caller = caller_of(request)
    rows = [_center(caller, bc_id, *what) for bc_id, what in _centers(caller).items()]
    if wanted_id := request.query_params.get("bc_id"):
        rows = [row for row in rows if row["bc_info"]["bc_id"] == wanted_id]
    return _page(request, rows)


def _center(caller: Caller, bc_id: str, name: str, accounts: list[AdAccount]) -> dict[str, Any]:
    is_admin = any(account.roles[caller.user.key] == "admin" for account in accounts)
    info = {
        "bc_id": bc_id,
        "name": name,
        "company": name,
        "currency": "EUR",
        "registered_area": "DE",
        "status": "ENABLE",
        "timezone": "Europe/Berlin",
        "type": "NORMAL",
    }
    return {"bc_info": info, "user_role": "ADMIN" if is_admin else "STANDARD"}


async def bc_asset_get(request: Request) -> Any:
    """A page of a Business Center's ad accounts, with the person's role on each."""
    caller = caller_of(request)
    if request.query_params.get("asset_type") != "ADVERTISER":
        raise errors.bad_parameter("asset_type: Only ADVERTISER is stood in for.")
    bc_id = request.query_params.get("bc_id", "")
    name, accounts = _centers(caller).get(bc_id, ("", None))
    if accounts is None:
        raise errors.BusinessError(
            40001, f"No permission to operate the business center {bc_id}."
        )  # (unverified)
    return _page(request, [_asset(caller, account, name) for account in accounts])


def _asset(caller: Caller, found: AdAccount, center: str) -> dict[str, Any]:
    return {
        "asset_type": "ADVERTISER",
        "asset_id": found.id,
        "asset_name": found.name,
        "advertiser_account_type": "AUCTION",
        "advertiser_role": ROLES[found.roles[caller.user.key]][CHANNEL][0],
        "advertiser_status": found.status,
        "relation_type": "OWNER_BC",
        "relation_status": found.details.get("relation_status", "BOUND"),
        "owner_bc_name": found.details.get("owner_bc_name", center),
    }


def _page(request: Request, rows: list[dict[str, Any]]) -> dict[str, Any]:
    page, size = _number(request, "page", 1, 10**6), _number(request, "page_size", USUAL_PAGE, LARGEST_PAGE)
    info = {
        "page": page,
        "page_size": size,
        "total_number": len(rows),
        "total_page": max(1, -(-len(rows) // size)),
    }
    return {"list": rows[(page - 1) * size : page * size], "page_info": info}


def _number(request: Request, name: str, usual: int, most: int) -> int:
    text = request.query_params.get(name, str(usual))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise errors.bad_parameter(f"{name}: Must be between 1 and {most}.")
    return int(text)


# ---- campaigns


async def campaign_get(request: Request) -> Any:
    """The campaigns of an ad account."""
    caller = caller_of(request)
    found = _account(caller, request.query_params.get("advertiser_id", ""), request)
    rows = [c for c in caller.store.campaigns.values() if (c.channel, c.account_id) == (CHANNEL, found.id)]
    return _page(request, [{"campaign_id": row.id, "advertiser_id": found.id, **row.fields} for row in rows])


async def campaign_create(request: Request) -> Any:
    """Make a campaign: needs a role that writes, and an ad account in order (both refusals unverified)."""
    caller, data = caller_of(request), await body_of(request)
    found = _account(caller, wanted(data, "advertiser_id"), request)
    if ROLES[found.roles[caller.user.key]][CHANNEL][0] not in WRITES:
        raise errors.BusinessError(40001, f"No permission to operate the advertiser {found.id}.")
    if found.status != "STATUS_ENABLE":
        raise errors.BusinessError(40002, f"The status of advertiser {found.id} does not allow this.")
    fields = {name: wanted(data, name) for name in ("campaign_name", "objective_type")}
    made = Campaign(CHANNEL, "18" + random_number(14), found.id, fields, caller.user.key, caller.store.now())
    caller.store.campaigns[made.id] = made
    caller.store.changed()
    return {"campaign_id": made.id}


async def video_upload(request: Request) -> Any:
    """Take a whole film as multipart, `advertiser_id` in the form; `video_signature` is its MD5."""
    caller, form = caller_of(request), await request.form()
    _account(caller, str(form.get("advertiser_id", "")), request)
    file: Any = form.get("video_file")
    film = await file.read() if hasattr(file, "read") else b""
    if form.get("video_signature") != hashlib.md5(film, usedforsecurity=False).hexdigest():
        raise errors.bad_parameter("video_signature: Does not match the file.")
    return [{"video_id": f"v10033g50000{random_number(12)}", "size": len(film)}]
