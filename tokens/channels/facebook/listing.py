"""A person's or system user's ad accounts, page by page, and what was granted for each."""

from dataclasses import dataclass, replace
from typing import Any

from tokens.channels.facebook import calls, reading, system_users
from tokens.channels.facebook.verdicts import TABLE
from tokens.channels.kinds import AccountList, Answer, Identity, NativeAccount
from tokens.channels.paging import Pages
from tokens.channels.parse import mapping, words
from tokens.channels.sessions import ChannelSession, Scopes

PAGE_SIZE, MAX_PAGES = 100, 50
REPORT = "debug_token"  # in what was told of a log-in: its DebugReport
FIELDS = "account_id,name,account_status,disable_reason,currency,timezone_name,user_tasks,business_name"


@dataclass(frozen=True)
class Granted:
    """What the person granted: the scopes, and for which ad accounts publishing was ticked (None: not told)."""

    scopes: Scopes
    publishing_ids: frozenset[str] | None = None
    told: bool = True  # false: the question failed, so that nobody knows whether publishing is ticked


def accounts(session: ChannelSession, identity: Identity, scopes: Scopes) -> AccountList:
    """List the ad accounts by cursor. The address of the next page, which holds the token, is not used. Raises ChannelError."""
    edge, granted = system_users.edge(identity), None
    found: list[NativeAccount] = []
    pages = Pages(lambda after: _rows(page(session, FIELDS, PAGE_SIZE, after, edge)), most=MAX_PAGES)
    for rows in pages:
        granted = granted or granted_now(session, scopes)
        read = (account(row, granted) for row in rows)
        found += [one for one in read if one is not None]
    return AccountList(tuple(found), complete=pages.complete)


def page(
    session: ChannelSession, fields: str, limit: int, after: str = "", edge: str = "me/adaccounts"
) -> Answer:
    """Ask for one page of ad accounts, from a cursor on. `limit` is a number of rows."""
    params = {"fields": fields, "limit": str(limit), **({"after": after} if after else {})}
    return calls.graph("list_accounts", edge, session, params)


def granted_now(session: ChannelSession, scopes: Scopes) -> Granted:
    """Ask what was granted now, ad account by ad account, once for all of a log-in; else go by the stored scopes."""
    report: reading.DebugReport | None = session.told.get(REPORT)
    if report is None:
        answer = calls.debug_token(session)
        if not TABLE.is_ok(answer):
            return Granted(scopes, told=False)
        report = session.told[REPORT] = reading.report_of(answer.body)
    return Granted(scopes if report.scopes is None else report.scopes, report.publishing_ids)


def account(row: Any, granted: Granted) -> NativeAccount | None:
    """Read one ad account in the light of what was granted; None where it has no usable id."""
    found = reading.account_of(row, scopes=granted.scopes, publishing_ids=granted.publishing_ids)
    if found is None or granted.told or found.can_publish != "yes":
        return found
    return replace(found, can_publish="unknown", role_told=False)


def _rows(answer: Answer) -> tuple[list[Any], str | None]:
    """Return a page's rows and the cursor of the next one: None on the last, "" where more is promised without a cursor."""
    body = TABLE.require_ok(answer)
    rows = body.get("data")
    if not isinstance(rows, list):
        raise TABLE.malformed(answer, "a list")
    paging = mapping(body.get("paging"))
    return rows, words(mapping(paging.get("cursors")).get("after")) if paging.get("next") else None
