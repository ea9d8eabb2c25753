"""The Marketing API: the person's roles and ad accounts; and who the person is."""

from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.linkedin import errors
from sandbox.linkedin.access import Caller, ads_scopes, caller_of, list_values, restli
from sandbox.store import random_number
from sandbox.world import ROLES, AdAccount, Campaign

URN = "urn:li:sponsoredAccount:"
MOST = 1000  # rows of a page
# Fields of an ad account beside those that are shown here.
FIELDS = frozenset({"referenceInfo", "totalBudget", "totalBudgetEndsAt", "changeAuditStamps"})


async def userinfo(request: Request) -> Response:
    """`GET /v2/userinfo`: who consented. Needs openid and profile, and no version."""
    caller = await caller_of(request, versioned=False)
    ads_scopes(caller, "userinfo.GET.NO_VERSION", scopes=("openid", "profile"))
    user = caller.user
    given, _, family = user.name.partition(" ")
    answer: dict[str, Any] = {"sub": user.id, "name": user.name, "given_name": given, "family_name": family}
    answer["locale"] = {"country": "US", "language": "en"}
    return JSONResponse(answer)


async def account_users(request: Request) -> Response:
    """`GET /rest/adAccountUsers?q=authenticatedUser`: one row for each ad account on which the person has a role."""
    caller = await caller_of(request)
    ads_scopes(caller, "adAccountUsers.FINDER-authenticatedUser")
    if caller.query.get("q") != "authenticatedUser":
        raise errors.bad_request("Invalid query parameters passed to request: q")
    start, count = caller.number("start", 0, 10**6), caller.number("count", 10, MOST)
    rows = [_user_row(account, caller) for account in caller.accounts()]
    paging = {"start": start, "count": count, "total": len(rows), "links": []}
    return JSONResponse({"elements": rows[start : start + count], "paging": paging})


def _user_row(account: AdAccount, caller: Caller) -> dict[str, Any]:
    stamp = {"time": 1623665362000}
    return {
        "account": f"{URN}{account.id}",
        "user": f"urn:li:person:{caller.user.id}",
        "role": ROLES[account.roles[caller.user.key]]["linkedin"][0],
        "changeAuditStamps": {"created": stamp, "lastModified": stamp},  # (unverified)
    }


async def search_accounts(request: Request) -> Response:
    """`GET /rest/adAccounts?q=search`: by pageToken; `search` may name statuses or ids, its characters unescaped."""
    caller = await caller_of(request)
    ads_scopes(caller, "adAccounts.FINDER-search")
    if caller.query.get("q") != "search":
        raise errors.bad_request("Invalid query parameters passed to request: q")
    size = max(1, caller.number("pageSize", 100, MOST))
    found = _fitting(caller.accounts(), caller.query.get("search", ""))
    token = unquote(caller.query.get("pageToken", ""))
    start = _start_of(token)
    elements = [_projected(_show(account), caller) for account in found[start : start + size]]
    body: dict[str, Any] = {"elements": elements}
    more = start + size < len(found)
    body["metadata"] = {"nextPageToken": f"DgGer+{start + size}="} if more else {}
    return JSONResponse(body)


def _start_of(token: str) -> int:
    number = token.removeprefix("DgGer+").removesuffix("=")
    if token and not number.isdigit():
        raise errors.bad_request("Invalid query parameters passed to request: pageToken")
    return int(number or 0)


def _fitting(accounts: list[AdAccount], search: str) -> list[AdAccount]:
    if not search:
        return accounts
    values = list_values(restli(search, "search"))
    if search.startswith("(status:"):
        return [account for account in accounts if _status(account) in values]
    if search.startswith("(id:"):
        return [account for account in accounts if account.id in {one.removeprefix(URN) for one in values}]
    raise errors.bad_request("Invalid query parameters passed to request: search")


async def account(request: Request) -> Response:
    """`GET /rest/adAccounts/{id}`; the id is the bare number."""
    caller = await caller_of(request)
    return JSONResponse(_projected(_show(_account(request.path_params["account_id"], caller)), caller))


