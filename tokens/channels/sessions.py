"""A log-in that a channel is asked with, and the clocks of its tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tokens.channels import http
from tokens.channels.kinds import Answer, AppKeys, Call, Credentials, Dates, DateSource
from tokens.channels.parse import end_of_life, moment

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


def nobodys_session(app: AppKeys, limit: http.Limit | None = None) -> ChannelSession:
    """Return a session in which the app alone asks."""
    return ChannelSession(app, Credentials(""), limit or http.Limit(None))


def dates_of(body: Mapping[str, Any], now: datetime) -> Dates:
    """Read the clocks of a token answer, in seconds from now; the refresh token's may be a moment. What is missing stays unknown."""
    access = end_of_life(body.get("expires_in"), now)
    refresh = end_of_life(body.get("refresh_token_expires_in"), now) or moment(
        body.get("refresh_token_expires_at")
    )
    ends = {"access": access, "refresh": refresh}
    sources: dict[str, DateSource] = {clock: "provider" for clock, end in ends.items() if end is not None}
    return Dates(now, access, refresh, sources=sources)
