"""Snapchat behind our interface."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from tokens.channels import http
from tokens.channels.classifier import evidence
from tokens.channels.code_grant import CodeGrantChannel
from tokens.channels.kinds import (
    HINDERED,
    AccessCheck,
    AccountList,
    Answer,
    AppKeys,
    Call,
    ChannelError,
    Credentials,
    Dates,
    DateSource,
    Identity,
    Owner,
    Reason,
    Verdict,
    Who,
)
from tokens.channels.parse import mapping, token_of
from tokens.channels.sessions import ChannelSession, Scopes, dates_of
from tokens.channels.snapchat import calls, paths, reading
from tokens.channels.snapchat.declaration import DECLARATION
from tokens.channels.snapchat.verdicts import TABLE


class Snapchat(CodeGrantChannel):
    """OAuth 2 with access tokens of half an hour or an hour, and a refresh token without an end."""

    declaration = DECLARATION
    table = TABLE
    paths = paths.TABLE
    id_pattern = reading.ID
    who = Who(("id",), ("display_name", "email"), within="me", numeric=False)
    scopes = reading.SCOPES
    partial_grants = False
    admin_roles = frozenset({"Organization admin", "Account admin"})
    lifetime = reading.LIFETIME
    tells_removed_from_stopped = False
    never_happens = frozenset(
        {Reason.DATA_ACCESS_EXPIRED, Reason.EXPIRED, Reason.REFRESH_EXPIRED, Reason.PASSWORD_CHANGED}
    )
    renewal = reading.RENEWAL
    calls_a_second = reading.CALLS_A_SECOND
    manage_url = "https://accounts.snapchat.com/accounts/oauth2/apps"
    ads_manager = "https://ads.snapchat.com/{id}"  # the ad account's id comes first in all its addresses

    def token_call(self, call: Call, session: ChannelSession, form: Mapping[str, str]) -> Answer:
        """Call the token endpoint."""
        return calls.as_app(call, "login/oauth2/access_token", session, form)

    def dates_in(self, body: Mapping[str, Any], answer: Answer, now: datetime) -> Dates:
        """Read the access token's end. A refresh token has none; where a renewal brings no new one, the old one stays good."""
        dates = dates_of(body, now)
        renews = answer.call == "refresh" or token_of(body.get("refresh_token")) != ""
        never: dict[str, DateSource] = {"refresh": "never"} if renews else {}
        access: dict[str, DateSource] = {"access": "provider"} if dates.access_expires_at else {}
        return replace(dates, refresh_expires_at=None, sources={**access, **never})

    def ask_who(self, session: ChannelSession, call: Call) -> Answer:
        """Ask /me. Snapchat tells neither dates nor scopes of a token; that it ran out may mean only that it needs a refresh."""
        return calls.as_user(call, "me", session)

    def accounts_of(self, session: ChannelSession, identity: Identity, scopes: Scopes) -> AccountList:
        """List the ad accounts of all organizations of the person."""
        return calls.all_accounts(session)

    def access_of(self, session: ChannelSession, native_id: str, scopes: Scopes) -> AccessCheck:
        """Read one ad account, then the role on it. Where the role cannot be asked nothing is said of the account."""
        answer = calls.as_user("api", f"adaccounts/{native_id}", session)
        row = calls.single(answer, native_id)
        account = reading.account(row, *calls.roles_on(session, native_id))
        shown = account and replace(account, restriction=account.restriction or "")
        return self.check_of(shown, of=answer, wanted=native_id)

    def owner_of(
        self, app: AppKeys, credentials: Credentials, of: str, object_id: str, *, timeout: float
    ) -> Owner:
        """Read the object, and what it belongs to: an ad its ad squad, that its campaign, that its ad account."""
        session, kind, native_id = ChannelSession(app, credentials, http.Limit(timeout)), of, object_id
        while kind:
            if kind not in paths.OWNED:
                return Owner()
            singular, field, above = paths.OWNED[kind]
            answer = calls.as_user("api", f"{kind}/{native_id}", session)
            rows, _ = reading.items(mapping(answer.body), kind, singular)
            if not TABLE.is_ok(answer):
                return Owner(answer=answer)
            native_id = reading.id_of(rows[0].get(field)) if len(rows) == 1 else ""
            kind = above if native_id else ""
        return Owner(native_id)

    def revoke(self, app: AppKeys, credentials: Credentials) -> bool:
        """Ask Snapchat to end the authorisation. Best effort: no document names this call, so False may mean that there is none.

        Raises ChannelError where Snapchat did not answer the question.
        """
        answer = calls.revoke(ChannelSession(app, credentials))
        classification = TABLE.classify(answer)
        if classification.verdict in HINDERED:
            raise ChannelError(classification, evidence=evidence(answer))
        return classification.verdict == Verdict.OK


CHANNEL = Snapchat()
