"""Ad accounts and roles, over organizations and pages. Whatever could not be read makes a list incomplete, never shorter in silence."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tokens.channels.classifier import malformed
from tokens.channels.http import Limit
from tokens.channels.kinds import AccountList, Answer, ChannelError, NativeAccount
from tokens.channels.parse import names
from tokens.channels.snapchat import calls, reading
from tokens.channels.snapchat.reading import Organization

PAGE_SIZE, MAX_PAGES = 1000, 50  # Snapchat takes 50 to 1000
# Seconds for roles that the list itself does not tell; those not read by then are unknown.
ROLES_WITHIN = 20.0
_BETTER = {"yes": 2, "unknown": 1, "no": 0}

Roles = Mapping[str, tuple[str, ...]]  # ad account -> the person's roles on it


@dataclass
class _Found:
    """What a list gathers: ad accounts by id, and whether all could be read."""

    accounts: dict[str, NativeAccount] = field(default_factory=dict)
    complete: bool = True

    def add(self, account: NativeAccount | None) -> None:
        """Take one ad account. One that comes through two organizations keeps the better role."""
        if account is None:
            self.complete = False
            return
        old = self.accounts.get(account.native_id)
        if old is None or _BETTER[old.can_publish] < _BETTER[account.can_publish]:
            self.accounts[account.native_id] = account


def all_accounts(token: str) -> AccountList:
    """List the ad accounts of the person. Raises ChannelError where the first answer is no list."""
    found = _Found()
    for_roles = Limit(ROLES_WITHIN)
    for organization in _organizations(token, found, Limit(None)):
        _take(token, organization, found, for_roles)
    return AccountList(tuple(found.accounts.values()), complete=found.complete)


def single(answer: Answer, wanted: str) -> Mapping[str, Any]:
    """Return the one ad account of an answer. Raises ChannelError where it is not the one that was asked for."""
    rows, whole = reading.items(calls.require_ok(answer), "adaccounts", "adaccount")
    if len(rows) != 1 or not whole or reading.id_of(rows[0].get("id")) != wanted:
        raise malformed(answer, "the ad account", channel="snapchat")
    return rows[0]


def roles_on(
    token: str, native_id: str, *, timeout: float | None = None
) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Return the person's roles in the organization of an ad account, and on it (None: not told). Raises ChannelError."""
    limit = Limit(ROLES_WITHIN if timeout is None else timeout)
    best: tuple[tuple[str, ...], tuple[str, ...] | None] = ((), None)
    for organization in _organizations(token, _Found(), limit):
        for row in organization.accounts or ():
            if not isinstance(row, dict) or reading.id_of(row.get("id")) != native_id:
                continue
            told = _roles(token, organization, [row], limit)
            roles = names(row.get("roles"))
            best = (organization.roles, roles if told is None else told.get(native_id, ()))
            if organization.administers:
                return best
    return best


def _organizations(token: str, found: _Found, limit: Limit) -> Iterator[Organization]:
    """Yield the person's organizations, from all pages."""
    params: dict[str, str] | None = {}
    for page in range(MAX_PAGES):
        answer = calls.organizations("list_accounts", token, params=params, timeout=limit.left())
        try:
            body = calls.require_ok(answer)
        except ChannelError:
            if page == 0:
                raise
            break
        rows, whole = reading.items(body, "organizations", "organization")
        if page == 0 and not isinstance(body.get("organizations"), list):
            raise malformed(answer, "a list of organizations", channel="snapchat")
        params, readable = reading.next_page(body)
        found.complete = found.complete and whole and readable
        yield from map(reading.organization, rows)
        if params is None:
            return
    found.complete = False


def _take(token: str, organization: Organization, found: _Found, for_roles: Limit) -> None:
    """Take the ad accounts of one organization.

    The list of organizations holds those that the person has a role on. An admin reaches all of the organization's, so for admins the
    paged list is read too: no document says how many the first one holds. Where the first list is missing the paged one takes its place.
    """
    listed: list[Any] = list(organization.accounts or ())
    if organization.accounts is None or organization.administers:
        rows, whole = _pages(token, organization, "adaccounts", "adaccount", Limit(None))
        found.complete = found.complete and whole
        known = {reading.id_of(row.get("id")) for row in listed if isinstance(row, dict)}
        listed += [row for row in rows if reading.id_of(row.get("id")) not in known]
    told = _roles(token, organization, listed, for_roles)
    for row in listed:
        account_id = reading.id_of(row.get("id")) if isinstance(row, dict) else ""
        roles = None if told is None else told.get(account_id, ())
        read = reading.account(row, organization.roles, roles)
        if read is not None:
            told_role = roles is not None or bool(read.role)
            read = replace(read, business=organization.name, role_told=told_role)
        found.add(read)


def _roles(token: str, organization: Organization, listed: Iterable[Any], limit: Limit) -> Roles | None:
    """Return the person's roles by ad account where the list does not tell them; None: they cannot be had."""
    silent = any(names(row.get("roles")) is None for row in listed if isinstance(row, dict))
    if organization.administers or not silent or not organization.member_id or limit.over:
        return None
    rows, whole = _pages(token, organization, "roles", "role", limit)
    if not whole:
        return None
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        if reading.id_of(row.get("member_id")) == organization.member_id and isinstance(row.get("type"), str):
            account_id = reading.id_of(row.get("container_id"))
            found[account_id] = (*found.get(account_id, ()), row["type"])
    return found


def _pages(
    token: str, organization: Organization, plural: str, singular: str, limit: Limit
) -> tuple[list[Mapping[str, Any]], bool]:
    """Return the items of all pages of a list of an organization, and whether that is all of them."""
    found: list[Mapping[str, Any]] = []
    complete = True
    params: dict[str, str] | None = {"limit": str(PAGE_SIZE)}
    for _ in range(MAX_PAGES if organization.id else 0):
        path = f"organizations/{organization.id}/{plural}"
        answer = calls.as_user("list_accounts", path, token=token, params=params, timeout=limit.left())
        try:
            body = calls.require_ok(answer)
        except ChannelError:
            return found, False
        rows, whole = reading.items(body, plural, singular)
        found += rows
        params, readable = reading.next_page(body)
        complete = complete and whole and readable
        if params is None:
            return found, complete
        if limit.over:
            break
    return found, False
