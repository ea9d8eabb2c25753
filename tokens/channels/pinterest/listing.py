"""A person's own and shared ad accounts, page by page."""

from collections.abc import Iterable
from typing import Any

from tokens.channels.classifier import malformed
from tokens.channels.kinds import AccountList, ChannelError, Identity, NativeAccount
from tokens.channels.parse import words
from tokens.channels.pinterest import calls, reading

PAGE_SIZE, MAX_PAGES = 250, 40


def accounts(token: str, identity: Identity, scopes: Iterable[str] | None) -> AccountList:
    """List the ad accounts by bookmark. A row that cannot be read leaves the list incomplete.

    Raises ChannelError where the first page fails; a later one makes the list incomplete.
    """
    known = None if scopes is None else tuple(scopes)
    found: dict[str, NativeAccount] = {}
    whole, bookmark = True, ""
    for number in range(MAX_PAGES):
        try:
            rows, following = page(token, bookmark)
        except ChannelError:
            if number == 0:
                raise
            break
        read = [reading.account_of(row, scopes=known, person=identity) for row in rows]
        whole = whole and None not in read
        found |= {account.native_id: account for account in read if account is not None}
        if not following:
            return AccountList(tuple(found.values()), complete=whole)
        if following == bookmark:
            break
        bookmark = following
    return AccountList(tuple(found.values()), complete=False)


def page(token: str, bookmark: str = "", *, timeout: float | None = None) -> tuple[list[Any], str]:
    """Return a page's rows and the bookmark of the next one, "" on the last. Raises ChannelError."""
    params = {"page_size": str(PAGE_SIZE), "include_shared_accounts": "true"}
    if bookmark:
        params["bookmark"] = bookmark
    answer = calls.get("list_accounts", "ad_accounts", token, params=params, timeout=timeout)
    body = calls.require_ok(answer)
    rows, following = body.get("items"), body.get("bookmark")
    if not isinstance(rows, list) or not isinstance(following, str | None):
        raise malformed(answer, "a list of ad accounts", channel="pinterest")
    return rows, words(following, 2000)
