"""A person's ad accounts, and what has to be asked of each: the role on it, and whether anything can pay."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from tokens.channels.http import Limit
from tokens.channels.kinds import AccountList, Answer, NativeAccount
from tokens.channels.paging import Pages
from tokens.channels.parse import words
from tokens.channels.sessions import ChannelSession
from tokens.channels.turns import Turns, beginning_at
from tokens.channels.x import calls, reading
from tokens.channels.x.verdicts import TABLE

PAGE_SIZE, MAX_PAGES = 1000, 5  # X allows 5 lists in 15 minutes
ROLES_WITHIN = 30.0  # seconds for roles and payment methods of a list; those not read by then are unknown
ROLE, FUNDING = "authenticated_user_access", "funding_instruments"  # below an ad account's address


def accounts(session: ChannelSession) -> AccountList:
    """List the ad accounts, then ask for the role on each. A role that cannot be read leaves "can publish" unknown.

    Raises ChannelError where the first page fails; a later one makes the list incomplete.
    """
    pages = Pages(partial(_page, session), most=MAX_PAGES)
    found = {account.native_id: account for listed in pages for account in listed}
    return AccountList(_with_roles(session, found.values()), complete=pages.complete)


def ask_of(session: ChannelSession, native_id: str, what: str) -> Answer:
    """Ask for what is below an ad account's address: ROLE or FUNDING."""
    return calls.ads("api", f"accounts/{native_id}/{what}", session)


def with_funding(session: ChannelSession, account: NativeAccount) -> NativeAccount:
    """Add the currency, and whether anything can pay. Where that cannot be read, the restriction is not told."""
    answer = ask_of(session, account.native_id, FUNDING)
    return reading.with_funding(account, answer.body) if TABLE.is_ok(answer) else _untold(account)


def _untold(account: NativeAccount) -> NativeAccount:
    """Return an ad account of which nobody said whether anything can pay: a restriction that was told before may stand."""
    return replace(account, restriction=account.restriction or None)


def _not_asked(account: NativeAccount) -> NativeAccount:
    """Return an ad account about which nobody was asked: neither role nor payment is told."""
    return replace(_untold(account), role_told=False)


def _page(session: ChannelSession, cursor: str) -> tuple[list[NativeAccount], str | None]:
    """Return a page's ad accounts and the cursor of the next one, None on the last. Raises ChannelError."""
    params = {"count": str(PAGE_SIZE), "with_deleted": "false", **({"cursor": cursor} if cursor else {})}
    answer = calls.ads("list_accounts", "accounts", session, params)
    body = TABLE.require_ok(answer)
    rows = body.get("data")
    if not isinstance(rows, list):
        raise TABLE.malformed(answer, "a list of accounts")
    read = [account for account in map(reading.account, rows) if account is not None]
    return read, words(body.get("next_cursor")) or None


def _with_roles(session: ChannelSession, found: Iterable[NativeAccount]) -> tuple[NativeAccount, ...]:
    """Ask about one ad account after the other as long as there is time; the next list goes on where this one ended."""
    listed, turns = list(found), Turns("x-roles", session.token)
    last = turns.last()
    start = next((index + 1 for index, one in enumerate(listed) if one.native_id == last), 0)
    limit, asked = Limit(ROLES_WITHIN), dict[str, NativeAccount]()
    for one in beginning_at(listed, start):
        if limit.over:
            break
        asked[one.native_id] = _with_role(session, one)
    if len(asked) < len(listed):
        turns.end(next(reversed(asked), ""))
    return tuple(asked.get(one.native_id) or _not_asked(one) for one in listed)


def _with_role(session: ChannelSession, account: NativeAccount) -> NativeAccount:
    """Add role and payment; what cannot be read of either stays open."""
    answer = ask_of(session, account.native_id, ROLE)
    if not TABLE.is_ok(answer):
        return _not_asked(account)
    return with_funding(session, reading.with_role(account, answer.body) or account)
