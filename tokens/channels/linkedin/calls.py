"""LinkedIn's native calls, and the lists that are put together from them.

A person's token travels in a header, the app's secret and the tokens asked about in a form body.

A list is put together from two: adAccountUsers has the roles, adAccounts everything else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tokens.channels.addresses import api_base, configured
from tokens.channels.kinds import AccountList, Answer, Call, ChannelError, Classification, Reason, Verdict
from tokens.channels.linkedin import reading
from tokens.channels.linkedin.declaration import DECLARATION
from tokens.channels.linkedin.verdicts import TABLE
from tokens.channels.paging import Pages
from tokens.channels.parse import mapping, number, words
from tokens.channels.sessions import ChannelSession, Scopes

RESTLI_VERSION = "2.0.0"


def versions() -> dict[str, str]:
    """Return the two headers that every versioned call needs."""
    return {"LinkedIn-Version": configured("LINKEDIN_VERSION"), "X-Restli-Protocol-Version": RESTLI_VERSION}


def oauth(call: Call, path: str, session: ChannelSession, form: Mapping[str, str]) -> Answer:
    """Call one of the OAuth endpoints as the app, with everything in the body: Basic is not taken."""
    body = {**form, "client_id": session.app.client_id, "client_secret": session.app.secret}
    url = f"{configured('LINKEDIN_WWW_URL')}/oauth/v2/{path}"
    return session.ask(call, url, method="POST", data=body, headers={})


def introspect(session: ChannelSession, token: str) -> Answer:
    """Ask about an access token. It costs none of the person's daily calls."""
    return oauth("introspect", "introspectToken", session, {"token": token})


def rest(call: Call, path: str, session: ChannelSession, params: Mapping[str, str] | None = None) -> Answer:
    """Read from the Marketing API as the person. `params` must need no escaping: Rest.li's own characters stay bare."""
    url = f"{api_base(DECLARATION)}/{path}"
    headers = {"Authorization": f"Bearer {session.token}", **versions()}
    return session.ask(call, url, params=params, headers=headers)


ROLES_SIZE, DETAILS_SIZE = 100, 500  # rows of a page; LinkedIn allows 1000
MAX_PAGES = 50  # a longer list is incomplete
ROLES = "roles"  # in what was told of a log-in: its role by ad account, of the pages that were read


def accounts(session: ChannelSession, scopes: Scopes) -> AccountList:
    """Put both lists together. Raises ChannelError where the first page of roles fails.

    Any other page that failed makes the list incomplete. An account of which only the role is known is in it by its id, and one of
    which only the role is unknown too.
    """
    pages = _roles(session)
    roles, complete = next(pages), True
    try:
        for page in pages:
            roles |= page
    except ChannelError:
        complete = False
    found = {one: reading.bare_account(one, role=role, scopes=scopes) for one, role in roles.items()}
    details = Pages(lambda cursor: _details(session, cursor), most=MAX_PAGES)
    try:
        for row in (row for rows in details for row in rows):
            account = reading.account_of(row, roles=roles, scopes=scopes)
            if account is not None:
                told = complete or account.native_id in roles
                found[account.native_id] = account if told else replace(account, role_told=False)
    except ChannelError:
        complete = False
    return AccountList(tuple(found.values()), complete=complete and details.complete)


def role_on(session: ChannelSession, native_id: str) -> str:
    """Return the person's role on one ad account, "" where LinkedIn lists none. Raises ChannelError.

    The pages that were read for another one are not read again; where they do not show it, all are.
    """
    known: dict[str, str] = session.told.setdefault(ROLES, {})
    if native_id not in known:
        for page in _roles(session, "api"):
            known |= page
            if native_id in page:
                break
    return known.get(native_id, "")


def _roles(session: ChannelSession, call: Call = "list_accounts") -> Iterator[dict[str, str]]:
    """Give the roles page by page. A full page, or a total that is not reached, means that there are more. Raises ChannelError."""
    start = 0
    for _ in range(MAX_PAGES):
        params = {"q": "authenticatedUser", "start": str(start), "count": str(ROLES_SIZE)}
        answer = rest(call, "adAccountUsers", session, params)
        body = TABLE.require_ok(answer)
        rows = _rows(answer, body)
        yield reading.roles_of(rows)
        start += len(rows)
        missing = start < (number(mapping(body.get("paging")).get("total")) or 0)
        if missing and not rows:
            raise TABLE.malformed(answer, "all the rows that it counts")
        if not missing and len(rows) < ROLES_SIZE:
            return
    raise ChannelError(Classification(Verdict.TRANSIENT, Reason.TRANSIENT, row="more pages than we read"))


def _details(session: ChannelSession, cursor: str) -> tuple[list[Any], str | None]:
    """Return a page's rows of adAccounts. No search term: all that the person may see, in whatever state."""
    params = {"q": "search", "pageSize": str(DETAILS_SIZE), **({"pageToken": cursor} if cursor else {})}
    answer = rest("list_accounts", "adAccounts", session, params)
    body = TABLE.require_ok(answer)
    following = words(mapping(body.get("metadata")).get("nextPageToken"), 2000)
    return _rows(answer, body), following or None


def _rows(answer: Answer, body: dict[str, Any]) -> list[Any]:
    rows = body.get("elements")
    if not isinstance(rows, list):
        raise TABLE.malformed(answer, "a list of elements")
    return rows
