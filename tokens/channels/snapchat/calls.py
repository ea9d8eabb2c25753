"""Snapchat's native calls, and the lists that are put together from them.

The access token travels in a header; the app's secret, codes and refresh tokens in a form body.

A list goes over organizations and pages; whatever could not be read makes it incomplete, never shorter in silence.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from tokens.channels.addresses import api_base, configured
from tokens.channels.kinds import AccountList, Answer, Call, ChannelError, NativeAccount
from tokens.channels.paging import Pages
from tokens.channels.parse import names
from tokens.channels.sessions import ChannelSession
from tokens.channels.snapchat import reading
from tokens.channels.snapchat.declaration import DECLARATION
from tokens.channels.snapchat.reading import Organization
from tokens.channels.snapchat.verdicts import TABLE

# Integrations call either of these; no document of Snapchat's names one. The second is called where the first does not exist.
REVOKE_PATHS = ("login/oauth2/revoke", "login/oauth2/revoke_token")


def as_user(
    call: Call, path: str, session: ChannelSession, params: Mapping[str, str] | None = None
) -> Answer:
    """Read something of the Marketing API as the person."""
    url = f"{api_base(DECLARATION)}/{path}"
    return session.ask(call, url, params=params)


def as_app(call: Call, path: str, session: ChannelSession, form: Mapping[str, str]) -> Answer:
    """Call an address of the log-in host, with the app's keys in the body and in no header."""
    body = {"client_id": session.app.client_id, "client_secret": session.app.secret, **form}
    url = f"{configured('SNAPCHAT_ACCOUNTS_URL')}/{path}"
    return session.ask(call, url, method="POST", data=body, headers={})


def revoke(session: ChannelSession) -> Answer:
    """Ask to end an authorisation, by its refresh token where there is one. Whether Snapchat has this call, and where, is unproven."""
    token = session.credentials.refresh_token or session.token
    for path in REVOKE_PATHS:
        answer = as_app("api", path, session, {"token": token})
        if answer.status != 404:
            break
    return answer


PAGE_SIZE, MAX_PAGES = 1000, 50  # Snapchat takes 50 to 1000
# Seconds for roles that the list itself does not tell; those not read by then are unknown.
ROLES_WITHIN = 20.0
ORGANIZATIONS, ROLES = "organizations", "roles"  # in what was told of a log-in; roles by organization
_BETTER = {"yes": 2, "unknown": 1, "no": 0}

Rows = tuple[list[Mapping[str, Any]], bool]  # what is good of a list, and whether all of it was
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


def all_accounts(session: ChannelSession) -> AccountList:
    """List the ad accounts of the person. Raises ChannelError where the first answer is no list."""
    found, for_roles = _Found(), session.within(ROLES_WITHIN)
    for organization in _organizations(session, found):
        _take(session, organization, found, for_roles)
    return AccountList(tuple(found.accounts.values()), complete=found.complete)


def single(answer: Answer, wanted: str) -> Mapping[str, Any]:
    """Return the one ad account of an answer. Raises ChannelError where it is not the one that was asked for."""
    rows, whole = reading.items(TABLE.require_ok(answer), "adaccounts", "adaccount")
    if len(rows) != 1 or not whole or reading.id_of(rows[0].get("id")) != wanted:
        raise TABLE.malformed(answer, "the ad account")
    return rows[0]


def roles_on(session: ChannelSession, native_id: str) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Return the person's roles in the organization of an ad account, and on it (None: not told). Raises ChannelError."""
    session = session.within(session.limit.left() or ROLES_WITHIN)
    best: tuple[tuple[str, ...], tuple[str, ...] | None] = ((), None)
    for organization in _known_organizations(session):
        for row in organization.accounts or ():
            if not isinstance(row, dict) or reading.id_of(row.get("id")) != native_id:
                continue
            told = _roles(session, organization, [row])
            roles = names(row.get("roles"))
            best = (organization.roles, roles if told is None else told.get(native_id, ()))
            if organization.administers:
                return best
    return best


