"""Facebook behind our interface."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tokens.channels import http
from tokens.channels.base import Channel
from tokens.channels.classifier import evidence, keys_taken, malformed
from tokens.channels.facebook import calls, listing, policy, pushes, reading, system_users, verdicts
from tokens.channels.facebook.declaration import DECLARATION
from tokens.channels.kinds import (
    HARMLESS,
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
)
from tokens.channels.parse import token_of
from users import database_clock

NOBODYS = "none"  # no token of anybody


class Facebook(Channel):
    """OAuth 2 without refresh tokens: a token is exchanged for one of 60 days, and again while it lives."""

    declaration = DECLARATION
    table = verdicts.TABLE
    pushes = pushes.PUSHES
    takes_config_id = True
    takes_pasted_tokens = True
    id_prefix = "act_"
    protocol = "oauth2"
    scopes = policy.SCOPES
    partial_grants = True
    admin_roles = frozenset({"Admin"})
    lifetime = policy.LIFETIME
    never_happens = frozenset({Reason.REFRESH_EXPIRED, Reason.ANSWER_LOST})
    renewal = policy.RENEWAL
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

    def exchange(self, app: AppKeys, answer: Mapping[str, str]) -> Grant:
        """Exchange the code for a token of an hour or two."""
        form = code_form(app, answer)
        return self._grant(calls.token_endpoint("exchange", app, form))

    def identity(self, app: AppKeys, credentials: Credentials) -> Identity:
        """Ask who consented."""
        return system_users.me(app, credentials.access_token)

    def complete_grant(self, app: AppKeys, grant: Grant) -> Grant:
        """Exchange for a long-lived token, and let debug_token say dates and scopes."""
        return self._complete(app, grant)[0]

    def consent(self, app: AppKeys, answer: Mapping[str, str]) -> ChannelConsent:
        """As everywhere, and both answers on who consented must agree."""
        first = self.exchange(app, answer)
        if app.config_id and (found := system_users.found_in(app, first)) is not None:
            return found  # a configuration that asks for a system user's token: there is nothing to lengthen
        grant, user_id = self._complete(app, first)
        identity = self.identity(app, grant.credentials)
        if user_id and user_id != identity.native_user_id:
            raise ChannelError(
                Classification(Verdict.TRANSIENT, Reason.TRANSIENT, row="two people in one answer")
            )
        return ChannelConsent(identity, grant)

    def inspect_pasted(self, app: AppKeys, access_token: str) -> ChannelConsent:
        """Ask debug_token about a pasted token, and /me whose it is."""
        return system_users.inspect_pasted(app, access_token)

    def _complete(self, app: AppKeys, grant: Grant) -> tuple[Grant, str]:
        """Return the final grant, and whose it is where debug_token could be asked."""
        long = self._exchange_again("exchange", app, grant.credentials)
        found = self.inspect(app, long.credentials)
        if found.classification.verdict in HARMLESS:
            return long, ""  # a consent is not lost because one question failed; the next probe asks again
        if found.classification.verdict != Verdict.OK or found.dates is None:
            raise ChannelError(found.classification, evidence=found.evidence)
        dates = reading.merged(long.dates, found.dates)
        return Grant(long.credentials, dates, found.scopes), found.native_user_id

    def renew(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Grant:
        """Exchange a living token again. The date may not move; the caller compares."""
        limit = http.Limit(timeout)
        more = system_users.renewal_form(app, credentials, timeout=limit.left())
        grant = self._exchange_again("refresh", app, credentials, more, timeout=limit.left())
        found = self.inspect(app, grant.credentials, timeout=limit.left())
        if found.dates is None:
            return grant
        return Grant(grant.credentials, reading.merged(grant.dates, found.dates), found.scopes)

    def _exchange_again(
        self,
        call: Any,
        app: AppKeys,
        credentials: Credentials,
        more: Mapping[str, str] | None = None,
        *,
        timeout: float | None = None,
    ) -> Grant:
        token = credentials.access_token
        form = {"grant_type": "fb_exchange_token", "fb_exchange_token": token, **(more or {})}
        return self._grant(calls.token_endpoint(call, app, form, timeout=timeout))

    def _grant(self, answer: Answer) -> Grant:
        body = calls.require_ok(answer)
        given = token_of(body.get("access_token"))
        if not given:
            raise malformed(answer, "a token", channel="facebook")
        return Grant(Credentials(given), reading.provider_dates(body, database_clock.known()))

    def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Inspection:
        """Ask debug_token. Where it says that data access is over, one real call decides."""
        limit = http.Limit(timeout)
        answer = calls.debug_token(app, credentials.access_token, timeout=timeout)
        classification = verdicts.TABLE.classify(answer)
        if classification.verdict != Verdict.OK:
            return Inspection(classification, evidence=evidence(answer))
        report = reading.report_of(answer.body)
        if report.app_id and report.app_id != app.client_id:
            classification = Classification(Verdict.CONFIRM_FIRST, Reason.UNKNOWN, row="token of another app")
            return Inspection(classification, evidence=evidence(answer))
        over = report.dates.data_access_expires_at
        if over is not None and over <= database_clock.known():
            classification, answer = self._data_access(app, credentials, answer, limit.left())
        return Inspection(
            classification,
            dates=report.dates,
            scopes=report.scopes,
            native_user_id=report.user_id,
            evidence={} if classification.verdict == Verdict.OK else evidence(answer),
        )

    def _data_access(
        self, app: AppKeys, credentials: Credentials, said: Answer, timeout: float | None
    ) -> tuple[Classification, Answer]:
        """Ask for data although its date has passed. A permission error then is the end of this consent; unproven, so it is asked."""
        answer = listing.page(app, credentials.access_token, "account_id", limit=1, timeout=timeout)
        classification = verdicts.TABLE.classify(answer)
        if classification.verdict == Verdict.ACCESS_LOST:
            return replace(
                classification,
                verdict=Verdict.TOKEN_DEAD,
                reason=Reason.DATA_ACCESS_EXPIRED,
                row="data access over",
            ), answer
        return Classification(Verdict.OK, row="valid"), said

    def list_accounts(
        self, app: AppKeys, credentials: Credentials, identity: Identity, scopes: Iterable[str] | None
    ) -> AccountList:
        """List the ad accounts by cursor, and what was granted for each."""
        return listing.accounts(app, credentials.access_token, identity, scopes)

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
        """Read GET /act_ID, then what was granted for it."""
        limit = http.Limit(timeout)
        wanted, token = self.canonical_id(native_id), credentials.access_token
        answer = calls.graph(
            "api",
            "GET",
            f"act_{wanted}",
            app=app,
            token=token,
            params={"fields": listing.FIELDS},
            timeout=timeout,
        )
        classification = verdicts.TABLE.classify(answer)
        if classification.verdict != Verdict.OK:
            return AccessCheck(classification, evidence=evidence(answer))
        granted = listing.granted_now(app, token, scopes, timeout=limit.left())
        account = listing.account(answer.body, granted)
        if account is None or account.native_id != wanted:
            raise malformed(answer, "the ad account", channel="facebook")
        return AccessCheck(classification, account)

    def check_app(self, app: AppKeys, *, timeout: float | None = None) -> Classification | None:
        """Ask about a string that is no token, with the app's own token."""
        return keys_taken(verdicts.TABLE.classify(calls.debug_token(app, NOBODYS, timeout=timeout)))

    def revoke(self, app: AppKeys, credentials: Credentials) -> bool:
        """Remove our app from the person's login: all their tokens of this app end. A system user's token ends alone."""
        if system_users.is_one(app, credentials):
            return system_users.revoke(app, credentials)
        answer = calls.graph("api", "DELETE", "me/permissions", app=app, token=credentials.access_token)
        return calls.require_ok(answer).get("success") in (True, "true")

    def send(self, app: AppKeys, credentials: Credentials, account: AccountFacts) -> Send:
        """The token as a header, its proof in the query."""
        token = credentials.access_token
        return Send(
            headers={"Authorization": f"Bearer {token}"},
            query={"appsecret_proof": calls.proof(app.secret, token)},
        )


CHANNEL = Facebook()
