"""Snapchat behind our interface."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import quote

from tokens.channels import http
from tokens.channels.base import Channel
from tokens.channels.classifier import evidence, keys_taken, malformed
from tokens.channels.kinds import (
    HINDERED,
    AccessCheck,
    AccountList,
    Answer,
    AppKeys,
    ChannelError,
    Classification,
    Credentials,
    Grant,
    Identity,
    Inspection,
    Reason,
    Verdict,
    code_form,
    refresh_form,
)
from tokens.channels.parse import mapping, scopes_of, words
from tokens.channels.snapchat import calls, listing, policy, reading, verdicts
from tokens.channels.snapchat.declaration import DECLARATION
from users import database_clock

NOBODYS = "none"  # no token of anybody


class Snapchat(Channel):
    """OAuth 2 with access tokens of half an hour or an hour, and a refresh token without an end."""

    declaration = DECLARATION
    table = verdicts.TABLE
    id_pattern = reading.ID
    protocol = "oauth2"
    scopes = policy.SCOPES
    partial_grants = False
    admin_roles = frozenset({"Organization admin", "Account admin"})
    lifetime = policy.LIFETIME
    tells_removed_from_stopped = False
    never_happens = frozenset(
        {Reason.DATA_ACCESS_EXPIRED, Reason.EXPIRED, Reason.REFRESH_EXPIRED, Reason.PASSWORD_CHANGED}
    )
    renewal = policy.RENEWAL
    manage_url = policy.MANAGE_URL

    def exchange(self, app: AppKeys, answer: Mapping[str, str]) -> Grant:
        """Exchange the code for an access token and a refresh token."""
        form = code_form(app, answer)
        return self._grant(calls.token_endpoint("exchange", app, form))

    def identity(self, app: AppKeys, credentials: Credentials) -> Identity:
        """Ask who consented."""
        answer = calls.me(credentials.access_token)
        me = mapping(calls.require_ok(answer).get("me"))
        native_user_id = words(me.get("id"), 191).strip()
        if not native_user_id:
            raise malformed(answer, "an id", channel="snapchat")
        return Identity(native_user_id, words(me.get("display_name"), 200) or words(me.get("email"), 200))

    def renew(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Grant | None:
        """Get a new access token. A new refresh token comes with it or not; where none comes, the old one stays good."""
        if not credentials.refresh_token:
            return None
        form = refresh_form(credentials)
        answer = calls.token_endpoint("refresh", app, form, timeout=timeout)
        return self._grant(answer, renews=True)

    def _grant(self, answer: Answer, *, renews: bool = False) -> Grant:
        body = calls.require_ok(answer)
        found = reading.credentials(body)
        if found is None:
            raise malformed(answer, "a token", channel="snapchat")
        dates = reading.dates(body, database_clock.known(), renews=renews or bool(found.refresh_token))
        return Grant(found, dates, scopes_of(body.get("scope")))

    def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Inspection:
        """Ask /me. Snapchat tells neither dates nor scopes of a token; that it ran out may mean only that it needs a refresh."""
        answer = calls.me(credentials.access_token, timeout=timeout)
        me = mapping(calls.require_ok(answer).get("me"))
        native_user_id = words(me.get("id"), 191).strip()
        if not native_user_id:
            raise malformed(answer, "an id", channel="snapchat")
        return Inspection(Classification(Verdict.OK), native_user_id=native_user_id)

    def list_accounts(
        self, app: AppKeys, credentials: Credentials, identity: Identity, scopes: Iterable[str] | None
    ) -> AccountList:
        """List the ad accounts of all organizations of the person."""
        return listing.all_accounts(credentials.access_token)

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
        """Read one ad account, then the role on it. Where the role cannot be asked nothing is said of the account."""
        limit = http.Limit(timeout)
        wanted = self.canonical_id(native_id)
        answer = calls.as_user("api", f"adaccounts/{wanted}", token=credentials.access_token, timeout=timeout)
        row = listing.single(answer, wanted)
        organization_roles, told = listing.roles_on(credentials.access_token, wanted, timeout=limit.left())
        account = reading.account(row, organization_roles, told)
        if account is not None and account.restriction:
            classification = Classification(
                Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED, row="status", note=account.restriction
            )
            return AccessCheck(classification, account, evidence=evidence(answer))
        return AccessCheck(Classification(Verdict.OK), account and replace(account, restriction=""))

    def check_app(self, app: AppKeys, *, timeout: float | None = None) -> Classification | None:
        """Use a refresh token that is nobody's: Snapchat looks at the app's keys first."""
        form = {"grant_type": "refresh_token", "refresh_token": NOBODYS}
        return keys_taken(
            verdicts.TABLE.classify(calls.token_endpoint("refresh", app, form, timeout=timeout))
        )

    def revoke(self, app: AppKeys, credentials: Credentials) -> bool:
        """Ask Snapchat to end the authorisation. Best effort: no document names this call, so False may mean that there is none."""
        answer = calls.revoke(app, credentials.refresh_token or credentials.access_token)
        classification = verdicts.TABLE.classify(answer)
        if classification.verdict in HINDERED:
            raise ChannelError(classification, evidence=evidence(answer))
        return classification.verdict == Verdict.OK

    def open_url(self, native_id: str) -> str:
        """Return the ad account's page in Snapchat's Ads Manager."""
        return policy.ADS_MANAGER.format(quote(native_id.strip().lower(), safe=""))


CHANNEL = Snapchat()
