"""Facebook behind our interface."""

from collections.abc import Mapping
from dataclasses import replace

from django.utils.translation import gettext

from infra import database_clock
from tokens.channels import http
from tokens.channels.classifier import evidence, keys_taken
from tokens.channels.code_grant import CodeGrantChannel
from tokens.channels.facebook import calls, paths, pushes, reading, verdicts
from tokens.channels.facebook.declaration import DECLARATION
from tokens.channels.facebook.verdicts import TABLE
from tokens.channels.kinds import (
    HARMLESS,
    AccessCheck,
    AccountList,
    Answer,
    AppKeys,
    Call,
    ChannelConsent,
    ChannelError,
    Classification,
    Credentials,
    Grant,
    Identity,
    Inspection,
    Owner,
    Reason,
    Send,
    Verdict,
    Who,
)
from tokens.channels.parse import digits, mapping, message_in
from tokens.channels.sessions import ChannelSession, Scopes


class Facebook(CodeGrantChannel):
    """OAuth 2 without refresh tokens: a token is exchanged for one of 60 days, and again while it lives."""

    declaration = DECLARATION
    table = TABLE
    paths = paths.TABLE
    pushes = pushes.PUSHES
    ids_per_app = True  # "app-scoped user IDs", developers.facebook.com/docs/facebook-login/guides/map-users
    takes_config_id = True
    takes_pasted_tokens = True
    id_prefix = "act_"
    who = Who(("id",), ("name",))
    scopes = reading.SCOPES
    partial_grants = True
    admin_roles = frozenset({"Admin"})
    lifetime = reading.LIFETIME
    never_happens = frozenset({Reason.REFRESH_EXPIRED, Reason.ANSWER_LOST})
    renewal = reading.RENEWAL
    manage_url = "https://www.facebook.com/settings?tab=business_tools"
    scope_delimiter = ","
    ads_manager = "https://adsmanager.facebook.com/adsmanager/manage/campaigns?act={id}"

    def pause_of(self, answer: Answer) -> int:
        """Only some limits are the app's own; the others are of one person, page or ad account."""
        return super().pause_of(answer) if verdicts.limits_the_app(answer) else 0

    def used_of(self, answer: Answer) -> float | None:
        """Read `X-App-Usage`."""
        return verdicts.used_of_app(answer)

    def authorize_params(self, *, again: bool = False) -> dict[str, str]:
        """Ask again for declined permissions where wanted."""
        return {"auth_type": "rerequest"} if again else {}

    def consent_query(self, app: AppKeys) -> dict[str, str]:
        """Ask by a configuration of Login for Business where the app has one: it names the permissions, and whose token comes."""
        query = super().consent_query(app)
        if not app.config_id:
            return query
        del query["scope"]
        # The kind of answer is the configuration's choice for system users, unless it is overridden by the code that we exchange.
        return {**query, "config_id": app.config_id, "override_default_response_type": "true"}

    def token_call(self, call: Call, session: ChannelSession, form: Mapping[str, str]) -> Answer:
        """Call the token endpoint with everything in the body, so that no secret is in an address."""
        body = {"client_id": session.app.client_id, "client_secret": session.app.secret, **form}
        return session.ask(call, calls.address("oauth/access_token"), method="POST", data=body, headers={})

    def grant_in(self, answer: Answer, session: ChannelSession) -> Grant:
        """Read a token. No refresh token comes with it, and what was granted debug_token says. Raises ChannelError."""
        found = super().grant_in(answer, session)
        return Grant(Credentials(found.credentials.access_token), found.dates)

    def consent(self, app: AppKeys, answer: Mapping[str, str]) -> ChannelConsent:
        """Exchange again for a long-lived token, whose dates and scopes debug_token says. Both answers on who consented must agree.

        Raises ChannelError.
        """
        first = self.exchange(app, answer)
        session = ChannelSession(app, first.credentials)
        if app.config_id and (report := calls.ask_report(session)).system:
            # A configuration that asks for a system user's token: there is nothing to lengthen.
            dates = reading.merged(first.dates, report.dates)
            return ChannelConsent(self._system_user(session), Grant(first.credentials, dates, report.scopes))
        grant, user_id = self._complete(app, first)
        identity = self.identity(app, grant.credentials)
        if user_id and user_id != identity.native_user_id:
            raise ChannelError(
                Classification(Verdict.TRANSIENT, Reason.TRANSIENT, row="two people in one answer")
            )
        return ChannelConsent(identity, grant)

    def inspect_pasted(self, app: AppKeys, access_token: str) -> ChannelConsent:
        """Ask debug_token about a pasted token, and /me whose it is. Raises ChannelError, ValueError."""
        session = ChannelSession(app, Credentials(access_token))
        report, identity = calls.inspect_pasted(session), self._system_user(session)
        if report.user_id and report.user_id != identity.native_user_id:
            raise ValueError(
                gettext("Facebook named two different users for this token. Generate a new one.")
            )
        return ChannelConsent(identity, Grant(session.credentials, report.dates, report.scopes))

    def _system_user(self, session: ChannelSession) -> Identity:
        return replace(self.identity(session.app, session.credentials), kind="system")

    def _complete(self, app: AppKeys, grant: Grant) -> tuple[Grant, str]:
        """Return the final grant, and whose it is where debug_token could be asked."""
        long = self._exchange_again("exchange", ChannelSession(app, grant.credentials))
        found = self.inspect(app, long.credentials)
        if found.classification.verdict in HARMLESS:
            return long, ""  # a consent is not lost because one question failed; the next probe asks again
        if found.classification.verdict != Verdict.OK or found.dates is None:
            raise ChannelError(found.classification, evidence=found.evidence)
        dates = reading.merged(long.dates, found.dates)
        return Grant(long.credentials, dates, found.scopes), found.native_user_id

    def renew(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Grant:
        """Exchange a living token again; a system user's must name its 60 days anew. The date may not move; the caller compares."""
        session = ChannelSession(app, credentials, http.Limit(timeout))
        before = calls.known_report(session)
        more = {"set_token_expires_in_60_days": "true"} if before is not None and before.system else {}
        grant = self._exchange_again("refresh", session, more)
        if before is not None and grant.dates.access_expires_at is not None:
            # Nothing but the access date moves: scopes and data access are of the consent.
            return Grant(grant.credentials, reading.filled(grant.dates, before.dates), before.scopes)
        found = self.inspect(app, grant.credentials, timeout=session.limit.left())
        if found.dates is None:
            return grant
        return Grant(grant.credentials, reading.merged(grant.dates, found.dates), found.scopes)

    def _exchange_again(
        self, call: Call, session: ChannelSession, more: Mapping[str, str] | None = None
    ) -> Grant:
        form = {"grant_type": "fb_exchange_token", "fb_exchange_token": session.token, **(more or {})}
        return self.grant_in(self.token_call(call, session, form), session)

    def ask_who(self, session: ChannelSession, call: Call) -> Answer:
        """Ask /me."""
        return calls.graph(call, "me", session, {"fields": "id,name"})

    def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Inspection:
        """Ask debug_token. Where it says that data access is over, one real call decides."""
        session = ChannelSession(app, credentials, http.Limit(timeout))
        answer = calls.debug_token(session)
        report = reading.report_of(TABLE.require_ok(answer))
        if report.app_id and report.app_id != app.client_id:
            classification = Classification(Verdict.CONFIRM_FIRST, Reason.UNKNOWN, row="token of another app")
            return Inspection(classification, evidence=evidence(answer))
        classification = Classification(Verdict.OK, row="valid")
        over = report.dates.data_access_expires_at
        if over is not None and over <= database_clock.known():
            classification, answer = self._data_access(session, answer)
        return Inspection(
            classification,
            dates=report.dates,
            scopes=report.scopes,
            native_user_id=report.user_id,
            evidence={} if classification.verdict == Verdict.OK else evidence(answer),
            told={calls.REPORT: report},
        )

    def _data_access(self, session: ChannelSession, said: Answer) -> tuple[Classification, Answer]:
        """Ask for data although its date has passed. A permission error then is the end of this consent; unproven, so it is asked."""
        answer = calls.page(session, "account_id", 1)
        found = TABLE.classify(answer)
        if found.reason not in {Reason.ACCESS_LOST, Reason.SCOPE_MISSING}:
            return Classification(Verdict.OK, row="valid"), said
        dead, reason = Verdict.TOKEN_DEAD, Reason.DATA_ACCESS_EXPIRED
        return replace(found, verdict=dead, reason=reason, row="data access over"), answer

    def accounts_of(self, session: ChannelSession, identity: Identity, scopes: Scopes) -> AccountList:
        """List the ad accounts by cursor, and what was granted for each."""
        return calls.accounts(session, identity, scopes)

    def access_of(self, session: ChannelSession, native_id: str, scopes: Scopes) -> AccessCheck:
        """Read GET /act_ID, then what was granted for it. Raises ChannelError."""
        answer = calls.graph("api", f"act_{native_id}", session, {"fields": calls.FIELDS})
        body = TABLE.require_ok(answer)
        account = calls.account(body, calls.granted_now(session, scopes))
        return self.check_of(account, of=answer, wanted=native_id)

    def owner_of(
        self, app: AppKeys, credentials: Credentials, of: str, object_id: str, *, timeout: float
    ) -> Owner:
        """Read `account_id`, which every object of the Marketing API has; what has none belongs to no ad account."""
        session = ChannelSession(app, credentials, http.Limit(timeout))
        answer = calls.graph("api", object_id, session, {"fields": "account_id"})
        if TABLE.is_ok(answer):
            return Owner(digits(mapping(answer.body).get("account_id")))
        lacks_it = "nonexisting field (account_id)" in message_in(
            mapping(answer.body).get("error"), "message"
        )
        return Owner() if lacks_it else Owner(answer=answer)

    def verify_app_keys(self, app: AppKeys, *, timeout: float | None = None) -> Classification:
        """Ask about a string that is no token, with the app's own token."""
        session = ChannelSession(app, Credentials(self.nobodys), http.Limit(timeout))
        return keys_taken(TABLE.classify(calls.debug_token(session)))

    def revoke(self, app: AppKeys, credentials: Credentials) -> bool:
        """Remove our app from the person's login: all their tokens of this app end. A system user's token ends alone."""
        session = ChannelSession(app, credentials)
        if calls.is_system_user(session):
            return calls.revoke_system_user(session)
        answer = calls.graph("api", "me/permissions", session, method="DELETE")
        return TABLE.require_ok(answer).get("success") in (True, "true")

    def send(self, app: AppKeys, credentials: Credentials) -> Send:
        """The token as a header, its proof in the query."""
        token = credentials.access_token
        proof = {"appsecret_proof": calls.proof(app.secret, token)}
        return Send(headers={"Authorization": f"Bearer {token}"}, query=proof)


CHANNEL = Facebook()
