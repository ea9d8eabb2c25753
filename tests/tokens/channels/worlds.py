"""The stand-in of a channel as a test of its package sees it: our app, people, ad accounts, tokens, and the way back from consent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.core.cache import caches

from sandbox.start import start_accounts, start_users
from tests.support import memories, native
from tests.support.sandbox import Sandbox
from tests.tokens.channels.answers import Meaning
from tokens.channels import registry
from tokens.channels.base import Channel
from tokens.channels.kinds import (
    AccessCheck,
    AccountList,
    AppKeys,
    ChannelError,
    Classification,
    Credentials,
    Grant,
    Identity,
    Inspection,
    NativeAccount,
)
from tokens.channels.x import calls as x_calls

LUMEN, FERN, HARBOR, MARLO, OLD = (
    "Lumen Shoes EU", "Fern Gardens", "Harbor Coffee DE", "Marlo Optics", "Brand EU (old)",
)  # fmt: skip
DAY = 86_400
HOUR_OLD = 3600  # seconds: LinkedIn's tokens of that age are no longer new
# What a consent permits; None where the channel does not tell, or tells what nobody asks.
SCOPES: dict[str, tuple[str, ...] | None] = {
    "facebook": ("ads_management", "ads_read", "business_management"),
    "linkedin": ("r_ads", "rw_ads", "r_ads_reporting", "openid", "profile"),
    "pinterest": ("ads:read", "ads:write", "user_accounts:read"),
    "snapchat": None,
    "tiktok": None,
    "x": None,
}
ASKED = {"snapchat": "snapchat-marketing-api", "linkedin": " ".join(SCOPES["linkedin"] or ())}
CONSENT_PAGES = {
    "facebook": "v26.0/dialog/oauth",
    "linkedin": "oauth/v2/authorization",
    "pinterest": "oauth/",
    "snapchat": "login/oauth2/authorize",
    "tiktok": "portal/auth",
}
TOKEN_PATH = {
    "facebook": "oauth/access_token",
    "linkedin": "accessToken",
    "pinterest": "oauth/token$",
    "snapchat": "access_token",
    "tiktok": "oauth2/access_token",
    "x": "oauth/access_token",
}
NOBODYS = Credentials("nothing-of-ours", refresh_token="neither", secret="nor-this")


@dataclass(frozen=True)
class World:
    """One channel's stand-in, and our package for it."""

    key: str
    sandbox: Sandbox

    @property
    def channel(self) -> Channel:
        """Our package."""
        return registry.get(self.key)

    @property
    def app(self) -> AppKeys:
        """The keys of our app."""
        client_id, secret = Sandbox.APPS[self.key]
        return AppKeys(client_id, (secret,), f"http://testserver/link/{self.key}/callback/", ())

    @property
    def wrong(self) -> AppKeys:
        """The same app with a secret that the channel does not take."""
        return replace(self.app, secrets=("not-the-secret",))

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """What a consent permits."""
        return SCOPES[self.key]

    def id(self, name: str) -> str:
        """The id of an ad account of the start world; anything else is an id itself."""
        found = {one.name: one.id for one in start_accounts() if one.channel == self.key}
        return found.get(name, name)

    def person(self, user: str = "ada") -> Identity:
        """Who somebody is at this channel."""
        one = next(one for one in start_users() if (one.channel, one.key) == (self.key, user))
        return Identity(one.id, one.name)

    def switch(self, **settings: Any) -> None:
        """Set the stand-in's switches."""
        self.sandbox.put_app(self.key, settings=settings)

    def trouble(self, path: str = "", **fault: Any) -> None:
        """Let calls of this path go wrong, or be answered so."""
        self.sandbox.add_fault(self.key, path=path, **fault)

    def heal(self) -> None:
        """End all trouble, and let our side remember none."""
        self.sandbox.clear_faults()
        caches["calls"].clear()
        memories.forget()

    def says(self, path: str, body: Any, status: int = 200, **more: Any) -> None:
        """Let calls of this path be answered so."""
        self.trouble(path, status=status, body=body, **more)

    def calls(self, path: str = "") -> list[dict[str, Any]]:
        """The calls of this path."""
        return self.sandbox.calls(channel=self.key, path=path)

    def token(self, user: str = "ada", *, age: int = HOUR_OLD, **fields: Any) -> Credentials:
        """A consent without the page, `age` seconds old where the channel minds."""
        if self.key == "linkedin":
            fields = {"issued_at": self.sandbox.state()["now"] - age, **fields}
        said = self.sandbox.issue_token(self.key, user, **fields)
        if self.key == "x":
            return Credentials(said["oauth_token"], secret=said["oauth_token_secret"])
        return Credentials(said["access_token"], refresh_token=said.get("refresh_token") or "")

    def back(self, user: str = "ada", *, asked_for: str = "", **choice: Any) -> dict[str, str]:
        """Consent at the page as a browser does, and return what the exchange wants to know."""
        if self.key == "x":
            temporary = x_calls.request_token(self.app)
            page = f"{self.sandbox.x}/oauth/authorize?oauth_token={temporary.access_token}"
            said = dict(parse_qsl(urlsplit(native.decide(page, user, **choice)).query))
            return {
                "oauth_token": temporary.access_token,
                "oauth_token_secret": temporary.secret,
                "oauth_verifier": said["oauth_verifier"],
            }
        asked = {
            "app_id" if self.key == "tiktok" else "client_id": self.app.client_id,
            "redirect_uri": self.app.redirect_uri,
            "response_type": "code",
            "state": "s",
            "scope": asked_for or ASKED.get(self.key) or ",".join(self.scopes or ()),
        }
        root = getattr(self.sandbox, self.key)
        page = f"{root}/{CONSENT_PAGES[self.key]}?{urlencode(asked)}"
        said = dict(parse_qsl(urlsplit(native.decide(page, user, **choice)).query))
        return {"code": said.get("auth_code") or said["code"]}

    # ---- what our package is asked

    def exchange(self, **choice: Any) -> Grant:
        """Consent and exchange."""
        return self.channel.exchange(self.app, self.back(**choice))

    def renew(self, credentials: Credentials, **more: Any) -> Grant:
        """Renew, which must give something."""
        grant = self.channel.renew(self.app, credentials, **more)
        assert grant is not None
        return grant

    def inspect(self, credentials: Credentials, **more: Any) -> Inspection:
        """Ask about a token."""
        return self.channel.inspect(self.app, credentials, **more)

    def list(self, credentials: Credentials | None = None, user: str = "ada", **more: Any) -> AccountList:
        """List somebody's ad accounts."""
        scopes = more.get("scopes", self.scopes)
        return self.channel.list_accounts(
            self.app, credentials or self.token(user), self.person(user), scopes
        )

    def listed(self, user: str = "ada", **more: Any) -> dict[str, NativeAccount]:
        """Somebody's ad accounts by their names."""
        return {one.name: one for one in self.list(user=user, **more).accounts}

    def read(
        self, name: str = LUMEN, credentials: Credentials | None = None, user: str = "ada", **more: Any
    ) -> AccessCheck:
        """Read one ad account."""
        scopes = more.pop("scopes", self.scopes)
        return self.channel.read_account(
            self.app, credentials or self.token(user), self.id(name), scopes=scopes, **more
        )

    def refuses(self, question: Callable[[], object]) -> Classification:
        """Ask what the channel refuses, and return why; no secret is in the error."""
        with pytest.raises(ChannelError) as caught:
            question()
        assert Sandbox.MARKER not in f"{caught.value} {caught.value.evidence}"
        return caught.value.classification

    def refuses_to_renew(self, credentials: Credentials, app: AppKeys | None = None) -> Classification:
        """The same of a renewal."""
        return self.refuses(lambda: self.channel.renew(app or self.app, credentials))


def means(found: Classification, meaning: Meaning) -> bool:
    """Return whether that is what a classification says."""
    return (found.verdict, found.reason) == meaning[:2] and meaning.row in {None, found.row}


def in_days(moment: datetime | None) -> float | None:
    """Return how many days from now a moment is, exact to minutes."""
    if moment is None:
        return None
    return round((moment - datetime.now(UTC)) / timedelta(days=1), 3)


def names(accounts: Sequence[NativeAccount]) -> set[str]:
    """Return the names of ad accounts."""
    return {one.name for one in accounts}
