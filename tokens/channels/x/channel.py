"""X behind our interface."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from infra import database_clock
from tokens.channels import http, oauth1_client
from tokens.channels.base import Channel
from tokens.channels.classifier import evidence
from tokens.channels.kinds import (
    HARMLESS,
    HINDERED,
    AccessCheck,
    AccountList,
    Answer,
    AppKeys,
    Call,
    ChannelError,
    Classification,
    Credentials,
    Dates,
    Grant,
    Identity,
    Inspection,
    Reason,
    Send,
    Verdict,
    Who,
)
from tokens.channels.sessions import ChannelSession, Scopes
from tokens.channels.x import calls, paths, pushes, reading, verdicts
from tokens.channels.x.declaration import DECLARATION
from tokens.channels.x.verdicts import TABLE


class XChannel(Channel):
    """OAuth 1.0a: every request is signed, and a token has no end date."""

    declaration = DECLARATION
    table = TABLE
    paths = paths.TABLE
    id_pattern = reading.ID
    pushes = pushes.PUSHES
    # Of either API; `id` may be a number too large for some readers.
    who = Who(("id_str", "id"), ("name", "screen_name", "username"), within="data")
    signs = True
    scopes = ()
    partial_grants = False
    admin_roles = frozenset({"Account admin"})
    lifetime = reading.LIFETIME
    never_happens = frozenset(
        {
            Reason.DATA_ACCESS_EXPIRED,
            Reason.EXPIRED,
            Reason.REFRESH_EXPIRED,
            Reason.PASSWORD_CHANGED,
            Reason.ANSWER_LOST,
        }
    )
    manage_url = "https://x.com/settings/connected_apps"
    ads_manager = "https://ads.x.com/analytics/{id}"

    def pause_of(self, answer: Answer) -> int:
        """X's windows are of one token, or of one ad account: only a limit without one of them is the app's."""
        limits = ("x-rate-limit-", "x-account-rate-limit-")
        of_one = any(name.startswith(limits) for name in answer.headers)
        return 0 if of_one else super().pause_of(answer)

    def request_token(self, app: AppKeys) -> Credentials:
        """Ask X for a request token."""
        return calls.request_token(app)

    def authorize_params(self, *, again: bool = False) -> dict[str, str]:
        """Have X ask who logs in: it would else silently take whoever is logged in there."""
        return {"force_login": "true"}

    def exchange(self, app: AppKeys, answer: Mapping[str, str]) -> Grant:
        """Exchange the request token and its verifier for the person's pair, which never ends. X tells no permissions."""
        temporary = Credentials(answer["oauth_token"], secret=answer["oauth_token_secret"])
        pair = calls.access_token(app, temporary, answer["oauth_verifier"])
        return Grant(pair, Dates(database_clock.known(), sources={"access": "never"}))

    def ask_who(self, session: ChannelSession, call: Call) -> Answer:
        """Ask who consented: the newer API where our app may not ask the older one."""
        answer = calls.verify_credentials(session)
        refused = TABLE.classify(answer).row == verdicts.ACCESS_LEVEL
        return calls.users_me(session) if refused else answer

    def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Inspection:
        """Ask verify_credentials; the newer API too, where that says that there is no such page or that our app may not ask it."""
        session = ChannelSession(app, credentials, http.Limit(timeout))
        answer = calls.verify_credentials(session)
        classification = TABLE.classify(answer)
        if classification.row == verdicts.GONE_OR_MOVED:
            classification = _gone_or_moved(classification, calls.users_me(session))
        elif classification.row == verdicts.ACCESS_LEVEL:
            second = calls.users_me(session)
            judged = _by_the_newer_api(classification, second)
            answer, classification = (answer if judged is classification else second), judged
        if classification.row in {verdicts.SIGNATURE, verdicts.NOT_TOLD}:
            classification = _ours_or_the_apps(classification, calls.ask_request_token(session))
        if classification.verdict != Verdict.OK:
            return Inspection(classification, evidence=evidence(answer))
        native_user_id = self.person_in(answer, answer.body).native_user_id
        never = Dates(sources={"access": "never"})
        return Inspection(classification, dates=never, native_user_id=native_user_id)

    def accounts_of(self, session: ChannelSession, identity: Identity, scopes: Scopes) -> AccountList:
        """List the ad accounts, then ask for the role on each."""
        return calls.accounts(session)

    def access_of(self, session: ChannelSession, native_id: str, scopes: Scopes) -> AccessCheck:
        """Read one ad account, the role on it, and its payment methods. Where the role cannot be read nothing is said of the account.

        Raises ChannelError.
        """
        try:
            account = reading.account(
                TABLE.require_ok(calls.ads("api", f"accounts/{native_id}", session)).get("data")
            )
            answer = calls.ask_of(session, native_id, calls.ROLE)
            read = account and reading.with_role(account, TABLE.require_ok(answer))
        except ChannelError as error:
            return AccessCheck(_not_readable(error.classification), evidence=error.evidence)
        if read is None or read.native_id != native_id:
            raise TABLE.malformed(answer, "the account and its role")
        return self.check_of(calls.with_funding(session, read), of=answer, wanted=native_id)

    def verify_app_keys(self, app: AppKeys, *, timeout: float | None = None) -> Classification:
        """Take the first step of a handshake, which nothing but the app's keys signs."""
        return TABLE.classify(calls.ask_request_token(ChannelSession(app, calls.NOBODY, http.Limit(timeout))))

    def revoke(self, app: AppKeys, credentials: Credentials) -> bool:
        """Have X end the token. One that X has ended already counts as ended. Raises ChannelError."""
        url = calls.api("1.1/oauth/invalidate_token.json")
        answer = calls.signed("api", url, ChannelSession(app, credentials), method="POST")
        classification = TABLE.classify(answer)
        if classification.verdict == Verdict.OK or classification.row == "revoked":
            return True
        raise ChannelError(classification, evidence=evidence(answer))

    def send(self, app: AppKeys, credentials: Credentials) -> Send:
        """Nothing: each request needs its own signature."""
        return Send()

    def sign(
        self,
        app: AppKeys,
        credentials: Credentials,
        *,
        native_id: str,
        purpose: Literal["publish", "read"],
        method: str,
        url: str,
        params: Mapping[str, str],
    ) -> str:
        """Sign one request of a publishing job. Parameters in the address are signed too, so `params` leaves them out."""
        paths.check(method=method, url=url, params=params, native_id=native_id, purpose=purpose)
        return oauth1_client.header(app, credentials, method=method, url=url, params=params)


