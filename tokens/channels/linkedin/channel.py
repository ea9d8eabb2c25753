"""LinkedIn behind our interface."""

import time
from collections.abc import Mapping
from dataclasses import replace

from infra import database_clock
from tokens.channels import http
from tokens.channels.addresses import configured
from tokens.channels.classifier import evidence, keys_taken
from tokens.channels.code_grant import CodeGrantChannel
from tokens.channels.kinds import (
    DOUBTFUL,
    HINDERED,
    AccessCheck,
    AccountList,
    Answer,
    AppKeys,
    Call,
    ChannelConsent,
    ChannelError,
    Classification,
    Credentials,
    Identity,
    Inspection,
    Owner,
    Reason,
    Send,
    Verdict,
    Who,
)
from tokens.channels.linkedin import calls, paths, reading
from tokens.channels.linkedin.declaration import DECLARATION
from tokens.channels.linkedin.verdicts import TABLE
from tokens.channels.parse import mapping, spelt
from tokens.channels.sessions import ChannelSession, Scopes, nobodys_session

# A token of the last seconds may be refused as if it were taken back; projects that met this wait up to ten seconds.
# https://github.com/decioferreira/omniauth-linkedin-oauth2/issues/17 and /81
FRESH_FOR = 60.0  # seconds
PAUSE = 2.0  # seconds before a check asks once more; a person who comes back from LinkedIn waits for nothing
TOO_FRESH = "refused, but new"


