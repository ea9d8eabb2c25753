"""The ad accounts of a person, from two lists: adAccountUsers has the roles, adAccounts everything else."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tokens.channels import http
from tokens.channels.classifier import malformed
from tokens.channels.kinds import (
    AccountList,
    Answer,
    ChannelError,
    Classification,
    NativeAccount,
    Reason,
    Verdict,
)
from tokens.channels.linkedin import calls, reading
from tokens.channels.parse import mapping, number, words

ROLES_SIZE, DETAILS_SIZE = 100, 500  # rows of a page; LinkedIn allows 1000
MAX_PAGES = 50

Scopes = tuple[str, ...] | None


def roles_page(token: str, start: int, *, timeout: float | None = None) -> Answer:
    """Ask for one page of the person's roles, from row `start` on."""
    params = {"q": "authenticatedUser", "start": str(start), "count": str(ROLES_SIZE)}
    return calls.rest("list_accounts", "adAccountUsers", token=token, params=params, timeout=timeout)


def accounts(token: str, first: Answer, scopes: Scopes) -> AccountList:
    """Put both lists together; `first` is the first page of roles. Raises ChannelError where that one failed.

    Any other page that failed makes the list incomplete. An account of which only the role is known is in it by its id, and one of
    which only the role is unknown too.
    """
    pages = _roles(token, first, http.Limit(None))
    roles = next(pages)
    complete = True
    try:
        for page in pages:
            roles |= page
    except ChannelError:
        complete = False
    found: dict[str, NativeAccount] = {
        native_id: reading.bare_account(native_id, role=role, scopes=scopes)
        for native_id, role in roles.items()
    }
    try:
        for row in _details(token):
            account = reading.account_of(row, roles=roles, scopes=scopes)
            if account is not None:
                told = complete or account.native_id in roles
                found[account.native_id] = account if told else replace(account, role_told=False)
    except ChannelError:
        complete = False
    return AccountList(tuple(found.values()), complete=complete)


def role_on(token: str, native_id: str, limit: http.Limit) -> str:
    """Return the person's role on one ad account, "" where LinkedIn lists none. Raises ChannelError."""
    first = roles_page(token, 0, timeout=limit.left())
    for page in _roles(token, first, limit):
        if native_id in page:
            return page[native_id]
    return ""


def _roles(token: str, first: Answer, limit: http.Limit) -> Iterator[dict[str, str]]:
    """Give the roles page by page. A full page, or a total that is not reached, means that there are more."""
    answer, start = first, 0
    for _ in range(MAX_PAGES):
        body = calls.require_ok(answer)
        rows = _rows(answer, body)
        yield reading.roles_of(rows)
        start += len(rows)
        missing = start < (number(mapping(body.get("paging")).get("total")) or 0)
        if missing and not rows:
            raise malformed(answer, "all the rows that it counts", channel="linkedin")
        if not missing and len(rows) < ROLES_SIZE:
            return
        answer = roles_page(token, start, timeout=limit.left())
    raise _too_long()


def _details(token: str) -> Iterator[Any]:
    """Give the rows of adAccounts. No search term: all that the person may see, in whatever state."""
    params = {"q": "search", "pageSize": str(DETAILS_SIZE)}
    seen: set[str] = set()
    for _ in range(MAX_PAGES):
        answer = calls.rest("list_accounts", "adAccounts", token=token, params=params)
        body = calls.require_ok(answer)
        yield from _rows(answer, body)
        page_token = words(mapping(body.get("metadata")).get("nextPageToken"), 2000)
        if not page_token:
            return
        if page_token in seen:
            raise malformed(answer, "a page token that leads on", channel="linkedin")
        seen.add(page_token)
        params = {**params, "pageToken": page_token}
    raise _too_long()


def _rows(answer: Answer, body: dict[str, Any]) -> list[Any]:
    rows = body.get("elements")
    if not isinstance(rows, list):
        raise malformed(answer, "a list of elements", channel="linkedin")
    return rows


def _too_long() -> ChannelError:
    return ChannelError(Classification(Verdict.TRANSIENT, Reason.TRANSIENT, row="more pages than we read"))
