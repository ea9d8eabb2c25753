"""Campaigns, so that a publishing job has something to write."""

import json
import uuid
from typing import Any

from starlette.requests import Request

from sandbox.snapchat import errors
from sandbox.snapchat.access import Caller, account_for
from sandbox.snapchat.frames import Body, envelope, page, stamp
from sandbox.snapchat.switches import CHANNEL
from sandbox.world import Campaign

STATUSES = ("ACTIVE", "PAUSED")


def listed(request: Request, caller: Caller) -> Body:
    """`GET /adaccounts/{id}/campaigns`."""
    account = account_for(caller, str(request.path_params["account_id"]))
    found = [c for c in caller.store.campaigns.values() if (c.channel, c.account_id) == (CHANNEL, account.id)]
    return page(request, caller, "campaigns", [_item(one) for one in found])


async def create(request: Request, caller: Caller) -> Body:
    """`POST /adaccounts/{id}/campaigns` with `{"campaigns": [{...}]}`: each item succeeds or fails for itself."""
    account = account_for(caller, str(request.path_params["account_id"]), writes=True)
    asked = await _asked(request)
    made = []
    for row in asked:
        if not isinstance(row, dict) or not row.get("name") or row.get("status") not in STATUSES:
            reason = "name and status (ACTIVE, PAUSED) are required"
            made.append({"sub_request_status": "ERROR", "sub_request_error_reason": reason})
            continue
        campaign = Campaign(CHANNEL, str(uuid.uuid4()), account.id, row, caller.user.key, caller.store.now())
        caller.store.campaigns[campaign.id] = campaign
        made.append(_item(campaign))
    caller.store.changed()
    return envelope(caller, campaigns=made)


async def _asked(request: Request) -> list[Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise errors.bad_request("The body must be JSON")
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise errors.bad_request("The body is no JSON") from error
    rows = body.get("campaigns") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not rows:
        raise errors.bad_request("campaigns must be a list")
    return rows


def _item(campaign: Campaign) -> Body:
    made = stamp(campaign.created_at)
    row = {**campaign.fields, "id": campaign.id, "ad_account_id": campaign.account_id}
    return {
        "sub_request_status": "SUCCESS",
        "campaign": {**row, "created_at": made, "updated_at": made},
    }