def _projected(row: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Only the fields that `fields=id,name` names, as LinkedIn's own client words it; all of them without it.

    Raises ApiError for a field that an ad account does not have.
    """
    names = [name.strip() for name in unquote(caller.query.get("fields", "")).split(",") if name.strip()]
    if unknown := [name for name in names if name not in row and name not in FIELDS]:
        raise errors.unknown_fields(unknown)
    return {name: row[name] for name in names if name in row} if names else row


def _account(name: str, caller: Caller) -> AdAccount:
    if not name.isdigit():
        raise errors.bad_request(f"Invalid key: {name} must be a long")
    mine = {account.id: account for account in caller.accounts()}
    if name not in mine or not caller.may_read_ads():
        raise errors.denied(f"GET /adAccounts/{name}")
    return mine[name]


def _show(account: AdAccount) -> dict[str, Any]:
    """An ad account as LinkedIn shows it: no time zone; `details` of the world are laid over it."""
    silent = dict.fromkeys(
        (
            "notifiedOnCampaignOptimization",
            "notifiedOnCreativeApproval",
            "notifiedOnCreativeRejection",
            "notifiedOnEndOfCampaign",
            "notifiedOnNewFeaturesEnabled",
        ),
        False,
    )
    status = _status(account)
    return {
        "id": int(account.id),
        "name": account.name,
        "type": "BUSINESS",
        "status": status,
        "currency": account.currency,
        "reference": "urn:li:organization:64265083",
        "servingStatuses": ["RUNNABLE"] if status == "ACTIVE" else ["STOPPED"],
        "test": False,
        "version": {"versionTag": "6"},
        **silent,
        **account.details,
    }


def _status(account: AdAccount) -> str:
    return account.status or "ACTIVE"


async def campaigns(request: Request) -> Response:
    """`/rest/adAccounts/{id}/adCampaigns`: GET `q=search` by pageToken, POST makes one, whose id is in `x-restli-id`, or a batch."""
    caller = await caller_of(request)
    found = _account(request.path_params["account_id"], caller)
    rows = [
        one
        for one in caller.store.campaigns.values()
        if (one.channel, one.account_id) == ("linkedin", found.id)
    ]
    if request.method == "POST" and not request.headers.get("x-http-method-override"):
        return await _made(request, found, caller)
    size, start = (
        max(1, caller.number("pageSize", 100, MOST)),
        _start_of(unquote(caller.query.get("pageToken", ""))),
    )
    elements = [{"id": int(one.id), **one.fields} for one in rows[start : start + size]]
    more = start + size < len(rows)
    following = {"nextPageToken": f"DgGer+{start + size}="} if more else {}
    return JSONResponse({"elements": elements, "metadata": following})


async def _made(request: Request, account: AdAccount, caller: Caller) -> Response:
    if "rw_ads" not in caller.token.scopes or ROLES[account.roles[caller.user.key]]["linkedin"] == ["VIEWER"]:
        raise errors.denied("adCampaigns.CREATE")
    fields = await request.json()
    if request.headers.get("x-restli-method", "").upper() == "BATCH_CREATE":
        made = [_campaign(one, account, caller) for one in fields["elements"]]
        return JSONResponse({"elements": [{"status": 201, "id": one} for one in made]})
    return Response(status_code=201, headers={"x-restli-id": _campaign(fields, account, caller)})


def _campaign(fields: Any, account: AdAccount, caller: Caller) -> str:
    if not isinstance(fields, dict) or not fields.get("name"):
        raise errors.bad_request("Input field validation failure: /name")
    made = Campaign("linkedin", random_number(9), account.id, fields, caller.user.key, caller.store.now())
    caller.store.campaigns[made.id] = made
    caller.store.changed()
    return made.id


async def unknown(request: Request) -> Response:
    """Any other address of the API."""
    if request.url.path.partition("/rest/")[1]:
        await caller_of(request)
    raise errors.no_resource()
