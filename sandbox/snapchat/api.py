"""The Marketing API: who it is, organizations, ad accounts, members, roles."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from sandbox.snapchat import errors
from sandbox.snapchat.access import (
    ORGANIZATION_ID,
    Caller,
    account_for,
    administers,
    member_id,
    organization_name,
    organization_of,
    organization_roles,
    roles_on,
    visible,
)
from sandbox.snapchat.knobs import CHANNEL
from sandbox.world import ROLES, AdAccount, NativeUser

SMALLEST_PAGE, LARGEST_PAGE = 50, 1000
_MADE = {"updated_at": "2024-06-15T23:54:26.935Z", "created_at": "2021-07-20T20:31:40.955Z"}

Body = dict[str, Any]


def envelope(caller: Caller, **content: Any) -> Body:
    """The frame of every good answer."""
    return {"request_status": _success(caller), "request_id": errors.request_id(), **content}


def me(_request: Request, caller: Caller) -> Body:
    """`GET /me`. Whether the frame is there too is unverified: samples show it without."""
    user = caller.user
    mine = visible(caller)
    person = {
        "id": user.id,
        **_MADE,
        "email": user.email,
        "organization_id": organization_of(mine[0]) if mine else ORGANIZATION_ID,
        "display_name": user.name,
        "snapchat_username": user.screen_name.lower(),
        "member_status": "MEMBER",
    }
    return envelope(caller, me=person)


def organizations(request: Request, caller: Caller) -> Body:
    """`GET /me/organizations`, with `with_ad_accounts=true` the ad accounts as a flat list inside each. Not paged."""
    nested = request.query_params.get("with_ad_accounts") == "true" and caller.setting(
        "nested_accounts", default=True
    )
    by_id: dict[str, list[AdAccount]] = {}
    for account in visible(caller):
        by_id.setdefault(organization_of(account), []).append(account)
    rows = [_organization(caller, key, accounts, nested=nested) for key, accounts in by_id.items()]
    if caller.setting("broken_organizations"):
        return envelope(caller, organizations=[_failed("organization", "Try again") for _ in rows])
    return envelope(caller, organizations=[_item(caller, "organization", row) for row in rows])


def organization(request: Request, caller: Caller) -> Body:
    """`GET /organizations/{id}`."""
    key = str(request.path_params["organization_id"])
    row = _organization(caller, key, _accounts_in(caller, key), nested=False)
    return envelope(caller, organizations=[_item(caller, "organization", row)])


def ad_accounts(request: Request, caller: Caller) -> Body:
    """`GET /organizations/{id}/adaccounts`, paged, each wrapped."""
    accounts = _accounts_in(caller, str(request.path_params["organization_id"]))
    if caller.setting("refuses_organization") and not administers(caller):
        raise errors.forbidden()
    return _page(request, caller, "adaccounts", [_account_item(caller, one) for one in accounts])


def ad_account(request: Request, caller: Caller) -> Body:
    """`GET /adaccounts/{id}`."""
    account = account_for(caller, str(request.path_params["account_id"]))
    return envelope(caller, adaccounts=[_account_item(caller, account)])


def members(request: Request, caller: Caller) -> Body:
    """`GET /organizations/{id}/members`."""
    key = str(request.path_params["organization_id"])
    _accounts_in(caller, key)
    rows = [
        {"id": member_id(key, u), **_MADE, "email": u.email, "organization_id": key, "display_name": u.name}
        for u in _people_in(caller, key)
    ]
    items = [_item(caller, "member", {**row, "member_status": "MEMBER"}) for row in rows]
    return _page(request, caller, "members", items)


def roles(request: Request, caller: Caller) -> Body:
    """`GET /organizations/{id}/roles`: of everybody, in the organization and on its ad accounts (container kinds unverified)."""
    key = str(request.path_params["organization_id"])
    accounts = _accounts_in(caller, key)
    if caller.setting("refuses_organization") and not administers(caller):
        raise errors.forbidden()
    granted = caller.setting("organization_roles", {})
    rows = [
        _role(key, user, "Organizations", key, name)
        for user in _people_in(caller, key)
        for name in granted.get(user.key, ["member"])
    ]
    for account in accounts:
        rows += _account_roles(caller, key, account)
    return _page(request, caller, "roles", [_item(caller, "role", row) for row in rows])


def account_roles(request: Request, caller: Caller) -> Body:
    """`GET /adaccounts/{id}/roles` (address unverified)."""
    account = account_for(caller, str(request.path_params["account_id"]))
    rows = _account_roles(caller, organization_of(account), account)
    return _page(request, caller, "roles", [_item(caller, "role", row) for row in rows])


def _accounts_in(caller: Caller, key: str) -> list[AdAccount]:
    """The ad accounts of an organization that the person reaches. Raises ApiError for an organization of others."""
    known = {organization_of(a) for a in caller.store.accounts if a.channel == CHANNEL}
    if key not in known:
        raise errors.not_found()
    found = [account for account in visible(caller) if organization_of(account) == key]
    if not found:
        raise errors.forbidden()
    return found


def _people_in(caller: Caller, key: str) -> list[NativeUser]:
    named = set(caller.setting("organization_roles", {}))
    for account in caller.store.accounts:
        if account.channel == CHANNEL and organization_of(account) == key:
            named |= set(account.roles)
    return [user for user in caller.store.users if user.channel == CHANNEL and user.key in named]


def _organization(caller: Caller, key: str, accounts: list[AdAccount], *, nested: bool) -> Body:
    row: Body = {
        "id": key,
        **_MADE,
        "name": organization_name(accounts),
        "country": "DE",
        "postal_code": "10115",
        "locality": "Berlin",
        "contact_name": "Team",
        "contact_email": "team@people.example",
        "address_line_1": "Torstrasse 1",
        "administrative_district_level_1": "DE-BE",
        "accepted_term_version": "8",
        "is_agency": False,
        "configuration_settings": {"notifications_enabled": True},
        "type": "ENTERPRISE",
        "state": "ACTIVE",
        "roles": organization_roles(caller),
        "my_display_name": caller.user.name,
        "my_invited_email": caller.user.email,
        "my_member_id": member_id(key, caller.user),
        "createdByCaller": False,
    }
    if nested:
        row["ad_accounts"] = [_nested(caller, account) for account in accounts]
    return row


def _nested(caller: Caller, account: AdAccount) -> Body:
    row = _account(account)
    if caller.setting("nested_roles", default=True):
        row["roles"] = roles_on(caller, account)
    return row


def _account(account: AdAccount) -> Body:
    told = account.details.get("delivery_status")
    return {
        "id": account.id,
        **_MADE,
        "name": account.name,
        "type": "PARTNER",
        "status": account.status,
        "organization_id": organization_of(account),
        "funding_source_ids": ["4d8f0f10-319a-46c0-890a-8ebb0006e34b"],
        "currency": account.currency,
        "timezone": account.time_zone,
        "advertiser_organization_id": organization_of(account),
        "billing_type": "REVOLVING",
        **({"delivery_status": told} if told else {}),
    }


def _account_item(caller: Caller, account: AdAccount) -> Body:
    reason = account.details.get("sub_request_error")
    return _failed("adaccount", str(reason)) if reason else _item(caller, "adaccount", _account(account))


def _account_roles(caller: Caller, key: str, account: AdAccount) -> list[Body]:
    people = {user.key: user for user in caller.store.users if user.channel == CHANNEL}
    return [
        _role(key, people[who], "AdAccounts", account.id, name)
        for who, role in account.roles.items()
        for name in ROLES[role][CHANNEL]
    ]


def _role(key: str, user: NativeUser, kind: str, container: str, name: str) -> Body:
    return {
        "id": member_id(container, user),
        **_MADE,
        "container_kind": kind,
        "container_id": container,
        "member_id": member_id(key, user),
        "organization_id": key,
        "type": name,
    }


def _item(caller: Caller, singular: str, row: Body) -> Body:
    return {"sub_request_status": _success(caller), singular: row}


def _failed(singular: str, reason: str) -> Body:
    """An item in error (what it holds besides its status is unverified)."""
    return {"sub_request_status": "ERROR", "sub_request_error_reason": reason, singular: {}}


def _success(caller: Caller) -> str:
    return "success" if caller.setting("small_letters") else "SUCCESS"


def _page(request: Request, caller: Caller, plural: str, items: list[Body]) -> Body:
    """A page of a list. Without `limit` everything comes at once (unverified)."""
    asked = request.query_params.get("limit", "")
    if not asked:
        return envelope(caller, **{plural: items})
    if not asked.isdigit() or not SMALLEST_PAGE <= int(asked) <= LARGEST_PAGE:
        raise errors.bad_request(f"limit must be between {SMALLEST_PAGE} and {LARGEST_PAGE}")
    start, size = _offset(request.query_params.get("cursor", "")), int(asked)
    body = envelope(caller, **{plural: items[start : start + size]})
    if start + size < len(items):
        cursor = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        link = request.url.include_query_params(cursor=cursor, limit=asked)
        host = caller.setting("next_link_host")
        address = f"{host}{link.path}?{link.query}" if host else str(link)
        body["paging"] = {"next_link": address}
    return body


def _offset(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor.encode())) if cursor else 0
    except (ValueError, binascii.Error) as error:
        raise errors.bad_request("cursor is not valid") from error


def stamp(seconds: int) -> str:
    """A moment as Snapchat writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
