"""Pinterest's native calls, and the lists that are put together from them.

Tokens and the app's secret travel in the Authorization header or in the body, never in an address.
"""

import base64
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from infra import scrub
from tokens.channels.addresses import api_base
from tokens.channels.kinds import AccountList, Answer, AppKeys, Call, ChannelError, Identity, NativeAccount
from tokens.channels.paging import Pages
from tokens.channels.parse import words
from tokens.channels.pinterest import reading
from tokens.channels.pinterest.declaration import DECLARATION
from tokens.channels.pinterest.verdicts import TABLE, facts_of
from tokens.channels.sessions import ChannelSession, Scopes


def address(path: str) -> str:
    """Return the address of a path without a leading slash."""
    return f"{api_base(DECLARATION)}/{path}"


def basic(app: AppKeys) -> str:
    """Return the Authorization header of the token calls: the app's id and secret."""
    pair = f"{app.client_id}:{app.secret}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def get(call: Call, path: str, session: ChannelSession, params: Mapping[str, str] | None = None) -> Answer:
    """Call the API as the native user."""
    return session.ask(call, address(path), params=params)


PAGE_SIZE, MAX_PAGES = 250, 40


def accounts(session: ChannelSession, identity: Identity, scopes: Scopes) -> AccountList:
    """List the ad accounts by bookmark. A row that cannot be read leaves the list incomplete. Raises ChannelError."""
    found: dict[str, NativeAccount] = {}
    pages, whole = Pages(partial(_page, session), most=MAX_PAGES), True
    for rows in pages:
        read = [reading.account_of(row, scopes=scopes, person=identity) for row in rows]
        whole = whole and None not in read
        found |= {account.native_id: account for account in read if account is not None}
    return AccountList(tuple(found.values()), complete=whole and pages.complete)


def restricted(
    session: ChannelSession, native_id: str, refused: Answer, scopes: Scopes
) -> NativeAccount | None:
    """Return a restricted ad account with its role, which only the list still shows; None where its first page does not."""
    try:
        rows, _ = _page(session, "")
    except ChannelError:
        return None
    facts = facts_of(refused, refused.body)
    why = reading.restriction(facts.codes, scrub.text(facts.message))
    for account in (reading.account_of(row, scopes=scopes) for row in rows):
        if account is not None and account.native_id == native_id:
            return replace(account, restriction=why)
    return None


def _page(session: ChannelSession, bookmark: str) -> tuple[list[Any], str | None]:
    """Return a page's rows and the bookmark of the next one, None on the last. Raises ChannelError."""
    params = {"page_size": str(PAGE_SIZE), "include_shared_accounts": "true"}
    if bookmark:
        params["bookmark"] = bookmark
    answer = get("list_accounts", "ad_accounts", session, params)
    body = TABLE.require_ok(answer)
    following = body.get("bookmark")
    if not isinstance(following, str | None):
        raise TABLE.malformed(answer, "a bookmark")
    return body["items"], words(following, 2000) or None