class LinkedIn(CodeGrantChannel):
    """OAuth 2. A refresh token comes for apps that LinkedIn approved; its date stands from the consent on."""

    declaration = DECLARATION
    table = TABLE
    paths = paths.TABLE
    id_prefix = reading.URN
    id_pattern = reading.ID
    who = Who(("sub",), ("name",), numeric=False)
    scopes = reading.SCOPES
    partial_grants = False
    admin_roles = frozenset({"Billing admin", "Account manager"})
    lifetime = reading.LIFETIME
    tells_removed_from_stopped = False
    renewal = reading.RENEWAL
    manage_url = "https://www.linkedin.com/psettings/permitted-services"
    cancelled_errors = frozenset({"user_cancelled_login", "user_cancelled_authorize", "access_denied"})
    ads_manager = "https://www.linkedin.com/campaignmanager/accounts/{id}"

    def pause_of(self, answer: Answer) -> int:
        """A MEMBER DAY limit is one person's; an APPLICATION DAY limit is everybody's until midnight."""
        return 0 if "MEMBER" in str(mapping(answer.body).get("message")) else super().pause_of(answer)

    def token_call(self, call: Call, session: ChannelSession, form: Mapping[str, str]) -> Answer:
        """Call the token endpoint."""
        return calls.oauth(call, "accessToken", session, form)

    def consent(self, app: AppKeys, answer: Mapping[str, str]) -> ChannelConsent:
        """As everywhere. Where userinfo refuses so new a token, the ID token of the exchange says who consented: nobody waits.

        Raises ChannelError.
        """
        session = nobodys_session(app)
        given = self.exchanged(answer, session)
        grant = self.grant_in(given, session)
        try:
            return ChannelConsent(self.identity(app, grant.credentials), grant)
        except ChannelError as error:
            issuer, now = configured("LINKEDIN_WWW_URL"), database_clock.known()
            told = self.person_of(
                reading.claims_in(given.body, client_id=app.client_id, issuer=issuer, now=now)
            )
            if error.classification.verdict not in DOUBTFUL or told is None:
                raise
            return ChannelConsent(told, grant)

    def ask_who(self, session: ChannelSession, call: Call) -> Answer:
        """Ask userinfo, the one address without a version."""
        return session.ask(call, f"{configured('LINKEDIN_API_URL')}/v2/userinfo")

    def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Inspection:
        """Ask introspectToken, and once more where it refuses a token of the last minute; that token is in doubt, not dead."""
        session = ChannelSession(app, credentials, http.Limit(timeout))
        answer = calls.introspect(session, session.token)
        classification = TABLE.classify(answer)
        if answer.status == 401:
            second = calls.introspect(session, self.nobodys)
            classification = _keys_or_token(classification, second)
        if classification.verdict in DOUBTFUL and _new(answer):
            left = session.limit.left()
            if left is None or left > PAUSE:
                time.sleep(PAUSE)
                answer = calls.introspect(session, session.token)
                classification = TABLE.classify(answer)
            if classification.verdict in DOUBTFUL:
                classification = replace(classification, verdict=Verdict.CONFIRM_FIRST, row=TOO_FRESH)
        report = reading.report_of(answer.body)
        if classification.verdict == Verdict.OK and report.client_id not in ("", app.client_id):
            classification = Classification(Verdict.CONFIRM_FIRST, Reason.UNKNOWN, row="token of another app")
        if classification.verdict != Verdict.OK:
            return Inspection(classification, evidence=evidence(answer))
        return Inspection(classification, dates=report.dates, scopes=report.scopes)

    def accounts_of(self, session: ChannelSession, identity: Identity, scopes: Scopes) -> AccountList:
        """List the person's roles, then the ad accounts themselves; what only one of the two lists has is in it too."""
        return calls.accounts(session, scopes)

    def access_of(self, session: ChannelSession, native_id: str, scopes: Scopes) -> AccessCheck:
        """Read the ad account, then the person's role on it. Where the role cannot be read nothing is said of the account.

        Raises ChannelError.
        """
        answer = calls.rest("api", f"adAccounts/{native_id}", session)
        body, role = TABLE.require_ok(answer), ""
        try:
            role = calls.role_on(session, native_id)
        except ChannelError as error:
            if error.classification.verdict != Verdict.ACCESS_LOST:
                raise
        account = reading.account_of(body, roles={native_id: role}, scopes=scopes)
        return self.check_of(account, of=answer, wanted=native_id)

    def verify_app_keys(self, app: AppKeys, *, timeout: float | None = None) -> Classification:
        """Ask about a string that is no token. HTTP 400 is said of a wrong client id too, so there its words decide."""
        classification = TABLE.classify(
            calls.introspect(nobodys_session(app, http.Limit(timeout)), self.nobodys)
        )
        said = classification.note.lower()
        unclear = classification.row == "token not known" and ("token" not in said or "client" in said)
        return classification if unclear else keys_taken(classification)

    def owner_of(
        self, app: AppKeys, credentials: Credentials, of: str, object_id: str, *, timeout: float
    ) -> Owner:
        """Read an audience, which names its ad account."""
        answer = calls.rest("api", f"{of}/{object_id}", ChannelSession(app, credentials, http.Limit(timeout)))
        if not TABLE.is_ok(answer):
            return Owner(answer=answer)
        return Owner(spelt(mapping(answer.body).get("account"), reading.ID, prefix=reading.URN))

    def revoke(self, app: AppKeys, credentials: Credentials) -> bool:
        """Ask LinkedIn to take the tokens back. No document of LinkedIn mentions the call, so a failure is only told, never raised."""
        tokens = [one for one in (credentials.refresh_token, credentials.access_token) if one]
        session = ChannelSession(app, credentials)
        answers = [calls.oauth("api", "revoke", session, {"token": one}) for one in tokens]
        return bool(answers) and all(map(TABLE.is_ok, answers))

    def send(self, app: AppKeys, credentials: Credentials) -> Send:
        """The token as a header, beside the two that every versioned call needs."""
        return Send(headers={"Authorization": f"Bearer {credentials.access_token}", **calls.versions()})


def _keys_or_token(classification: Classification, second: Answer) -> Classification:
    """Decide a 401 of introspection by what LinkedIn says of a string that is nobody's token.

    401 is said of a wrong client secret, and, by a design note of LinkedIn's own, of a restricted member's token. Refused alike: the app's
    keys. Anything else that LinkedIn itself says of nobody's token shows that it takes the keys, so this token is in doubt.
    """
    if second.status == 401:
        return classification
    control = TABLE.classify(second)
    if control.verdict in HINDERED:
        return control
    reason = Reason.SUSPENDED if "restrict" in classification.note.lower() else Reason.UNKNOWN
    return Classification(
        Verdict.CONFIRM_FIRST, reason, row="refused as this member's", note=classification.note
    )


def _new(answer: Answer) -> bool:
    """Return whether introspection says that the token was made within the last minute."""
    made = reading.report_of(mapping(answer.body)).dates.issued_at
    return made is not None and (database_clock.known() - made).total_seconds() < FRESH_FOR


CHANNEL = LinkedIn()
