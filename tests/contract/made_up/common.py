"""What the made-up channels have in common, so that each package shows only what it needs of the seam."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from tokens.channels.addresses import configured, here
from tokens.channels.base import Channel
from tokens.channels.classifier import Facts, Row, codes
from tokens.channels.kinds import (
    AccessCheck,
    AccountList,
    Answer,
    AppKeys,
    Call,
    Dates,
    Identity,
    Lifetime,
    NativeAccount,
    Reason,
    Renewal,
    Verdict,
)  # fmt: skip
from tokens.channels.parse import mapping, words
from tokens.channels.sessions import ChannelSession, CodeGrantChannel, Scopes
from tokens.channels.verdict_table import VerdictTable

ROWS = (
    Row("no token", Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED, statuses=frozenset({401})),
    Row("app", Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes("app")),
    Row("not permitted", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, codes=codes("not_permitted")),
    Row("no renewal", Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED, codes=codes("refused")),
    Row("state", Verdict.OUR_BUG, calls=frozenset({"exchange"}), codes=codes("invalid_grant")),
)


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of an answer."""
    name = words(mapping(body).get("error"))
    return Facts(answer.call, answer.status, codes(name), shape="error" if name else "fine")


TABLE = VerdictTable("made up", ROWS, facts_of)


class Renewing(CodeGrantChannel):
    """OAuth 2 with tokens that have no end, and refresh tokens that stay as they are."""

    table = TABLE
    scopes = ()
    partial_grants = False
    pkce = False
    lifetime = Lifetime(None, never_ends=True, source="https://made-up.example", checked="2026-11-26")
    renewal: ClassVar[Renewal | None] = Renewal(
        exchange=False, source="https://made-up.example", every=timedelta(days=7)
    )
    manage_url = "https://made-up.example/apps"
    ads_manager = "https://made-up.example/accounts/{id}"

    def address(self, path: str) -> str:
        """Return the address of a path at the hosts that are being called."""
        return f"{here(self.declaration, self.declaration.api)}/{configured(self.versions.setting)}/{path}"

    def get(self, call: Call, path: str, session: ChannelSession) -> Answer:
        """Ask as the person whose token it is."""
        headers = {
            "Authorization": f"Bearer {session.token}",
            **self.more_headers(session.app, session.facts),
        }
        return session.ask(call, self.address(path), headers=headers)

    def more_headers(self, app: AppKeys, facts: Mapping[str, str]) -> Mapping[str, str]:
        """Return what this channel wants beside the token."""
        return {}

    def token_call(self, call: Call, session: ChannelSession, form: Mapping[str, str]) -> Answer:
        sent = {"client_id": session.app.client_id, "client_secret": session.app.secret, **form}
        return session.ask(call, self.address("token"), method="POST", data=sent, headers={})

    def dates_in(self, body: Mapping[str, Any], answer: Answer, now: datetime) -> Dates:
        return Dates(sources={"access": "never"})

    def ask_who(self, session: ChannelSession, call: Call) -> Answer:
        return self.get(call, "me", session)

    def person_in(self, answer: Answer, body: Mapping[str, Any]) -> Identity:
        return Identity(str(body["id"]), str(body["name"]))

    def accounts_of(self, session: ChannelSession, identity: Identity, scopes: Scopes) -> AccountList:
        body = TABLE.require_ok(self.get("list_accounts", "accounts", session))
        return AccountList(tuple(self.account(row) for row in body["accounts"]))

    def access_of(self, session: ChannelSession, native_id: str, scopes: Scopes) -> AccessCheck:
        answer = self.get("api", f"accounts/{native_id}", session)
        return self.check_of(self.account(TABLE.require_ok(answer)), of=answer, wanted=native_id)

    def account(self, row: Mapping[str, Any]) -> NativeAccount:
        """Read one ad account."""
        facts = {"manager": str(row["manager"])} if "manager" in row else {}
        return NativeAccount(str(row["id"]), str(row["name"]), role="Admin", can_publish="yes", facts=facts)


class MadeUp(Renewing):
    """One that renews nothing."""

    renewal = None
    renew = Channel.renew
