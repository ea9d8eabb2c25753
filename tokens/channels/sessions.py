"""A log-in that is being asked with, and what most channels have in common in being asked: a package says what is special."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

from tokens.channels import http
from tokens.channels.base import Channel
from tokens.channels.classifier import keys_taken
from tokens.channels.kinds import (
    AccessCheck,
    AccountList,
    Answer,
    AppKeys,
    Call,
    Classification,
    Credentials,
    Dates,
    DateSource,
    Grant,
    Identity,
    Inspection,
    NativeAccount,
    Reason,
    Verdict,
    code_form,
    refresh_form,
)
from tokens.channels.parse import end_of_life, scopes_of, token_of
from tokens.channels.verdict_table import VerdictTable
from users import database_clock

Scopes = tuple[str, ...] | None  # that were granted; None: not known


@dataclass(frozen=True, repr=False)
class ChannelSession:
    """Whose app asks, with whose credentials, and how long all its questions may take together."""

    app: AppKeys
    credentials: Credentials
    limit: http.Limit = field(default_factory=lambda: http.Limit(None))
    told: dict[str, Any] = field(default_factory=dict)  # of the log-in, see `Channel.read_account`

    @property
    def token(self) -> str:
        """The access token."""
        return self.credentials.access_token

    def within(self, seconds: float) -> "ChannelSession":
        """Return the same, with so many seconds from now on for what is asked with it."""
        return replace(self, limit=http.Limit(seconds))

    def ask(
        self,
        call: Call,
        url: str,
        *,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask as the person whose token it is. `headers`: with the token in them, where it is not sent as RFC 6750 has it."""
        sent = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
        return http.request(
            call, method, url, params=params, data=data, headers=sent, timeout=self.limit.left()
        )