def _known_organizations(session: ChannelSession) -> Iterable[Organization]:
    """Return the person's organizations, asked once for all of a log-in's ad accounts where all could be read. Raises ChannelError."""
    known: list[Organization] | None = session.told.get(ORGANIZATIONS)
    if known is None:
        found = _Found()
        known = list(_organizations(session, found))
        if found.complete:
            session.told[ORGANIZATIONS] = known
    return known


def _organizations(session: ChannelSession, found: _Found) -> Iterator[Organization]:
    """Yield the person's organizations, with their ad accounts and the person's roles, from all pages."""

    def ask(query: str) -> tuple[Rows, str | None]:
        params = {**dict(parse_qsl(query)), "with_ad_accounts": "true"}
        answer = as_user("list_accounts", "me/organizations", session, params)
        body = TABLE.require_ok(answer)
        if not query and not isinstance(body.get("organizations"), list):
            raise TABLE.malformed(answer, "a list of organizations")
        return reading.items(body, "organizations", "organization"), reading.next_page(body)

    pages = Pages(ask, most=MAX_PAGES)
    for rows, whole in pages:
        found.complete = found.complete and whole
        yield from map(reading.organization, rows)
    found.complete = found.complete and pages.complete


def _take(
    session: ChannelSession, organization: Organization, found: _Found, for_roles: ChannelSession
) -> None:
    """Take the ad accounts of one organization.

    The list of organizations holds those that the person has a role on. An admin reaches all of the organization's, so for admins the
    paged list is read too: no document says how many the first one holds. Where the first list is missing the paged one takes its place.
    """
    listed: list[Any] = list(organization.accounts or ())
    if organization.accounts is None or organization.administers:
        rows, whole = _all_of(session, organization, "adaccounts", "adaccount")
        found.complete = found.complete and whole
        known = {reading.id_of(row.get("id")) for row in listed if isinstance(row, dict)}
        listed += [row for row in rows if reading.id_of(row.get("id")) not in known]
    told = _roles(for_roles, organization, listed)
    for row in listed:
        account_id = reading.id_of(row.get("id")) if isinstance(row, dict) else ""
        roles = None if told is None else told.get(account_id, ())
        read = reading.account(row, organization.roles, roles)
        if read is not None:
            told_role = roles is not None or bool(read.role)
            read = replace(read, business=organization.name, role_told=told_role)
        found.add(read)


def _roles(session: ChannelSession, organization: Organization, listed: Iterable[Any]) -> Roles | None:
    """Return the person's roles by ad account where the list does not tell them; None: they cannot be had."""
    silent = any(names(row.get("roles")) is None for row in listed if isinstance(row, dict))
    if organization.administers or not silent or not organization.member_id or session.limit.over:
        return None
    rows = _known_roles(session, organization)
    if rows is None:
        return None
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        if reading.id_of(row.get("member_id")) == organization.member_id and isinstance(row.get("type"), str):
            account_id = reading.id_of(row.get("container_id"))
            found[account_id] = (*found.get(account_id, ()), row["type"])
    return found


def _known_roles(session: ChannelSession, organization: Organization) -> list[Mapping[str, Any]] | None:
    """Return the rows of all roles in an organization, asked once for all of a log-in's ad accounts; None: they cannot be had."""
    known: dict[str, list[Mapping[str, Any]]] = session.told.setdefault(ROLES, {})
    if organization.id not in known:
        rows, whole = _all_of(session, organization, "roles", "role")
        if not whole:
            return None
        known[organization.id] = rows
    return known[organization.id]


def _all_of(session: ChannelSession, organization: Organization, plural: str, singular: str) -> Rows:
    """Return the items of all pages of a list of an organization, and whether that is all of them."""

    def ask(query: str) -> tuple[Rows, str | None]:
        params = dict(parse_qsl(query)) if query else {"limit": str(PAGE_SIZE)}
        path = f"organizations/{organization.id}/{plural}"
        body = TABLE.require_ok(as_user("list_accounts", path, session, params))
        return reading.items(body, plural, singular), reading.next_page(body)

    found: list[Mapping[str, Any]] = []
    pages, complete = Pages(ask, most=MAX_PAGES if organization.id else 0, limit=session.limit), True
    try:
        for rows, whole in pages:
            found += rows
            complete = complete and whole
    except ChannelError:
        return found, False
    return found, complete and pages.complete
