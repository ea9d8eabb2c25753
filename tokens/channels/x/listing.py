"""A person's ad accounts, and what has to be asked of each: the role on it, and whether anything can pay."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tokens.channels.classifier import malformed
from tokens.channels.http import Limit
from tokens.channels.kinds import (
    AccountList,
    Answer,
    AppKeys,
    ChannelError,
    Credentials,
    NativeAccount,
    Verdict,
)
from tokens.channels.parse import words
from tokens.channels.turns import Turns, beginning_at
from tokens.channels.x import calls, reading, verdicts

PAGE_SIZE, MAX_PAGES = 1000, 5  # X allows 5 lists in 15 minutes
ROLES_WITHIN = 30.0  # seconds for roles and payment methods of a list; those not read by then are unknown
ROLE, FUNDING = "authenticated_user_access", "funding_instruments"  # below an ad account's address


def accounts(app: AppKeys, credentials: Credentials) -> AccountList:
    """List the ad accounts, then ask for the role on each. A role that cannot be read leaves "can publish" unknown.

    Raises ChannelError where the first page fails; a later one makes the list incomplete.
    """
    found: dict[str, NativeAccount] = {}
    cursor, complete = "", False
    for page in range(MAX_PAGES):
        try:
            listed, cursor = _page(app, credentials, cursor)
        except ChannelError:
            if page == 0:
                raise
            break
        found |= {account.native_id: account for account in listed}
        if not cursor:
            complete = True
            break
    return AccountList(_with_roles(app, credentials, found.values()), complete=complete)


def ask_of(
    app: AppKeys, credentials: Credentials, native_id: str, what: str, timeout: float | None = None
) -> Answer:
    """Ask for what is below an ad account's address: ROLE or FUNDING."""
    url = calls.ads(f"accounts/{native_id}/{what}")
    return calls.signed("api", "GET", url, app=app, credentials=credentials, timeout=timeout)


def with_funding(
    app: AppKeys, credentials: Credentials, account: NativeAccount, timeout: float | None = None
) -> NativeAccount:
    """Add the currency, and whether anything can pay. Where that cannot be read, the restriction is not told."""
    answer = ask_of(app, credentials, account.native_id, FUNDING, timeout)
    if verdicts.TABLE.classify(answer).verdict != Verdict.OK:
        return _untold(account)
    return reading.with_funding(account, answer.body)


def _untold(account: NativeAccount) -> NativeAccount:
    """Return an ad account of which nobody said whether anything can pay: a restriction that was told before may stand."""
    return replace(account, restriction=account.restriction or None)


def _not_asked(account: NativeAccount) -> NativeAccount:
    """Return an ad account about which nobody was asked: neither role nor payment is told."""
    return replace(_untold(account), role_told=False)


def _page(app: AppKeys, credentials: Credentials, cursor: str) -> tuple[list[NativeAccount], str]:
    """Return a page's ad accounts and the cursor of the next one, "" on the last."""
    params: Mapping[str, str] = {"count": str(PAGE_SIZE), "with_deleted": "false"}
    if cursor:
        params = {**params, "cursor": cursor}
    url = calls.ads("accounts")
    answer = calls.signed("list_accounts", "GET", url, app=app, credentials=credentials, params=params)
    body = calls.require_ok(answer)
    rows = body.get("data")
    if not isinstance(rows, list):
        raise malformed(answer, "a list of accounts", channel="x")
    read = [account for account in map(reading.account, rows) if account is not None]
    return read, words(body.get("next_cursor"))


def _with_roles(
    app: AppKeys, credentials: Credentials, found: Iterable[NativeAccount]
) -> tuple[NativeAccount, ...]:
    """Ask about one ad account after the other as long as there is time; the next list goes on where this one ended."""
    listed, turns = list(found), Turns("x-roles", credentials.access_token)
    last = turns.last()
    start = next((index + 1 for index, one in enumerate(listed) if one.native_id == last), 0)
    limit, asked = Limit(ROLES_WITHIN), dict[str, NativeAccount]()
    for one in beginning_at(listed, start):
        if limit.over:
            break
        asked[one.native_id] = _with_role(app, credentials, one)
    if len(asked) < len(listed):
        turns.end(next(reversed(asked), ""))
    return tuple(asked.get(one.native_id) or _not_asked(one) for one in listed)


def _with_role(app: AppKeys, credentials: Credentials, account: NativeAccount) -> NativeAccount:
    """Add role and payment; what cannot be read of either stays open."""
    answer = ask_of(app, credentials, account.native_id, ROLE)
    if verdicts.TABLE.classify(answer).verdict != Verdict.OK:
        return _not_asked(account)
    known = reading.with_role(account, answer.body) or account
    return with_funding(app, credentials, known)
