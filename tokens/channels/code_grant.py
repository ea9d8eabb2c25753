"""A channel of OAuth 2 whose token endpoint speaks as RFC 6749 has it: most of them. A package says what is special."""

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from infra import database_clock
from tokens.channels import http
from tokens.channels.base import Channel
from tokens.channels.classifier import keys_taken
from tokens.channels.kinds import (
    Answer,
    AppKeys,
    Call,
    Classification,
    Credentials,
    Dates,
    Grant,
    refresh_form,
)
from tokens.channels.parse import scopes_of, token_of
from tokens.channels.sessions import ChannelSession, dates_of, nobodys_session


class CodeGrantChannel(Channel):
    """A channel of OAuth 2: the code is exchanged, and a refresh token used, at one token endpoint (`token_call`)."""

    more_of_exchange: ClassVar[Mapping[str, str]] = {}  # what an exchange sends besides RFC 6749's own
    # A token of nobody, by which `verify_app_keys` learns whether the keys are taken.
    nobodys: ClassVar[str] = "none"

    @abstractmethod
    def token_call(self, call: Call, session: ChannelSession, form: Mapping[str, str]) -> Answer:
        """Call the token endpoint as the app."""

    def exchange(self, app: AppKeys, answer: Mapping[str, str]) -> Grant:
        """Exchange the code. Raises ChannelError."""
        session = nobodys_session(app)
        return self.grant_in(self.exchanged(answer, session), session)

    def exchanged(self, answer: Mapping[str, str], session: ChannelSession) -> Answer:
        """Return the token endpoint's answer to a code."""
        address = session.app.redirect_uri
        form = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": address}
        return self.token_call("exchange", session, {**form, **self.more_of_exchange})

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
        return Grant(Credentials(access, refresh_token=refresh), dates, scopes_of(body.get("scope")))

    def dates_in(self, body: Mapping[str, Any], answer: Answer, now: datetime) -> Dates:
        """Read the clocks of a token answer."""
        return dates_of(body, now)

    def nobodys_refresh(self, session: ChannelSession) -> Answer:
        """Return the answer to a refresh token that is nobody's: most channels look at the app's keys first."""
        form = refresh_form(Credentials("", refresh_token=self.nobodys))
        return self.token_call("refresh", session, form)

    def verify_app_keys(self, app: AppKeys, *, timeout: float | None = None) -> Classification:
        """Use a refresh token that is nobody's."""
        session = nobodys_session(app, http.Limit(timeout))
        return keys_taken(self.table.classify(self.nobodys_refresh(session)))
