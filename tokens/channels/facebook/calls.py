"""Facebook's native calls, and the lists that are put together from them.

The token travels in a header, and every call with one carries appsecret_proof.

debug_token takes the inspected token as a query parameter: the vendor documents no other way.

System users belong to a business, not to a person. Their tokens never end, or end after 60 days.
https://developers.facebook.com/docs/business-management-apis/system-users/install-apps-and-generate-tokens
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext

from tokens.channels.addresses import api_base
from tokens.channels.facebook import reading
from tokens.channels.facebook.declaration import DECLARATION
from tokens.channels.facebook.verdicts import TABLE
from tokens.channels.kinds import AccountList, Answer, Call, Identity, NativeAccount
from tokens.channels.paging import Pages
from tokens.channels.parse import mapping, words
from tokens.channels.pushes import hmac_sha256
from tokens.channels.sessions import ChannelSession, Scopes


def address(path: str) -> str:
    """Return the address of a Graph path without a leading slash."""
    return f"{api_base(DECLARATION)}/{path}"


def proof(secret: str, token: str) -> str:
    """Return appsecret_proof: the token's HMAC-SHA256 under the app secret, in hex."""
    return hmac_sha256(secret, token.encode()).hex()


def graph(
    call: Call,
    path: str,
    session: ChannelSession,
    params: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    data: Mapping[str, str] | None = None,
) -> Answer:
    """Call the Graph API as the native user; `data` is a form in the body."""
    proven = {**(params or {}), "appsecret_proof": proof(session.app.secret, session.token)}
    return session.ask(call, address(path), method=method, params=proven, data=data)


def debug_token(session: ChannelSession) -> Answer:
    """Ask about a token, authenticated as the app."""
    headers = {"Authorization": f"Bearer {session.app.client_id}|{session.app.secret}"}
    params = {"input_token": session.token}
    return session.ask("introspect", address("debug_token"), params=params, headers=headers)


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
    edge, granted = edge_of(identity), None
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
    return graph("list_accounts", edge, session, params)


def granted_now(session: ChannelSession, scopes: Scopes) -> Granted:
    """Ask what was granted now, ad account by ad account, once for all of a log-in; else go by the stored scopes."""
    report: reading.DebugReport | None = session.told.get(REPORT)
    if report is None:
        answer = debug_token(session)
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
    paging = mapping(body.get("paging"))
    return body["data"], words(mapping(paging.get("cursors")).get("after")) if paging.get("next") else None


def ask_report(session: ChannelSession) -> reading.DebugReport:
    """Ask debug_token. Raises ChannelError where the token is not valid, or nothing is said."""
    return reading.report_of(TABLE.require_ok(debug_token(session)))


def inspect_pasted(session: ChannelSession) -> reading.DebugReport:
    """Look at a pasted token. Raises ChannelError where Facebook refuses it, ValueError where it is another kind of token."""
    report = ask_report(session)
    if report.app_id and report.app_id != session.app.client_id:
        raise ValueError(
            gettext(
                "This token belongs to another app. Generate one for the app of this installation: Business settings > System users."
            )
        )
    if not report.system:
        raise ValueError(
            gettext(
                "This is not a system user's token. A person links his own log-in himself, under Link an account."
            )
        )
    return report


def edge_of(identity: Identity) -> str:
    """Return where the ad accounts of this user are listed."""
    if identity.kind == "system" and identity.native_user_id.isdigit():
        return f"{identity.native_user_id}/assigned_ad_accounts"
    return "me/adaccounts"


def known_report(session: ChannelSession) -> reading.DebugReport | None:
    """Ask debug_token about a token of our app. None where Facebook does not answer, or speaks of another app."""
    answer = debug_token(session)
    if not TABLE.is_ok(answer):
        return None
    report = reading.report_of(answer.body)
    return report if report.app_id in {"", session.app.client_id} else None


def is_system_user(session: ChannelSession) -> bool:
    """Return whether the token is a system user's; where Facebook does not answer, it is taken for a person's."""
    report = known_report(session)
    return report is not None and report.system


def revoke_system_user(session: ChannelSession) -> bool:
    """End one token. The vendor shows a GET with both tokens in the address; ours are in the body (unproven, see the channel's page).

    Raises ChannelError.
    """
    app = session.app
    body = {"client_id": app.client_id, "client_secret": app.secret, "revoke_token": session.token}
    answer = graph("api", "oauth/revoke", session, method="POST", data=body)
    return TABLE.require_ok(answer).get("success") in (True, "true")
