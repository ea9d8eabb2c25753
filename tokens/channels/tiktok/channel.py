"""TikTok for Business behind our interface."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from django.conf import settings

from tokens.channels import http
from tokens.channels.base import Channel
from tokens.channels.classifier import evidence, keys_taken, malformed
from tokens.channels.kinds import (
    HARMLESS,
    AccessCheck,
    AccountFacts,
    AccountList,
    AppKeys,
    ChannelError,
    Classification,
    Credentials,
    Grant,
    Identity,
    Inspection,
    Reason,
    Send,
    Verdict,
    proof_of,
)
from tokens.channels.parse import digits, token_of, words
from tokens.channels.tiktok import calls, listing, policy, pushes, reading, verdicts
from tokens.channels.tiktok.declaration import DECLARATION
from users import database_clock

NOBODYS = "none"  # no code of anybody


class TikTok(Channel):
    """OAuth 2 with names of its own: `app_id`, `auth_code`, JSON bodies, and HTTP 200 for everything.

    The token has no end and nothing renews it. The person ticks ad accounts, not permissions.
    """

    declaration = DECLARATION
    table = verdicts.TABLE
    pushes = pushes.PUSHES
    protocol = "oauth2"
    scopes = ()  # permissions belong to the app and are numbers in TikTok's portal
    partial_grants = True
    admin_roles = frozenset({"Admin"})
    lifetime = policy.LIFETIME
    tells_removed_from_stopped = False
    never_happens = frozenset({Reason.DATA_ACCESS_EXPIRED, Reason.PASSWORD_CHANGED, Reason.ANSWER_LOST})
    manage_url = policy.MANAGE_URL
    code_parameter = "auth_code"  # a second parameter `code` may come back; this is the documented name
    ads_manager = "https://ads.tiktok.com/i18n/perf/campaign?aadvid={id}"

    def consent_query(self, app: AppKeys) -> dict[str, str]:
        """No scope: its numbers are set in TikTok's portal, and leaving it out asks for all that the app may."""
        return {"app_id": app.client_id, "redirect_uri": app.redirect_uri}

    def exchange(self, app: AppKeys, answer: Mapping[str, str]) -> Grant:
        """Exchange the code, which is good once and for an hour."""
        body = {"auth_code": answer["code"], **proof_of(answer)}
        answered = calls.post("exchange", "oauth2/access_token", body, app=app)
        data = calls.require_ok(answered)
        access, refresh = token_of(data.get("access_token")), token_of(data.get("refresh_token"))
        if not access:
            raise malformed(answered, "a token", channel="tiktok")
        dates = reading.dates(data, database_clock.known())
        return Grant(Credentials(access, refresh_token=refresh), dates, reading.scopes(data.get("scope")))

    def complete_grant(self, app: AppKeys, grant: Grant) -> Grant:
        """Say that it never ends, unless TikTok gave a date.

        A refresh token is kept for the day when it is of use. Its date is not: no endpoint is documented that would take an advertiser's
        refresh token (v1.3 withdrew oauth2/refresh_token), so access ends with the access date and nothing later may be promised.
        """
        dates = grant.dates
        access = dates.sources.get("access", "never")
        kept = replace(dates, refresh_expires_at=None, sources={"access": access})
        return replace(grant, dates=kept)

    def identity(self, app: AppKeys, credentials: Credentials) -> Identity:
        """Ask who consented."""
        answer = calls.user_info("api", credentials.access_token)
        data = calls.require_ok(answer)
        native_user_id = digits(data.get("core_user_id"))
        if not native_user_id:
            raise malformed(answer, "core_user_id", channel="tiktok")
        return Identity(native_user_id, words(data.get("display_name"), 200))

    def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Inspection:
        """Ask whose token it is. TikTok tells neither dates nor permissions here, so both stay as they are."""
        answer = calls.user_info("introspect", credentials.access_token, timeout=timeout)
        classification = verdicts.TABLE.classify(answer)
        if classification.verdict != Verdict.OK:
            return Inspection(classification, evidence=evidence(answer))
        native_user_id = digits(calls.require_ok(answer).get("core_user_id"))
        if not native_user_id:
            raise malformed(answer, "core_user_id", channel="tiktok")
        return Inspection(classification, native_user_id=native_user_id)

    def list_accounts(
        self, app: AppKeys, credentials: Credentials, identity: Identity, scopes: Iterable[str] | None
    ) -> AccountList:
        """List what was ticked, with facts and roles. A role that no Business Center names leaves "can publish" unknown."""
        return listing.of_person(app, credentials.access_token)

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
        """Read one ad account, then the person's role on it. Passing trouble with the role says nothing of the account."""
        limit = http.Limit(timeout)
        wanted, token = self.canonical_id(native_id), credentials.access_token
        answer = calls.advertiser_info("api", token, [wanted], timeout=timeout)
        rows = reading.rows(calls.require_ok(answer)) or []
        read = [one for row in rows if (one := reading.account(row)) is not None and one.native_id == wanted]
        if not read:
            raise malformed(answer, "the ad account", channel="tiktok")
        left = http.Limit(limit.left() or settings.CHANNEL_TIMEOUT)
        roles = listing.read_roles(token, left, only=wanted)
        if roles.trouble is not None and _says_nothing(roles.trouble):
            return AccessCheck(roles.trouble, evidence=roles.evidence)
        account = reading.with_role(read[0], roles.names.get(wanted, ()))
        classification = Classification(Verdict.OK)
        if account.restriction:
            note = account.restriction
            classification = Classification(
                Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED, row="status", note=note
            )
        return AccessCheck(classification, account)

    def check_app(self, app: AppKeys, *, timeout: float | None = None) -> Classification | None:
        """Send a code that is nobody's: TikTok names a wrong app or secret by a code of its own."""
        answer = calls.post(
            "exchange", "oauth2/access_token", {"auth_code": NOBODYS}, app=app, timeout=timeout
        )
        return keys_taken(verdicts.TABLE.classify(answer))

    def revoke(self, app: AppKeys, credentials: Credentials) -> bool:
        """Have TikTok end the token, at best effort: the call is known from clients. One that has ended already counts as ended."""
        token = credentials.access_token
        answer = calls.post("api", "oauth2/revoke_token", {"access_token": token}, app=app, token=token)
        classification = verdicts.TABLE.classify(answer)
        if classification.verdict in {Verdict.OK, Verdict.TOKEN_DEAD}:
            return True
        raise ChannelError(classification, evidence=evidence(answer))

    def send(self, app: AppKeys, credentials: Credentials, account: AccountFacts) -> Send:
        """The token in TikTok's own header, without "Bearer"."""
        return Send(headers={"Access-Token": credentials.access_token})


def _says_nothing(trouble: Classification) -> bool:
    """Return whether the question for roles failed for now, as against an app that may not ask Business Centers."""
    return trouble.verdict in HARMLESS | {Verdict.TOKEN_DEAD}


CHANNEL = TikTok()