def _gone_or_moved(classification: Classification, second: Answer) -> Classification:
    """Decide 404/34, which X says both of a person who is gone and of an address that is: the newer API refuses only the person."""
    if second.status == 401:
        return replace(classification, verdict=Verdict.TOKEN_DEAD, row="gone")
    if second.status in {200, 404}:
        return Classification(Verdict.OUR_BUG, row="no such address")
    said = TABLE.classify(second)
    return said if said.verdict in HINDERED else classification


def _by_the_newer_api(classification: Classification, second: Answer) -> Classification:
    """Judge what the newer API says in place of the older one, which our app may not ask. A 401 of it names no cause."""
    if second.status == 401:
        return Classification(Verdict.CONFIRM_FIRST, Reason.UNKNOWN, row=verdicts.NOT_TOLD)
    said = TABLE.classify(second)
    return said if said.verdict in HARMLESS | {Verdict.OK} else classification


def _not_readable(classification: Classification) -> Classification:
    """Say why an account cannot even be read: the person lost it, or permitted too little when the token was given."""
    if classification.verdict != Verdict.ACCESS_LOST:
        return classification
    narrow = classification.row == verdicts.PERMITS_TOO_LITTLE
    return replace(classification, reason=Reason.SCOPE_MISSING if narrow else Reason.ACCESS_LOST)


def _ours_or_the_apps(classification: Classification, second: Answer) -> Classification:
    """Decide a refusal that may be our signature's fault by asking for a request token, which nothing but the app's keys signs.

    Refused too: operators must act. Given: we sign well, so the person's pair is in doubt.
    """
    said = TABLE.classify(second)
    if said.verdict == Verdict.APP_FAULT:
        return said
    if said.verdict == Verdict.OK:
        return replace(
            classification, verdict=Verdict.CONFIRM_FIRST, reason=Reason.UNKNOWN, row="pair in doubt"
        )
    return classification


CHANNEL = XChannel()
