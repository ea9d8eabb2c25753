"""LinkedIn behind our interface."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from tokens.channels import http
from tokens.channels.base import Channel
from tokens.channels.classifier import evidence, keys_taken, malformed
from tokens.channels.kinds import (
    DOUBTFUL,
    HINDERED,
    AccessCheck,
    AccountFacts,
    AccountList,
    Answer,
    AppKeys,
    ChannelConsent,
    ChannelError,
    Classification,
    Credentials,
    Grant,
    Identity,
    Inspection,
    Reason,
    Send,
    Verdict,
    code_form,
    refresh_form,
)
from tokens.channels.linkedin import calls, listing, policy, reading, verdicts
from tokens.channels.linkedin.declaration import DECLARATION
from tokens.channels.parse import mapping, scopes_of, token_of, words
from users import database_clock

# A token of the last seconds may be refused as if it were taken back; projects that met this wait up to ten seconds.
# https://github.com/decioferreira/omniauth-linkedin-oauth2/issues/17 and /81
FRESH_FOR = 60.0  # seconds
PAUSE = 2.0  # seconds before a check asks once more; a person who comes back from LinkedIn waits for nothing
TOO_FRESH = "refused, but new"
NOBODYS = "none"  # no token of anybody


class LinkedIn(Channel):
    """OAuth 2. A refresh token comes for apps that LinkedIn approved; its date stands from the consent on."""

    declaration = DECLARATION
    table = verdicts.TABLE
    id_prefix = reading.URN
    id_pattern = reading.ID
    protocol = "oauth2"
    scopes = policy.SCOPES
    partial_grants = False
    admin_roles = frozenset({"Billing admin", "Account manager"})
    lifetime = policy.LIFETIME
    tells_removed_from_stopped = False
    renewal = policy.RENEWAL
    manage_url = "https://www.linkedin.com/psettings/permitted-services"
    cancelled_errors = verdicts.CANCELLED
    ads_manager = "https://www.linkedin.com/campaignmanager/accounts/{id}"

    def pause_of(self, answer: Answer) -> int:
        """A MEMBER DAY limit is one person's; an APPLICATION DAY limit is everybody's until midnight."""
        return 0 if "MEMBER" in str(mapping(answer.body).get("message")) else super().pause_of(answer)

    def exchange(self, app: AppKeys, answer: Mapping[str, str]) -> Grant:
        """Exchange the code for an access token, and a refresh token where the app may have one."""
        return _grant(self._exchanged(app, answer))

    def _exchanged(self, app: AppKeys, answer: Mapping[str, str]) -> Answer:
        form = code_form(app, answer)
        return calls.oauth("exchange", "accessToken", app, form)

    def consent(self, app: AppKeys, answer: Mapping[str, str]) -> ChannelConsent:
        """As everywhere. Where userinfo refuses so new a token, the ID token of the exchange says who consented: nobody waits."""
        given = self._exchanged(app, answer)
        grant = self.complete_grant(app, _grant(given))
        try:
            return ChannelConsent(self.identity(app, grant.credentials), grant)
        except ChannelError as error:
            told = reading.identity_of(given.body, app.client_id, database_clock.known())
            if error.classification.verdict not in DOUBTFUL or told is None:
                raise
            return ChannelConsent(told, grant)

    def complete_grant(self, app: AppKeys, grant: Grant) -> Grant:
        """Let introspection say what the exchange did not. A consent is not lost because that question failed."""
        if grant.dates.access_expires_at is not None and grant.scopes is not None:
            return grant
        answer = self._introspect(app, grant.credentials)
        if verdicts.TABLE.classify(answer).verdict != Verdict.OK:
            return grant
        report = reading.report_of(answer.body)
        scopes = report.scopes if grant.scopes is None else grant.scopes
        return replace(grant, dates=reading.filled(grant.dates, report.dates), scopes=scopes)

    def identity(self, app: AppKeys, credentials: Credentials) -> Identity:
        """Ask who consented."""
        answer = calls.userinfo(credentials.access_token)
        body = calls.require_ok(answer)
        native_user_id = words(body.get("sub"), 191).strip()
        if not native_user_id:
            raise malformed(answer, "an id", channel="linkedin")
        return Identity(native_user_id, words(body.get("name"), 200))

    def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Inspection:
        """Ask introspectToken, and once more where it refuses a token of the last minute; that token is in doubt, not dead."""
        limit = http.Limit(timeout)
        answer = self._introspect(app, credentials, timeout)
        classification = verdicts.TABLE.classify(answer)
        if answer.status == 401:
            classification = _keys_or_token(
                classification, calls.introspect(app, NOBODYS, timeout=limit.left())
            )
        if classification.verdict in DOUBTFUL and _new(answer):
            left = limit.left()
            if left is None or left > PAUSE:
                time.sleep(PAUSE)
                answer = self._introspect(app, credentials, limit.left())
                classification = verdicts.TABLE.classify(answer)
            if classification.verdict in DOUBTFUL:
                classification = replace(classification, verdict=Verdict.CONFIRM_FIRST, row=TOO_FRESH)
        report = reading.report_of(answer.body)
        if classification.verdict == Verdict.OK and report.client_id not in ("", app.client_id):
            classification = Classification(Verdict.CONFIRM_FIRST, Reason.UNKNOWN, row="token of another app")
        if classification.verdict != Verdict.OK:
            return Inspection(classification, evidence=evidence(answer))
        return Inspection(classification, dates=report.dates, scopes=report.scopes)

    def _introspect(self, app: AppKeys, credentials: Credentials, timeout: float | None = None) -> Answer:
        return calls.introspect(app, credentials.access_token, timeout=timeout)

    def list_accounts(
        self, app: AppKeys, credentials: Credentials, identity: Identity, scopes: Iterable[str] | None
    ) -> AccountList:
        """List the person's roles, then the ad accounts themselves; what only one of the two lists has is in it too."""
        token = credentials.access_token
        return listing.accounts(
            token, listing.roles_page(token, 0), None if scopes is None else tuple(scopes)
        )

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
        """Read the ad account, then the person's role on it. Where the role cannot be read nothing is said of the account."""
        limit = http.Limit(timeout)
        native_id, token = self.canonical_id(native_id), credentials.access_token
        answer = calls.rest("api", f"adAccounts/{native_id}", token=token, timeout=timeout)
        classification = verdicts.TABLE.classify(answer)
        if classification.verdict != Verdict.OK:
            return AccessCheck(classification, evidence=evidence(answer))
        role = ""
        try:
            role = listing.role_on(token, native_id, limit)
        except ChannelError as error:
            if error.classification.verdict != Verdict.ACCESS_LOST:
                raise
        account = reading.account_of(answer.body, roles={native_id: role}, scopes=scopes)
        if account is None or account.native_id != native_id:
            raise malformed(answer, "the ad account", channel="linkedin")
        if account.restriction:
            row, note = "status", account.restriction
            classification = Classification(Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED, row=row, note=note)
        return AccessCheck(classification, account)

    def renew(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Grant | None:
        """Take a new access token for the refresh token; None without one. The refresh token's own date does not move."""
        if not credentials.refresh_token:
            return None
        form = refresh_form(credentials)
        return _grant(calls.oauth("refresh", "accessToken", app, form, timeout=timeout))

    def check_app(self, app: AppKeys, *, timeout: float | None = None) -> Classification | None:
        """Ask about a string that is no token. HTTP 400 is said of a wrong client id too, so there its words decide."""
        classification = verdicts.TABLE.classify(calls.introspect(app, NOBODYS, timeout=timeout))
        said = classification.note.lower()
        unclear = classification.row == "token not known" and ("token" not in said or "client" in said)
        return classification if unclear else keys_taken(classification)

    def revoke(self, app: AppKeys, credentials: Credentials) -> bool:
        """Ask LinkedIn to take the tokens back. No document of LinkedIn mentions the call, so a failure is only told, never raised."""
        tokens = [one for one in (credentials.refresh_token, credentials.access_token) if one]
        answers = [calls.oauth("api", "revoke", app, {"token": one}) for one in tokens]
        return bool(answers) and all(verdicts.TABLE.classify(one).verdict == Verdict.OK for one in answers)

    def send(self, app: AppKeys, credentials: Credentials, account: AccountFacts) -> Send:
        """The token as a header, beside the two that every versioned call needs."""
        return Send(headers={"Authorization": f"Bearer {credentials.access_token}", **calls.versions()})


def _keys_or_token(classification: Classification, second: Answer) -> Classification:
    """Decide a 401 of introspection by what LinkedIn says of a string that is nobody's token.

    401 is said of a wrong client secret, and, by a design note of LinkedIn's own, of a restricted member's token. Refused alike: the app's
    keys. Anything else that LinkedIn itself says of nobody's token shows that it takes the keys, so this token is in doubt.
    """
    control = verdicts.TABLE.classify(second)
    if second.status == 401 or control.verdict in HINDERED:
        return classification if second.status == 401 else control
    reason = Reason.SUSPENDED if "restrict" in classification.note.lower() else Reason.UNKNOWN
    return Classification(
        Verdict.CONFIRM_FIRST, reason, row="refused as this member's", note=classification.note
    )


def _grant(answer: Answer) -> Grant:
    """Read a token endpoint's answer. Raises ChannelError."""
    body = calls.require_ok(answer)
    access, refresh = token_of(body.get("access_token")), token_of(body.get("refresh_token"))
    if not access:
        raise malformed(answer, "a token", channel="linkedin")
    dates = reading.grant_dates(body, database_clock.known())
    return Grant(Credentials(access, refresh_token=refresh), dates, scopes_of(body.get("scope")))


def _new(answer: Answer) -> bool:
    """Return whether introspection says that the token was made within the last minute."""
    made = reading.report_of(mapping(answer.body)).dates.issued_at
    return made is not None and (database_clock.known() - made).total_seconds() < FRESH_FOR


CHANNEL = LinkedIn()
