"""Facebook behind our interface."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone

from tokens.channels import http
from tokens.channels.base import (
    AccountList,
    Answer,
    AppKeys,
    Channel,
    ChannelConsent,
    ChannelError,
    Credentials,
    Grant,
    Identity,
    Inspection,
    NativeAccount,
    PairReading,
    Reason,
    Ruling,
    Send,
    Verdict,
)
from tokens.channels.facebook import calls, policy, reading, recovery, system_users, verdicts
from tokens.channels.table import evidence, keys_taken, misread
from tokens.channels.values import digits, mapping, token_of, words

PAGE_SIZE, MAX_PAGES = 100, 50
ACCOUNT_FIELDS = "account_id,name,account_status,disable_reason,currency,timezone_name,user_tasks"


@dataclass(frozen=True)
class _Granted:
    """What the person granted: the scopes, and for which ad accounts publishing was ticked (None: not told)."""

    scopes: tuple[str, ...] | None
    publishing_ids: frozenset[str] | None = None
    told: bool = True  # false: the question failed, so that nobody knows whether publishing is ticked


NOBODYS = "none"  # no token of anybody


class Facebook(Channel):
    """OAuth 2 without refresh tokens: a token is exchanged for one of 60 days, and again while it lives."""

    key = "facebook"
    label = "Facebook"
    protocol = "oauth2"
    scopes = policy.SCOPES
    partial_grants = True
    lifetime = policy.LIFETIME
    renewal = policy.RENEWAL
    last_step = "Press Continue and keep every ad account ticked."
    manage_url = "https://www.facebook.com/settings?tab=business_tools"

    def canonical_id(self, native_id: str) -> str:
        """Return the digits of `act_123` or `123`. Raises ValueError on everything else."""
        found = digits(native_id.strip().removeprefix("act_"))
        if not found:
            raise ValueError("A Facebook ad account's id is a number, with or without act_ before it.")
        return found

    def classify(self, answer: Answer) -> Ruling:
        """Read the verdict table."""
        return verdicts.classify(answer)

    def authorize_params(self, *, again: bool = False) -> dict[str, str]:
        """Ask again for declined permissions where wanted."""
        return {"auth_type": "rerequest"} if again else {}

    def exchange(self, app: AppKeys, answer: Mapping[str, str]) -> Grant:
        """Exchange the code for a token of an hour or two."""
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": app.redirect_uri,
        }
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
            raise ChannelError(Ruling(Verdict.TRANSIENT, Reason.TRANSIENT, row="two people in one answer"))
        return ChannelConsent(identity, grant)

    def adopt(self, app: AppKeys, access_token: str) -> ChannelConsent:
        """Ask debug_token about a pasted token, and /me whose it is."""
        return system_users.adopt(app, access_token)

    def _complete(self, app: AppKeys, grant: Grant) -> tuple[Grant, str]:
        """Return the final grant, and whose it is where debug_token could be asked."""
        long = self._exchange_again("exchange", app, grant.credentials)
        found = self.inspect(app, long.credentials)
        if found.ruling.verdict in {Verdict.TRANSIENT, Verdict.RATE_LIMITED}:
            return long, ""  # a consent is not lost because one question failed; the next probe asks again
        if found.ruling.verdict != Verdict.OK or found.dates is None:
            raise ChannelError(found.ruling, evidence=found.evidence)
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
        body = calls.demand(answer)
        given = token_of(body.get("access_token"))
        if not given:
            raise misread(answer, "a token", channel="facebook")
        return Grant(Credentials(given), reading.provider_dates(body, timezone.now()))

    def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Inspection:
        """Ask debug_token. Where it says that data access is over, one real call decides."""
        limit = http.Limit(timeout)
        answer = calls.debug_token(app, credentials.access_token, timeout=timeout)
        ruling = verdicts.classify(answer)
        if ruling.verdict != Verdict.OK:
            return Inspection(ruling, evidence=evidence(answer))
        report = reading.report_of(answer.body)
        if report.app_id and report.app_id != app.client_id:
            ruling = Ruling(Verdict.CONFIRM_FIRST, Reason.UNKNOWN, row="token of another app")
            return Inspection(ruling, evidence=evidence(answer))
        over = report.dates.data_access_expires_at
        if over is not None and over <= timezone.now():
            ruling, answer = self._data_access(app, credentials, answer, limit.left())
        return Inspection(
            ruling,
            dates=report.dates,
            scopes=report.scopes,
            native_user_id=report.user_id,
            evidence={} if ruling.verdict == Verdict.OK else evidence(answer),
        )

    def _data_access(
        self, app: AppKeys, credentials: Credentials, said: Answer, timeout: float | None
    ) -> tuple[Ruling, Answer]:
        """Ask for data although its date has passed. A permission error then is the end of this consent; unproven, so it is asked."""
        answer = self._page(app, credentials, "account_id", limit=1, timeout=timeout)
        ruling = verdicts.classify(answer)
        if ruling.verdict == Verdict.ACCESS_LOST:
            return replace(
                ruling, verdict=Verdict.TOKEN_DEAD, reason=Reason.EXPIRED, row="data access over"
            ), answer
        return Ruling(Verdict.OK, row="valid"), said

    def list_accounts(
        self, app: AppKeys, credentials: Credentials, identity: Identity, scopes: Iterable[str] | None
    ) -> AccountList:
        """List /me/adaccounts by cursor. The address of the next page, which holds the token, is not used."""
        found: list[NativeAccount] = []
        after: str | None = ""
        seen: set[str] = set()
        granted: _Granted | None = None
        while after is not None and after not in seen and len(seen) < MAX_PAGES:
            seen.add(after)
            answer = self._page(
                app,
                credentials,
                ACCOUNT_FIELDS,
                limit=PAGE_SIZE,
                after=after,
                edge=system_users.edge(identity),
            )
            try:
                rows, after = self._rows(answer)
            except ChannelError:
                if len(seen) == 1:
                    raise
                return AccountList(tuple(found), complete=False)
            granted = granted or self._granted(app, credentials, scopes)
            found += _accounts(rows, granted)
        return AccountList(tuple(found), complete=after is None)

    def _page(
        self,
        app: AppKeys,
        credentials: Credentials,
        fields: str,
        *,
        limit: int,
        after: str = "",
        edge: str = "me/adaccounts",
        timeout: float | None = None,
    ) -> Answer:
        params = {"fields": fields, "limit": str(limit), **({"after": after} if after else {})}
        token = credentials.access_token
        return calls.graph("list_accounts", "GET", edge, app=app, token=token, params=params, timeout=timeout)

    def _rows(self, answer: Answer) -> tuple[list[Any], str | None]:
        """Return a page's rows and the cursor of the next one: None on the last, "" where more is promised without a cursor."""
        body = calls.demand(answer)
        rows = body.get("data")
        if not isinstance(rows, list):
            raise misread(answer, "a list", channel="facebook")
        paging = mapping(body.get("paging"))
        more = bool(paging.get("next"))
        return rows, words(mapping(paging.get("cursors")).get("after")) if more else None

    def _granted(
        self,
        app: AppKeys,
        credentials: Credentials,
        scopes: Iterable[str] | None,
        timeout: float | None = None,
    ) -> _Granted:
        """Ask what was granted now, ad account by ad account; else go by the stored scopes."""
        known = None if scopes is None else tuple(scopes)
        answer = calls.debug_token(app, credentials.access_token, timeout=timeout)
        if verdicts.classify(answer).verdict != Verdict.OK:
            return _Granted(known, told=False)
        report = reading.report_of(answer.body)
        return _Granted(known if report.scopes is None else report.scopes, report.publishing_ids)

    def read_account(
        self,
        app: AppKeys,
        credentials: Credentials,
        native_id: str,
        *,
        scopes: Iterable[str] | None,
        timeout: float | None = None,
    ) -> PairReading:
        """Read GET /act_ID, then what was granted for it."""
        limit = http.Limit(timeout)
        answer = calls.graph(
            "api",
            "GET",
            f"act_{self.canonical_id(native_id)}",
            app=app,
            token=credentials.access_token,
            params={"fields": ACCOUNT_FIELDS},
            timeout=timeout,
        )
        ruling = verdicts.classify(answer)
        if ruling.verdict != Verdict.OK:
            return PairReading(ruling, evidence=evidence(answer))
        granted = self._granted(app, credentials, scopes, timeout=limit.left())
        account = _account(answer.body, granted)
        if account is None:
            return PairReading(
                misread(answer, "an ad account", channel="facebook").ruling, evidence=evidence(answer)
            )
        return PairReading(ruling, account)

    def check_app(self, app: AppKeys, *, timeout: float | None = None) -> Ruling | None:
        """Ask about a string that is no token, with the app's own token."""
        return keys_taken(verdicts.classify(calls.debug_token(app, NOBODYS, timeout=timeout)))

    def revoke(self, app: AppKeys, credentials: Credentials) -> bool:
        """Remove our app from the person's login: all their tokens of this app end. A system user's token ends alone."""
        if system_users.is_one(app, credentials):
            return system_users.revoke(app, credentials)
        answer = calls.graph("api", "DELETE", "me/permissions", app=app, token=credentials.access_token)
        return calls.demand(answer).get("success") in (True, "true")

    def send(self, app: AppKeys, credentials: Credentials) -> Send:
        """The token as a header, its proof in the query."""
        token = credentials.access_token
        return Send(
            headers={"Authorization": f"Bearer {token}"},
            query={"appsecret_proof": calls.proof(app.secret, token)},
        )

    def steps(self, reason: Reason) -> tuple[str, ...]:
        """Return the way back."""
        return recovery.STEPS[reason]

    def open_url(self, native_id: str) -> str:
        """Return the address in Ads Manager."""
        act = self.canonical_id(native_id)
        return f"https://adsmanager.facebook.com/adsmanager/manage/campaigns?act={act}"


def _accounts(rows: Iterable[Any], granted: _Granted) -> list[NativeAccount]:
    read = [_account(row, granted) for row in rows]
    return [account for account in read if account is not None]


def _account(row: Any, granted: _Granted) -> NativeAccount | None:
    account = reading.account_of(row, scopes=granted.scopes, publishing_ids=granted.publishing_ids)
    if account is None or granted.told or account.can_publish != "yes":
        return account
    return replace(account, can_publish="unknown")
