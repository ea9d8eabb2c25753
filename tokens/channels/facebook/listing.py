"""A person's or system user's ad accounts, page by page, and what was granted for each."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from tokens.channels.classifier import malformed
from tokens.channels.facebook import calls, reading, system_users, verdicts
from tokens.channels.kinds import AccountList, Answer, AppKeys, ChannelError, Identity, NativeAccount, Verdict
from tokens.channels.parse import mapping, words

PAGE_SIZE, MAX_PAGES = 100, 50
FIELDS = "account_id,name,account_status,disable_reason,currency,timezone_name,user_tasks,business_name"


@dataclass(frozen=True)
class Granted:
    """What the person granted: the scopes, and for which ad accounts publishing was ticked (None: not told)."""

    scopes: tuple[str, ...] | None
    publishing_ids: frozenset[str] | None = None
    told: bool = True  # false: the question failed, so that nobody knows whether publishing is ticked


def accounts(app: AppKeys, token: str, identity: Identity, scopes: Iterable[str] | None) -> AccountList:
    """List the ad accounts by cursor. The address of the next page, which holds the token, is not used.

    Raises ChannelError where the first page fails; a later one makes the list incomplete.
    """
    edge = system_users.edge(identity)
    found: list[NativeAccount] = []
    after: str | None = ""
    seen: set[str] = set()
    granted: Granted | None = None
    while after is not None and after not in seen and len(seen) < MAX_PAGES:
        seen.add(after)
        try:
            rows, after = _rows(page(app, token, FIELDS, limit=PAGE_SIZE, after=after, edge=edge))
        except ChannelError:
            if len(seen) == 1:
                raise
            return AccountList(tuple(found), complete=False)
        granted = granted or granted_now(app, token, scopes)
        read = (account(row, granted) for row in rows)
        found += [one for one in read if one is not None]
    return AccountList(tuple(found), complete=after is None)


def page(
    app: AppKeys,
    token: str,
    fields: str,
    *,
    limit: int,
    after: str = "",
    edge: str = "me/adaccounts",
    timeout: float | None = None,
) -> Answer:
    """Ask for one page of ad accounts, from a cursor on."""
    params = {"fields": fields, "limit": str(limit), **({"after": after} if after else {})}
    return calls.graph("list_accounts", "GET", edge, app=app, token=token, params=params, timeout=timeout)


def granted_now(
    app: AppKeys, token: str, scopes: Iterable[str] | None, *, timeout: float | None = None
) -> Granted:
    """Ask what was granted now, ad account by ad account; else go by the stored scopes."""
    known = None if scopes is None else tuple(scopes)
    answer = calls.debug_token(app, token, timeout=timeout)
    if verdicts.TABLE.classify(answer).verdict != Verdict.OK:
        return Granted(known, told=False)
    report = reading.report_of(answer.body)
    return Granted(known if report.scopes is None else report.scopes, report.publishing_ids)


def account(row: Any, granted: Granted) -> NativeAccount | None:
    """Read one ad account in the light of what was granted; None where it has no usable id."""
    found = reading.account_of(row, scopes=granted.scopes, publishing_ids=granted.publishing_ids)
    if found is None or granted.told or found.can_publish != "yes":
        return found
    return replace(found, can_publish="unknown", role_told=False)


def _rows(answer: Answer) -> tuple[list[Any], str | None]:
    """Return a page's rows and the cursor of the next one: None on the last, "" where more is promised without a cursor."""
    body = calls.require_ok(answer)
    rows = body.get("data")
    if not isinstance(rows, list):
        raise malformed(answer, "a list", channel="facebook")
    paging = mapping(body.get("paging"))
    more = bool(paging.get("next"))
    return rows, words(mapping(paging.get("cursors")).get("after")) if more else None