class AskedChannel(Channel):
    """Answers the engine's questions by a question of the channel each: `ask_who`, `accounts_of`, `access_of`."""

    table: ClassVar[VerdictTable]
    identity_call: ClassVar[Call] = "introspect"  # as what the question who consented is judged

    @abstractmethod
    def ask_who(self, session: ChannelSession, call: Call) -> Answer:
        """Ask whose token it is: at most channels the cheapest question about a token."""

    @abstractmethod
    def person_in(self, answer: Answer, body: Mapping[str, Any]) -> Identity:
        """Read whose token it is, out of a good answer. Raises ChannelError where it does not say."""

    @abstractmethod
    def accounts_of(self, session: ChannelSession, identity: Identity, scopes: Scopes) -> AccountList:
        """List the ad accounts. Raises ChannelError where the first page fails; a later one makes the list incomplete."""

    @abstractmethod
    def access_of(self, session: ChannelSession, native_id: str, scopes: Scopes) -> AccessCheck:
        """Read one ad account, and what this person may do there. Raises ChannelError."""

    def identity(self, app: AppKeys, credentials: Credentials) -> Identity:
        """Ask who consented. Raises ChannelError."""
        answer = self.ask_who(ChannelSession(app, credentials), self.identity_call)
        return self.person_in(answer, self.table.require_ok(answer))

    def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Inspection:
        """Ask whose token it is. Dates and scopes, of which that tells nothing, stay as they are."""
        answer = self.ask_who(ChannelSession(app, credentials, http.Limit(timeout)), "introspect")
        person = self.person_in(answer, self.table.require_ok(answer))
        return Inspection(Classification(Verdict.OK), native_user_id=person.native_user_id)

    def list_accounts(
        self,
        app: AppKeys,
        credentials: Credentials,
        identity: Identity,
        scopes: Iterable[str] | None,
        *,
        told: dict[str, Any] | None = None,
    ) -> AccountList:
        """List the native user's ad accounts, all pages. Raises ChannelError."""
        session = ChannelSession(app, credentials, told={} if told is None else told)
        return self.accounts_of(session, identity, _known(scopes))

    def read_account(
        self,
        app: AppKeys,
        credentials: Credentials,
        native_id: str,
        *,
        scopes: Iterable[str] | None,
        told: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> AccessCheck:
        """Read one ad account. Raises ValueError where `native_id` is none."""
        known = {} if told is None else told
        session = ChannelSession(app, credentials, http.Limit(timeout), known)
        return self.access_of(session, self.canonical_id(native_id), _known(scopes))

    def check_of(
        self,
        account: NativeAccount | None,
        *,
        of: Answer,
        wanted: str,
        row: str = "status",
    ) -> AccessCheck:
        """Return what was read of an ad account, as restricted where its status says so. `row` names what says so.

        Raises ChannelError where the answer holds another ad account, or none.
        """
        if account is None or account.native_id != wanted:
            raise self.table.malformed(of, "the ad account")
        if not account.restriction:
            return AccessCheck(Classification(Verdict.OK), account)
        why = Classification(Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED, row=row, note=account.restriction)
        return AccessCheck(why, account)


class CodeGrantChannel(AskedChannel):
    """A channel of OAuth 2: the code is exchanged, and a refresh token used, at one token endpoint (`token_call`)."""

    more_of_exchange: ClassVar[Mapping[str, str]] = {}  # what an exchange sends besides RFC 6749's own
    nobodys: ClassVar[str] = (
        "none"  # a token of nobody, by which `verify_app_keys` learns whether the keys are taken
    )

    @abstractmethod
    def token_call(self, call: Call, session: ChannelSession, form: Mapping[str, str]) -> Answer:
        """Call the token endpoint as the app."""

    def exchange(self, app: AppKeys, answer: Mapping[str, str]) -> Grant:
        """Exchange the code. Raises ChannelError."""
        session = nobodys_session(app)
        return self.grant_in(self.exchanged(answer, session), session)

    def exchanged(self, answer: Mapping[str, str], session: ChannelSession) -> Answer:
        """Return the token endpoint's answer to a code."""
        form = {**code_form(session.app, answer), **self.more_of_exchange}
        return self.token_call("exchange", session, form)

    def renew(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Grant | None:
        """Use the refresh token; None without one. Raises ChannelError."""
        if not credentials.refresh_token:
            return None
        session = ChannelSession(app, credentials, http.Limit(timeout))
        return self.grant_in(self.token_call("refresh", session, refresh_form(credentials)), session)

    def grant_in(self, answer: Answer, session: ChannelSession) -> Grant:
        """Read what the token endpoint gave; `session` is for whatever has to be asked beside it. Raises ChannelError."""
        body = self.table.require_ok(answer)
        access, refresh = token_of(body.get("access_token")), token_of(body.get("refresh_token"))
        if not access:
            raise self.table.malformed(answer, "a token")
        dates = self.dates_in(body, answer, database_clock.known())
        return Grant(Credentials(access, refresh_token=refresh), dates, self.scopes_in(body))

    def dates_in(self, body: Mapping[str, Any], answer: Answer, now: datetime) -> Dates:
        """Read the clocks of a token answer."""
        return dates_of(body, now)

    def scopes_in(self, body: Mapping[str, Any]) -> Scopes:
        """Read what was granted; None where the answer does not say."""
        return scopes_of(body.get("scope"))

    def nobodys_refresh(self, session: ChannelSession) -> Answer:
        """Return the answer to a refresh token that is nobody's: most channels look at the app's keys first."""
        form = {"grant_type": "refresh_token", "refresh_token": self.nobodys}
        return self.token_call("refresh", session, form)

    def verify_app_keys(self, app: AppKeys, *, timeout: float | None = None) -> Classification | None:
        """Use a refresh token that is nobody's."""
        session = nobodys_session(app, http.Limit(timeout))
        return keys_taken(self.table.classify(self.nobodys_refresh(session)))


def nobodys_session(app: AppKeys, limit: http.Limit | None = None) -> ChannelSession:
    """Return a session in which the app alone asks."""
    return ChannelSession(app, Credentials(""), limit or http.Limit(None))


def dates_of(body: Mapping[str, Any], now: datetime) -> Dates:
    """Read the clocks of a token answer, in seconds from now. What is missing stays unknown."""
    access = end_of_life(body.get("expires_in"), now)
    refresh = end_of_life(body.get("refresh_token_expires_in"), now)
    ends = {"access": access, "refresh": refresh}
    sources: dict[str, DateSource] = {clock: "provider" for clock, end in ends.items() if end is not None}
    return Dates(now, access, refresh, sources=sources)


def filled(said: Dates, introspected: Dates) -> Dates:
    """Fill what a token endpoint did not say by what introspection says, clock by clock."""
    return replace(
        said,
        access_expires_at=said.access_expires_at or introspected.access_expires_at,
        data_access_expires_at=said.data_access_expires_at or introspected.data_access_expires_at,
        sources={**introspected.sources, **said.sources},
    )


def _known(scopes: Iterable[str] | None) -> Scopes:
    return None if scopes is None else tuple(scopes)
