"""The Marketing API: who it is, organizations, ad accounts, members, roles."""

from starlette.requests import Request

from sandbox.snapchat import errors
from sandbox.snapchat.access import (
    ORGANIZATION_ID,
    Caller,
    account_for,
    member_id,
    organization_name,
    organization_of,
    organization_roles,
    roles_on,
    visible,
)
from sandbox.snapchat.frames import MADE, Body, envelope, failed, item, page
from sandbox.snapchat.switches import CHANNEL
from sandbox.world import ROLES, AdAccount, NativeUser


def me(_request: Request, caller: Caller) -> Body:
    """`GET /me`. Whether the frame is there too is unverified: samples show it without."""
    user = caller.user
    mine = visible(caller)
    person = {
        "id": user.id,
        **MADE,
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
    return envelope(caller, organizations=[item(caller, "organization", row) for row in rows])


def ad_accounts(request: Request, caller: Caller) -> Body:
    """`GET /organizations/{id}/adaccounts`, paged, each wrapped."""
    accounts = _accounts_in(caller, str(request.path_params["organization_id"]))
    return page(request, caller, "adaccounts", [_account_item(caller, one) for one in accounts])


def ad_account(request: Request, caller: Caller) -> Body:
    """`GET /adaccounts/{id}`."""
    account = account_for(caller, str(request.path_params["account_id"]))
    return envelope(caller, adaccounts=[_account_item(caller, account)])


def roles(request: Request, caller: Caller) -> Body:
    """`GET /organizations/{id}/roles`: of everybody, in the organization and on its ad accounts (container kinds unverified)."""
    key = str(request.path_params["organization_id"])
    accounts = _accounts_in(caller, key)
    granted = caller.setting("organization_roles", {})
    rows = [
        _role(key, user, "Organizations", key, name)
        for user in _people_in(caller, key)
        for name in granted.get(user.key, ["member"])
    ]
    for account in accounts:
        rows += _account_roles(caller, key, account)
    return page(request, caller, "roles", [item(caller, "role", row) for row in rows])


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
        **MADE,
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
        **MADE,
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
    return failed("adaccount", str(reason)) if reason else item(caller, "adaccount", _account(account))


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
        **MADE,
        "container_kind": kind,
        "container_id": container,
        "member_id": member_id(key, user),
        "organization_id": key,
        "type": name,
    }
