"""Pinterest behind our interface."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tokens import scrub
from tokens.channels import http
from tokens.channels.base import Channel
from tokens.channels.classifier import evidence, keys_taken, malformed
from tokens.channels.kinds import (
    HINDERED,
    START_AGAIN,
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
    NativeAccount,
    Reason,
    Verdict,
    code_form,
    refresh_form,
)
from tokens.channels.parse import scopes_of, token_of, words
from tokens.channels.pinterest import calls, listing, policy, reading, verdicts
from tokens.channels.pinterest.declaration import DECLARATION
from users import database_clock

DOUBT = Classification(Verdict.CONFIRM_FIRST, Reason.UNKNOWN, row="refused, though the app's keys are fine")
KEYS = Classification(Verdict.APP_FAULT, Reason.APP_FAULT, row="app keys")


class Pinterest(Channel):
    """OAuth 2 with refresh tokens that rotate: a pair of 30 and 60 days, both of which start again with every renewal."""

    declaration = DECLARATION
    table = verdicts.TABLE
    canonical = reading.canonical_id
    protocol = "oauth2"
    scopes = policy.SCOPES
    partial_grants = False
    admin_roles = frozenset({"Owner", "Admin"})
    lifetime = policy.LIFETIME
    tells_removed_from_stopped = False
    renewal = policy.RENEWAL
    manage_url = policy.MANAGE_URL
    scope_delimiter = ","
    ads_manager = "https://ads.pinterest.com/advertiser/{id}/"

    def exchange(self, app: AppKeys, answer: Mapping[str, str]) -> Grant:
        """Exchange the code. Apps of before 2025-09-25 must ask for a refresh token that renewal keeps alive."""
        form = {**code_form(app, answer), "continuous_refresh": "true"}
        return self._grant(app, calls.token_endpoint("exchange", app, form))

    def renew(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Grant | None:
        """Use the refresh token. Both tokens of the answer replace the old ones, which may be void from then on."""
        if not credentials.refresh_token:
            return None
        limit = http.Limit(timeout)
        form = refresh_form(credentials)
        return self._grant(app, calls.token_endpoint("refresh", app, form, timeout=limit.left()), limit)

    def _grant(self, app: AppKeys, answer: Answer, limit: http.Limit | None = None) -> Grant:
        classification = verdicts.TABLE.classify(answer)
        if verdicts.keys_in_doubt(answer):
            timeout = None if limit is None else limit.left()
            classification = _keys_or_grant(
                answer, classification, calls.ask_about_keys(app, timeout=timeout)
            )
        if classification.verdict != Verdict.OK:
            raise ChannelError(classification, evidence=evidence(answer))
        body = calls.require_ok(answer)
        access_token = token_of(body.get("access_token"))
        if not access_token:
            raise malformed(answer, "a token", channel="pinterest")
        credentials = Credentials(access_token, token_of(body.get("refresh_token")))
        dates = reading.dates_of(body, database_clock.known())
        return Grant(credentials, dates, scopes_of(body.get("scope")))

    def identity(self, app: AppKeys, credentials: Credentials) -> Identity:
        """Ask who consented. The name is the business's where there is one."""
        answer = calls.get("introspect", "user_account", credentials.access_token)
        body = calls.require_ok(answer)
        native_user_id = reading.user_id(body)
        if not native_user_id:
            raise malformed(answer, "an id", channel="pinterest")
        name = words(body.get("business_name"), 200) or words(body.get("username"), 200)
        return Identity(native_user_id, name)

    def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Inspection:
        """Ask whose token it is. Pinterest tells neither dates nor scopes, and never why a token does not work."""
        answer = calls.get("introspect", "user_account", credentials.access_token, timeout=timeout)
        classification = verdicts.TABLE.classify(answer)
        if classification.reason == Reason.SCOPE_MISSING:
            # Only of a token that it accepts does Pinterest say which permission it lacks.
            return Inspection(
                Classification(Verdict.OK, row="valid, may not say whose"), evidence=evidence(answer)
            )
        if classification.verdict != Verdict.OK:
            return Inspection(classification, evidence=evidence(answer))
        native_user_id = reading.user_id(answer.body)
        if not native_user_id:
            raise malformed(answer, "an id", channel="pinterest")
        return Inspection(classification, native_user_id=native_user_id)

    def list_accounts(
        self, app: AppKeys, credentials: Credentials, identity: Identity, scopes: Iterable[str] | None
    ) -> AccountList:
        """List own and shared ad accounts. The list tells no restriction."""
        return listing.accounts(credentials.access_token, identity, scopes)

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
        """Read one ad account. A restriction is known only by the code with which Pinterest refuses to show it; showing it lifts it."""
        limit = http.Limit(timeout)
        wanted = self.canonical_id(native_id)
        known = None if scopes is None else tuple(scopes)
        answer = calls.get("api", f"ad_accounts/{wanted}", credentials.access_token, timeout=timeout)
        classification = verdicts.TABLE.classify(answer)
        if classification.verdict == Verdict.ACCOUNT_RESTRICTED:
            account = self._restricted(credentials, wanted, answer, known, limit)
            return AccessCheck(classification, account, evidence=evidence(answer))
        if classification.verdict != Verdict.OK:
            return AccessCheck(classification, evidence=evidence(answer))
        account = reading.account_of(answer.body, scopes=known)
        if account is None or account.native_id != wanted:
            raise malformed(answer, "this ad account", channel="pinterest")
        return AccessCheck(classification, replace(account, restriction=""))

    def _restricted(
        self,
        credentials: Credentials,
        wanted: str,
        answer: Answer,
        scopes: Iterable[str] | None,
        limit: http.Limit,
    ) -> NativeAccount | None:
        """Return a restricted ad account with its role, which only the list still shows; None where its first page does not."""
        try:
            rows, _ = listing.page(credentials.access_token, timeout=limit.left())
        except ChannelError:
            return None
        facts = verdicts.facts_of(answer, answer.body)
        why = reading.restriction(facts.codes, scrub.text(facts.message))
        for account in (reading.account_of(row, scopes=scopes) for row in rows):
            if account is not None and account.native_id == wanted:
                return replace(account, restriction=why)
        return None

    def check_app(self, app: AppKeys, *, timeout: float | None = None) -> Classification | None:
        """Ask for what cannot be had: Pinterest looks at the app's keys first."""
        return keys_taken(verdicts.TABLE.classify(calls.ask_about_keys(app, timeout=timeout)))

    def revoke(self, app: AppKeys, credentials: Credentials) -> bool:
        """Ask Pinterest to end both tokens. It does so for system users' tokens only; for people's, return False."""
        taken = [
            self._revoke(app, token, hint)
            for token, hint in (
                (credentials.refresh_token, "refresh_token"),
                (credentials.access_token, "access_token"),
            )
            if token
        ]
        return bool(taken) and all(taken)

    def _revoke(self, app: AppKeys, token: str, hint: str) -> bool:
        form = {"token": token, "token_type_hint": hint}
        answer = calls.token_endpoint("api", app, form, path="oauth/token/revoke")
        classification = verdicts.TABLE.classify(answer)
        if classification.verdict == Verdict.OK:
            return True
        if answer.status in {401, 403}:
            return False
        raise ChannelError(classification, evidence=evidence(answer))


def _keys_or_grant(answer: Answer, classification: Classification, second: Answer) -> Classification:
    """Decide 401 with code 2 by what Pinterest says of a token that is nobody's.

    Refused alike: the app's keys are wrong, and operators must act. Refused as a token: the keys are fine, so it was the code (the person
    starts again) or this token (doubtful; it does not die of it).
    """
    if verdicts.keys_in_doubt(second):
        return KEYS
    said = verdicts.TABLE.classify(second)
    if answer.call == "exchange":
        return said if said.verdict == Verdict.APP_FAULT else Classification(Verdict.OUR_BUG, row=START_AGAIN)
    if said.verdict in HINDERED:
        return said
    return replace(DOUBT, note=classification.note)


CHANNEL = Pinterest()
