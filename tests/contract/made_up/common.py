"""What the made-up channels have in common, so that each package shows only what it needs of the seam."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from tokens.channels import http
from tokens.channels.addresses import configured
from tokens.channels.base import Channel
from tokens.channels.classifier import Facts, Row, codes
from tokens.channels.kinds import (
    AccessCheck,
    AccountList,
    Answer,
    AppKeys,
    Call,
    Classification,
    Credentials,
    Dates,
    Grant,
    Identity,
    Inspection,
    Lifetime,
    NativeAccount,
    Reason,
    Renewal,
    Verdict,
    code_form,
    refresh_form,
)  # fmt: skip
from tokens.channels.parse import mapping, words
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


class MadeUp(Channel):
    """OAuth 2 with a token that has no end."""

    table = TABLE
    protocol = "oauth2"
    scopes = ()
    partial_grants = False
    lifetime = Lifetime(None, never_ends=True, source="https://made-up.example", checked="2026-11-26")
    manage_url = "https://made-up.example/apps"
    ads_manager = "https://made-up.example/accounts/{id}"

    def call(
        self,
        call: Call,
        path: str,
        app: AppKeys,
        credentials: Credentials,
        *,
        facts: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Ask as the person whose token it is."""
        sent = {"Authorization": f"Bearer {credentials.access_token}", **self.more_headers(app, facts or {})}
        return http.request(
            call, "GET", self.address(path, credentials.region), headers=sent, timeout=timeout
        )

    def address(self, path: str, region: str) -> str:
        """Return the address of a path at the hosts of a region."""
        return f"{self.api_url(region)}/{configured(self.versions.setting)}/{path}"

    def more_headers(self, app: AppKeys, facts: Mapping[str, str]) -> Mapping[str, str]:
        """Return what this channel wants beside the token."""
        return {}

    def asked(self, answer: Answer) -> dict[str, Any]:
        """Return the object of a good answer. Raises ChannelError."""
        return TABLE.require_ok(answer)

    def exchange(self, app: AppKeys, answer: Mapping[str, str]) -> Grant:
        form = {**code_form(app, answer), "client_id": app.client_id, "client_secret": app.secret}
        address = self.address("token", answer.get("region", ""))
        body = self.asked(http.request("exchange", "POST", address, data=form))
        credentials = Credentials(str(body["access_token"]), str(body.get("refresh_token", "")))
        return Grant(credentials, Dates(sources={"access": "never"}))

    def identity(self, app: AppKeys, credentials: Credentials) -> Identity:
        body = self.asked(self.call("api", "me", app, credentials))
        return Identity(str(body["id"]), str(body["name"]))

    def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Inspection:
        body = self.asked(self.call("introspect", "me", app, credentials, timeout=timeout))
        return Inspection(Classification(Verdict.OK), native_user_id=str(body["id"]))

    def list_accounts(
        self, app: AppKeys, credentials: Credentials, identity: Identity, scopes: Iterable[str] | None
    ) -> AccountList:
        body = self.asked(self.call("list_accounts", "accounts", app, credentials))
        return AccountList(tuple(self.account(row) for row in body["accounts"]))

    def read_account(
        self,
        app: AppKeys,
        credentials: Credentials,
        native_id: str,
        *,
        scopes: Iterable[str] | None,
        facts: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> AccessCheck:
        path = f"accounts/{native_id}"
        answer = self.call("api", path, app, credentials, facts=facts, timeout=timeout)
        return AccessCheck(Classification(Verdict.OK), self.account(TABLE.require_ok(answer)))

    def account(self, row: Mapping[str, Any]) -> NativeAccount:
        """Read one ad account."""
        facts = {"manager": str(row["manager"])} if "manager" in row else {}
        return NativeAccount(str(row["id"]), str(row["name"]), role="Admin", can_publish="yes", facts=facts)


class Renewing(MadeUp):
    """One whose refresh tokens renew, and stay as they are."""

    renewal = Renewal(exchange=False, source="https://made-up.example", every=timedelta(days=7))

    def renew(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Grant:
        form = {**refresh_form(credentials), "client_id": app.client_id, "client_secret": app.secret}
        address = self.address("token", credentials.region)
        body = self.asked(http.request("refresh", "POST", address, data=form, timeout=timeout))
        return Grant(Credentials(str(body["access_token"])), Dates(sources={"access": "never"}))
