"""X's native calls, each signed, and the lists that are put together from them.

Tokens travel in the Authorization header only.

A list asks of each ad account the role on it, and whether anything can pay.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from tokens.channels import oauth1_client
from tokens.channels.addresses import api_base, configured
from tokens.channels.http import Limit
from tokens.channels.kinds import AccountList, Answer, AppKeys, Call, Credentials, NativeAccount
from tokens.channels.paging import Pages
from tokens.channels.parse import words
from tokens.channels.sessions import ChannelSession
from tokens.channels.turns import Turns, beginning_at
from tokens.channels.x import reading
from tokens.channels.x.declaration import DECLARATION
from tokens.channels.x.verdicts import TABLE

NOBODY = Credentials("")


def api(path: str) -> str:
    """Return an address of the general API."""
    return f"{configured('X_API_URL')}/{path}"


def ads(call: Call, path: str, session: ChannelSession, params: Mapping[str, str] | None = None) -> Answer:
    """Ask the Ads API."""
    url = f"{api_base(DECLARATION)}/{path}"
    return signed(call, url, session, params=params)


def signed(
    call: Call,
    url: str,
    session: ChannelSession,
    *,
    method: str = "GET",
    params: Mapping[str, str] | None = None,
    callback: str = "",
    verifier: str = "",
) -> Answer:
    """Send one signed request; `params` go into the address."""
    authorization = oauth1_client.header(
        session.app,
        session.credentials,
        method=method,
        url=url,
        params=params,
        callback=callback,
        verifier=verifier,
    )
    return session.ask(call, url, method=method, params=params, headers={"Authorization": authorization})


def ask_request_token(session: ChannelSession) -> Answer:
    """Take the first step of a handshake: the one call that nothing but the app's keys signs."""
    nobody, callback = replace(session, credentials=NOBODY), session.app.redirect_uri
    return signed("exchange", api("oauth/request_token"), nobody, method="POST", callback=callback)


def request_token(app: AppKeys) -> Credentials:
    """Return a request token: what carries one handshake. Raises ChannelError."""
    return oauth1_client.pair_in(ask_request_token(ChannelSession(app, NOBODY)), TABLE, confirmed=True)


def access_token(app: AppKeys, temporary: Credentials, verifier: str) -> Credentials:
    """Return the pair of a person who consented, for a request token and what the callback brought. Raises ChannelError."""
    url, session = api("oauth/access_token"), ChannelSession(app, temporary)
    return oauth1_client.pair_in(signed("exchange", url, session, method="POST", verifier=verifier), TABLE)


def verify_credentials(session: ChannelSession) -> Answer:
    """Ask whose token it is: the one question about a token that X answers with a cause."""
    params = {"include_entities": "false", "skip_status": "true"}
    return signed("introspect", api("1.1/account/verify_credentials.json"), session, params=params)


def users_me(session: ChannelSession) -> Answer:
    """Ask the same of the newer API, which tells no causes."""
    return signed("api", api("2/users/me"), session)


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
    return ads("api", f"accounts/{native_id}/{what}", session)


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
    answer = ads("list_accounts", "accounts", session, params)
    body = TABLE.require_ok(answer)
    read = [account for account in map(reading.account, body["data"]) if account is not None]
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
