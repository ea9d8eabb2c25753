"""TikTok for Business behind our interface."""

from collections.abc import Mapping

from django.conf import settings

from infra import database_clock
from tokens.channels import http
from tokens.channels.classifier import evidence, keys_taken
from tokens.channels.code_grant import CodeGrantChannel
from tokens.channels.kinds import (
    DOUBTFUL,
    HARMLESS,
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
    Reason,
    Send,
    Verdict,
    Who,
)
from tokens.channels.parse import token_of
from tokens.channels.sessions import ChannelSession, Scopes, dates_of, nobodys_session
from tokens.channels.tiktok import calls, paths, pushes, reading
from tokens.channels.tiktok.declaration import DECLARATION
from tokens.channels.tiktok.verdicts import TABLE


class TikTok(CodeGrantChannel):
    """OAuth 2 with names of its own: `app_id`, `auth_code`, JSON bodies, and HTTP 200 for everything.

    The token has no end, unless TikTok gives a date with it: then its refresh token is used. The person ticks ad accounts, not permissions.
    """

    declaration = DECLARATION
    table = TABLE
    paths = paths.TABLE
    pushes = pushes.PUSHES
    who = Who(("core_user_id",), ("display_name",), within="data")
    scopes = ()  # permissions belong to the app and are numbers in TikTok's portal
    partial_grants = True
    admin_roles = frozenset({"Admin"})
    lifetime = reading.LIFETIME
    tells_removed_from_stopped = False
    never_happens = frozenset({Reason.DATA_ACCESS_EXPIRED, Reason.PASSWORD_CHANGED})
    renewal = reading.RENEWAL
    # Where a person withdraws an app is not documented; the ads manager leads to the account's settings.
    manage_url = "https://ads.tiktok.com/"
    code_parameter = "auth_code"  # a second parameter `code` may come back; this is the documented name
    cancelled_errors = frozenset({"access_denied", "user_denied"})  # RFC 6749; unproven at TikTok
    ads_manager = "https://ads.tiktok.com/i18n/perf/campaign?aadvid={id}"

    def consent_query(self, app: AppKeys) -> dict[str, str]:
        """No scope: its numbers are set in TikTok's portal, and leaving it out asks for all that the app may."""
        return {"app_id": app.client_id, "redirect_uri": app.redirect_uri}

    def token_call(self, call: Call, session: ChannelSession, form: Mapping[str, str]) -> Answer:
        """Exchange a code, which is good once and for an hour, or use a refresh token; TikTok's pages name no such call of advertisers."""
        path, body = "oauth2/refresh_token", form
        if call == "exchange":
            path, body = "oauth2/access_token", {"auth_code": form["code"]}
        return calls.post(call, path, body, app=session.app, timeout=session.limit.left())

    def grant_in(self, answer: Answer, session: ChannelSession) -> Grant:
        """Read what the token endpoint gave. Without a date it never ends, and a refresh token is of no use. Raises ChannelError."""
        data = calls.require_ok(answer)
        access, refresh = token_of(data.get("access_token")), token_of(data.get("refresh_token"))
        if not access:
            raise TABLE.malformed(answer, "a token")
        dates, scopes = dates_of(data, database_clock.known()), reading.scopes(data.get("scope"))
        if answer.call == "exchange" and dates.access_expires_at is None:
            refresh, dates = "", Dates(dates.issued_at, sources={"access": "never"})
        return Grant(Credentials(access, refresh_token=refresh), dates, scopes)

    def ask_who(self, session: ChannelSession, call: Call) -> Answer:
        """Ask for the person's own facts. TikTok tells neither dates nor permissions there."""
        return calls.get(call, "user/info", session)

    def accounts_of(self, session: ChannelSession, identity: Identity, scopes: Scopes) -> AccountList:
        """List what was ticked, with facts and roles. A role that no Business Center names leaves "can publish" unknown."""
        return calls.of_person(session)

    def access_of(self, session: ChannelSession, native_id: str, scopes: Scopes) -> AccessCheck:
        """Read one ad account, then the person's role on it. A passing problem with the role says nothing of the account.

        Raises ChannelError.
        """
        answer = calls.advertiser_info("api", session, [native_id])
        rows = reading.rows(calls.require_ok(answer)) or []
        read = [
            account for account in map(reading.account, rows) if account and account.native_id == native_id
        ]
        if not read:
            raise TABLE.malformed(answer, "the ad account")
        limit = http.Limit(session.limit.left() or settings.CHANNEL_TIMEOUT)
        roles = calls.read_roles(session, limit, only=native_id)
        if roles.problem is not None and _says_nothing(roles.problem):
            return AccessCheck(roles.problem, evidence=roles.evidence)
        account = reading.with_role(read[0], roles.names.get(native_id, ()))
        return self.check_of(account, of=answer, wanted=native_id)

    def verify_app_keys(self, app: AppKeys, *, timeout: float | None = None) -> Classification:
        """Send a code that is nobody's: TikTok names a wrong app or secret by a code of its own."""
        answer = self.exchanged({"code": self.nobodys}, nobodys_session(app, http.Limit(timeout)))
        return keys_taken(TABLE.classify(answer))

    def revoke(self, app: AppKeys, credentials: Credentials) -> bool:
        """Have TikTok end the token, at best effort: the call is known from clients. One that has ended already counts as ended.

        Raises ChannelError.
        """
        token = credentials.access_token
        answer = calls.post("api", "oauth2/revoke_token", {"access_token": token}, app=app, token=token)
        classification = TABLE.classify(answer)
        if classification.verdict in {Verdict.OK, Verdict.TOKEN_DEAD}:
            return True
        raise ChannelError(classification, evidence=evidence(answer))

    def send(self, app: AppKeys, credentials: Credentials) -> Send:
        """The token in TikTok's own header, without "Bearer"."""
        return Send(headers={"Access-Token": credentials.access_token})


def _says_nothing(problem: Classification) -> bool:
    """Return whether the question for roles failed for now, as against an app that may not ask Business Centers."""
    return problem.verdict in HARMLESS | DOUBTFUL


CHANNEL = TikTok()
