"""What a channel package offers: the class Channel. A package turns the channel's HTTP into `kinds`; it contains no policy of its own."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from inspect import signature
from types import FunctionType
from typing import Any, ClassVar, Literal

from django.utils.translation import gettext

from tokens.channels import brake, gate, http, words
from tokens.channels.addresses import api_base, configured
from tokens.channels.kinds import (
    AccessCheck,
    AccountList,
    Answer,
    AppKeys,
    Call,
    ChannelConsent,
    ChannelError,
    Classification,
    Credentials,
    Declaration,
    Grant,
    Identity,
    Inspection,
    Lifetime,
    NativeAccount,
    Owner,
    Reason,
    Renewal,
    RequestedScope,
    Send,
    Verdict,
    Versions,
    Who,
)
from tokens.channels.parse import DIGITS, digits, mapping, name_of, spelt
from tokens.channels.parse import words as words_of
from tokens.channels.paths import Table
from tokens.channels.pushes import Pushes
from tokens.channels.sessions import ChannelSession, Scopes
from tokens.channels.verdict_table import VerdictTable

CALLS_NOBODY = frozenset({"send", "sign", "consent_query"})  # methods that take an app and make no call
# Methods whose callers go by what is answered: a ChannelError in one becomes its answer.
NEVER_RAISE = {"inspect": Inspection, "read_account": AccessCheck}


def _takes_app(method: FunctionType) -> bool:
    return list(signature(method).parameters)[1:2] == ["app"]


def _through_the_gate(method: FunctionType) -> Callable[..., Any]:
    said_as: Callable[..., Any] | None = NEVER_RAISE.get(method.__name__)

    @wraps(method)
    def gated(self: "Channel", app: AppKeys, *rest: Any, **more: Any) -> Any:
        with gate.asking(self, app):
            try:
                return method(self, app, *rest, **more)
            except ChannelError as error:
                if said_as is None:
                    raise
                return said_as(error.classification, evidence=error.evidence)

    return gated


def _gate(cls: type) -> None:
    """Have every call of a class that takes an app go through its gate."""
    for name, method in vars(cls).items():
        if isinstance(method, FunctionType) and name not in CALLS_NOBODY and _takes_app(method):
            setattr(cls, name, _through_the_gate(method))


class Channel(ABC):
    """One channel. Methods that call the channel raise ChannelError and never run inside a transaction."""

    declaration: ClassVar[Declaration]
    key: ClassVar[str]  # of the declaration, as label and versions are
    label: ClassVar[str]
    versions: ClassVar[Versions]
    id_pattern: ClassVar[re.Pattern[str]] = DIGITS  # how an ad account's id is spelt, in lower case
    id_prefix: ClassVar[str] = ""  # what may stand before it: "act_"
    table: ClassVar[VerdictTable]
    paths: ClassVar[Table]  # which requests its jobs may make
    who: ClassVar[Who]
    # OAuth 1.0a: jobs need `sign` for each request, and `send` is empty; else OAuth 2.
    signs: ClassVar[bool] = False
    scopes: ClassVar[tuple[RequestedScope, ...]]
    partial_grants: ClassVar[bool]  # whether a person may tick fewer scopes
    admin_roles: ClassVar[frozenset[str]] = (
        frozenset()
    )  # roles, as `NativeAccount.role` words them, that may give others a role
    lifetime: ClassVar[Lifetime]
    ids_per_app: ClassVar[bool] = False  # whether each app is told other ids of the same native user
    takes_config_id: ClassVar[bool] = False  # whether its app may have a configuration of the log-in
    # Whether it has system users, whose tokens staff paste (`inspect_pasted`).
    takes_pasted_tokens: ClassVar[bool] = False
    calls_a_second: ClassVar[int | None] = None  # that an app may make, where a source names a limit
    pushes: ClassVar[Pushes | None] = None  # None: it pushes nothing of use, and the checks find it
    renewal: ClassVar[Renewal | None] = None  # None: nothing is renewed without a person
    # Whether its answers tell a person who removed AdToken from one whom it stopped.
    tells_removed_from_stopped: ClassVar[bool] = True
    # What ends nothing there, as far as anything is known: no date of that kind, or no source that names it. Pages do not speak of it.
    never_happens: ClassVar[frozenset[Reason]] = frozenset({Reason.DATA_ACCESS_EXPIRED})
    manage_url: ClassVar[str]  # where a person sees and cancels connected apps
    ads_manager: ClassVar[str]  # the page of an ad account at the channel; {id} stands for its id
    # The consent page, where it has names of its own for what OAuth 2 calls `scope`, `code` and `access_denied`:
    scope_delimiter: ClassVar[str] = " "
    code_parameter: ClassVar[str] = "code"
    cancelled_errors: ClassVar[frozenset[str]] = frozenset(
        {"access_denied"}
    )  # `error` where the person said no

    def __init_subclass__(cls, **more: Any) -> None:
        """Take name and versions from the declaration, and have every call with an app go through its gate: brake and shares."""
        super().__init_subclass__(**more)
        if (declared := vars(cls).get("declaration")) is not None:
            cls.key, cls.label, cls.versions = declared.key, declared.label, declared.versions
        _gate(cls)

    def __str__(self) -> str:
        """Return what people call it."""
        return self.label

    def canonical_id(self, native_id: str) -> str:
        """Return the one spelling of an ad account's id we store (`act_123` is `123`). Raises ValueError on nonsense."""
        found = spelt(native_id, self.id_pattern, prefix=self.id_prefix)
        if not found:
            raise ValueError(words.said(self.key, "an_id", channel=self.label))
        return found

    def classify(self, answer: Answer) -> Classification:
        """Read the channel's verdict table. Total: everything that is not in it is transient or confirm first, never dead."""
        return self.table.classify(answer)

    def pause_of(self, answer: Answer) -> int:
        """Return for how many seconds an answer asks the whole app to wait; 0: for none.

        A limit of one person's token or one ad account holds for that one alone: a channel whose answers tell says so.
        """
        classification = self.classify(answer)
        return (
            (classification.retry_after or brake.UNTOLD)
            if classification.verdict == Verdict.RATE_LIMITED
            else 0
        )

    def used_of(self, answer: Answer) -> float | None:
        """Return which part of the app's limit is used up (1: all), where the channel announces it."""
        return None

    def base_url(self) -> str:
        """Return what the addresses of the ads API begin with, read from the settings when asked."""
        return api_base(self.declaration)

    def version(self) -> str:
        """Return the version of the API in use."""
        return configured(self.versions.setting)

    def authorize_url(self) -> str:
        """Return the address of the consent page, read from the settings when asked."""
        declared = self.declaration
        path = declared.consent_path.format(version=configured(declared.versions.setting))
        return f"{configured(declared.consent)}/{path}"

    def consent_query(self, app: AppKeys) -> dict[str, str]:
        """Return what the consent page of OAuth 2 is asked with, besides the state."""
        return {
            "client_id": app.client_id,
            "redirect_uri": app.redirect_uri,
            "response_type": "code",
            "scope": self.scope_delimiter.join(app.scopes or (scope.name for scope in self.scopes)),
        }

    def request_token(self, app: AppKeys) -> Credentials:
        """Return a new request token, which begins a handshake of OAuth 1.0a. Raises ChannelError."""
        raise NotImplementedError(f"{self.label} has no request tokens.")

    def authorize_params(self, *, again: bool = False) -> dict[str, str]:
        """Return what is added to the consent page's address. `again`: show permissions that were declined before."""
        return {}

    @abstractmethod
    def exchange(self, app: AppKeys, answer: Mapping[str, str]) -> Grant:
        """Turn what the callback brought into a first grant.

        `answer` holds `code` (OAuth 2) or `oauth_token`, `oauth_token_secret` and `oauth_verifier` (OAuth 1.0a).
        """

    def consent(self, app: AppKeys, answer: Mapping[str, str]) -> ChannelConsent:
        """Exchange, and ask who consented."""
        grant = self.exchange(app, answer)
        return ChannelConsent(self.identity(app, grant.credentials), grant)

    @abstractmethod
    def ask_who(self, session: ChannelSession, call: Call) -> Answer:
        """Ask whose token it is: at most channels the cheapest question about a token."""

    def person_in(self, answer: Answer, body: Any) -> Identity:
        """Read whose token it is, out of a good answer. Raises ChannelError where it does not say."""
        said = mapping(body)
        found = self.person_of(mapping(said.get(self.who.within)) or said)
        if found is None:
            raise self.table.malformed(answer, "an id")
        return found

    def person_of(self, said: Mapping[str, Any]) -> Identity | None:
        """Return whom these names are about, see `Who`; None where they do not say."""
        ids = (
            digits(said.get(one)) if self.who.numeric else words_of(said.get(one), 191).strip()
            for one in self.who.ids
        )
        names = (name_of(said.get(one), 200) for one in self.who.names)
        native_user_id = next(filter(None, ids), "")
        return Identity(native_user_id, next(filter(None, names), "")) if native_user_id else None

    @abstractmethod
    def accounts_of(self, session: ChannelSession, identity: Identity, scopes: Scopes) -> AccountList:
        """List the ad accounts. Raises ChannelError where the first page fails; a later one makes the list incomplete."""

    @abstractmethod
    def access_of(self, session: ChannelSession, native_id: str, scopes: Scopes) -> AccessCheck:
        """Read one ad account, and what this person may do there. Raises ChannelError."""

    def identity(self, app: AppKeys, credentials: Credentials) -> Identity:
        """Ask who consented. Raises ChannelError."""
        answer = self.ask_who(ChannelSession(app, credentials), "api")
        return self.person_in(answer, self.table.require_ok(answer))

    def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Inspection:
        """Ask the channel about the token, as cheaply as it allows. A ChannelError becomes the answer.

        Here: whose it is. Dates and scopes, of which that tells nothing, stay as they are.
        """
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
        """List the native user's ad accounts with roles, all pages. An error after the first page gives `complete=False`.

        `told` as in `read_account`.
        """
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
        """Read one ad account with one token: native status, role, whether it may publish. A ChannelError becomes the answer.

        `told`: what this channel's good answers told of the log-in a moment ago, in one check: `Inspection.told`, and what readings of its
        other ad accounts added. The package takes from it what holds for all ad accounts, so that it is asked once, and adds to it.
        `timeout` in seconds. None: the usual one. Raises ValueError where `native_id` is none.
        """
        known = {} if told is None else told
        session = ChannelSession(app, credentials, http.Limit(timeout), known)
        return self.access_of(session, self.canonical_id(native_id), _known(scopes))

    def check_of(self, account: NativeAccount | None, *, of: Answer, wanted: str) -> AccessCheck:
        """Return what was read of an ad account, which tells a restriction itself.

        Raises ChannelError where the answer holds another ad account, or none.
        """
        if account is None or account.native_id != wanted:
            raise self.table.malformed(of, "the ad account")
        return AccessCheck(Classification(Verdict.OK), account)

    def renew(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Grant | None:
        """Renew the token without a person and return the new grant; None where the channel has no such thing.

        A field that the answer left out is left out of the grant too (no date, empty refresh token): the caller keeps what it has. Raises
        ChannelError, with TOKEN_DEAD where the channel refuses this refresh token.
        """
        return None

    def inspect_pasted(self, app: AppKeys, access_token: str) -> ChannelConsent:
        """Look at a system user's token that staff pasted, before it is kept, and say whose it is and what it grants.

        Raises ChannelError, or ValueError with words for staff where it is no such token, or the channel has none.
        """
        raise ValueError(
            gettext("%(channel)s has no system users: people link their log-ins themselves.")
            % {"channel": self.label}
        )

    @abstractmethod
    def revoke(self, app: AppKeys, credentials: Credentials) -> bool:
        """Cancel the authorisation at the channel. Return whether the channel took it."""

    @abstractmethod
    def verify_app_keys(self, app: AppKeys, *, timeout: float | None = None) -> Classification:
        """Ask what nothing but the app's keys answers: OK where the channel takes them. `timeout` in seconds. Raises no ChannelError."""

    def send(self, app: AppKeys, credentials: Credentials) -> Send:
        """Say how a publishing job sends this token; by default as a header (RFC 6750, section 2.1)."""
        return Send(headers={"Authorization": f"Bearer {credentials.access_token}"})

    def sign(
        self,
        app: AppKeys,
        credentials: Credentials,
        *,
        native_id: str,
        purpose: Literal["publish", "read"],
        method: str,
        url: str,
        params: Mapping[str, str],
    ) -> str:
        """Return the Authorization header of a signed request (OAuth 1.0a only), for a lease of this ad account and purpose.

        Raises ValueError for everything that is not about this ad account.
        """
        raise ValueError(f"{self.label} does not sign requests: merge the lease's `send` block instead.")

    def owner_of(
        self, app: AppKeys, credentials: Credentials, of: str, object_id: str, *, timeout: float
    ) -> Owner:
        """Ask which ad account an object belongs to. `of`: what kind of object, as the table of paths names it. Raises no ChannelError."""
        raise NotImplementedError(f"{self.label} has no objects outside of the paths of their ad accounts.")

    def steps(self, reason: Reason, *, buttons: bool = True) -> tuple[str, ...]:
        """Return how the person gets back, step by step, in plain words. `buttons`: whether the reader has those of staff."""
        return words.steps(self.key, reason, channel=self.label, buttons=buttons)

    @property
    def last_step(self) -> str:
        """What to press there: "Press Continue and keep every ad account ticked."."""
        return words.said(self.key, "last_step")

    @property
    def lifetime_summary(self) -> str:
        """How long authorisations last, in one line: "Renew every 60 days"."""
        return words.said(self.key, "lifetime_summary")

    def open_url(self, native_id: str) -> str:
        """Return the address of the ad account in the channel's own ads manager."""
        return self.ads_manager.format(id=native_id)


_gate(Channel)


def _known(scopes: Iterable[str] | None) -> Scopes:
    return None if scopes is None else tuple(scopes)
