"""Pinterest behind our interface."""

from collections.abc import Mapping
from dataclasses import replace

from tokens.channels.classifier import evidence
from tokens.channels.code_grant import CodeGrantChannel
from tokens.channels.kinds import (
    HINDERED,
    START_AGAIN,
    AccessCheck,
    AccountList,
    Answer,
    AppKeys,
    Call,
    ChannelError,
    Classification,
    Credentials,
    Grant,
    Identity,
    Inspection,
    Reason,
    Verdict,
    Who,
)
from tokens.channels.pinterest import calls, paths, reading
from tokens.channels.pinterest.declaration import DECLARATION
from tokens.channels.pinterest.verdicts import TABLE, keys_in_doubt
from tokens.channels.sessions import ChannelSession, Scopes

DOUBT = Classification(Verdict.CONFIRM_FIRST, Reason.UNKNOWN, row="refused, though the app's keys are fine")
KEYS = Classification(Verdict.APP_FAULT, Reason.APP_FAULT, row="app keys")


class Pinterest(CodeGrantChannel):
    """OAuth 2 with refresh tokens that rotate: a pair of 30 and 60 days, both of which start anew with every renewal."""

    declaration = DECLARATION
    table = TABLE
    paths = paths.TABLE
    who = Who(("id",), ("business_name", "username"))  # not by the username, which changes
    scopes = reading.SCOPES
    partial_grants = False
    admin_roles = frozenset({"Owner", "Admin"})
    lifetime = reading.LIFETIME
    tells_removed_from_stopped = False
    renewal = reading.RENEWAL
    manage_url = "https://www.pinterest.com/settings/security"
    scope_delimiter = ","
    # Apps of before 2025-09-25 must ask for a refresh token that renewal keeps alive.
    more_of_exchange = {"continuous_refresh": "true"}
    nobodys = "pinr.none"
    ads_manager = "https://ads.pinterest.com/advertiser/{id}/"

    def token_call(
        self, call: Call, session: ChannelSession, form: Mapping[str, str], *, path: str = "oauth/token"
    ) -> Answer:
        """Call the token endpoint, or another path, as the app."""
        headers, url = {"Authorization": calls.basic(session.app)}, calls.address(path)
        return session.ask(call, url, method="POST", data=form, headers=headers)

    def grant_in(self, answer: Answer, session: ChannelSession) -> Grant:
        """Read a pair, which replaces the old one. A refusal that may be about the app's keys is cleared up. Raises ChannelError."""
        if keys_in_doubt(answer):
            raise ChannelError(self._keys_or_grant(answer, session), evidence=evidence(answer))
        return super().grant_in(answer, session)

    def _keys_or_grant(self, answer: Answer, session: ChannelSession) -> Classification:
        """Decide 401 with code 2 by what Pinterest says of a token that is nobody's.

        Refused alike: the app's keys are wrong, and operators must act. Refused as a token: the keys are fine, so it was the code (the
        person starts again) or this token (doubtful; it does not die of it).
        """
        second = self.nobodys_refresh(session)
        if keys_in_doubt(second):
            return KEYS
        said = TABLE.classify(second)
        if answer.call == "exchange":
            taken = Classification(Verdict.OUR_BUG, row=START_AGAIN)
            return said if said.verdict == Verdict.APP_FAULT else taken
        return said if said.verdict in HINDERED else replace(DOUBT, note=TABLE.classify(answer).note)

    def ask_who(self, session: ChannelSession, call: Call) -> Answer:
        """Ask for the person's own account."""
        return calls.get(call, "user_account", session)

    def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Inspection:
        """Ask whose token it is. Pinterest tells neither dates nor scopes, and never why a token does not work."""
        found = super().inspect(app, credentials, timeout=timeout)
        if found.classification.reason != Reason.SCOPE_MISSING:
            return found
        # Only of a token that it accepts does Pinterest say which permission it lacks.
        accepted = Classification(Verdict.OK, row="valid, may not say whose")
        return replace(found, classification=accepted)

    def accounts_of(self, session: ChannelSession, identity: Identity, scopes: Scopes) -> AccountList:
        """List own and shared ad accounts. The list tells no restriction."""
        return calls.accounts(session, identity, scopes)

    def access_of(self, session: ChannelSession, native_id: str, scopes: Scopes) -> AccessCheck:
        """Read one ad account. A restriction is known only by the code with which Pinterest refuses to show it; showing it lifts it."""
        answer = calls.get("api", f"ad_accounts/{native_id}", session)
        classification = TABLE.classify(answer)
        if classification.verdict == Verdict.ACCOUNT_RESTRICTED:
            account = calls.restricted(session, native_id, answer, scopes)
            return AccessCheck(classification, account, evidence=evidence(answer))
        account = reading.account_of(TABLE.require_ok(answer), scopes=scopes)
        shown = account and replace(account, restriction="")
        return self.check_of(shown, of=answer, wanted=native_id)

    def revoke(self, app: AppKeys, credentials: Credentials) -> bool:
        """Ask Pinterest to end both tokens. It does so for system users' tokens only; for people's, return False. Raises ChannelError."""
        tokens = {"refresh_token": credentials.refresh_token, "access_token": credentials.access_token}
        session = ChannelSession(app, credentials)
        taken = [self._revoke(session, token, hint) for hint, token in tokens.items() if token]
        return bool(taken) and all(taken)

    def _revoke(self, session: ChannelSession, token: str, hint: str) -> bool:
        form = {"token": token, "token_type_hint": hint}
        answer = self.token_call("api", session, form, path="oauth/token/revoke")
        classification = TABLE.classify(answer)
        if classification.verdict != Verdict.OK and answer.status not in {401, 403}:
            raise ChannelError(classification, evidence=evidence(answer))
        return classification.verdict == Verdict.OK


CHANNEL = Pinterest()
