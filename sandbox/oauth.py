"""What the stand-ins of Snapchat, LinkedIn, Pinterest and TikTok have in common: a consent page, codes, and one record per consent.

What each of them answers, and in which shape, is in its own package.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox.store import Store, UnknownNameError, random_text
from sandbox.web import Params, first, page, params_of, store_of
from sandbox.world import NEVER, AdAccount, App, NativeUser, OauthCode, OauthToken


class CodeError(Exception):
    """A code that gives no token. `why` is unknown, used, expired or redirect."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class RefusedError(Exception):
    """The consent page shows this text instead of asking."""


@dataclass
class Wish:
    """What the app asked for in the address of the consent page."""

    app: App
    redirect_uri: str
    state: str
    scopes: list[str]


def back(wish: Wish, **answer: str) -> RedirectResponse:
    """Send the browser to the app with an answer."""
    if wish.state:
        answer["state"] = wish.state
    joint = "&" if "?" in wish.redirect_uri else "?"
    return RedirectResponse(wish.redirect_uri + joint + urlencode(answer), status_code=302)


def is_registered(app: App, redirect_uri: str) -> bool:
    """Whether the app has exactly this redirect address."""
    return any(hmac.compare_digest(redirect_uri.encode(), uri.encode()) for uri in app.redirect_uris)


@dataclass
class OauthStandIn:
    """One of the four channels; its package fills in what is its own."""

    channel: str
    label: str
    access_life: int  # seconds; NEVER: no end
    refresh_life: int | None = None  # seconds; NEVER: no end; None: there is no refresh token
    id_parameter: str = "client_id"
    code_parameter: str = "code"
    scope_separator: str = " "
    default_scopes: tuple[str, ...] = ()  # of issue_token, and where the address names none
    picks_accounts: bool = False  # whether the person ticks ad accounts on the page
    cancelled: Mapping[str, str] = field(default_factory=lambda: {"error": "access_denied"})
    button: str = "Allow"  # what the channel calls it, as far as is known
    code_life: int = 600
    access_prefix: str = ""
    access_length: int = 60
    refresh_prefix: str = ""
    # action -> why the consent ends by it; an action that is not named ends nothing
    ends: Mapping[str, str] = field(default_factory=lambda: {"cancel_authorisation": "cancelled"})

    # ---- the consent page

    async def show(self, request: Request) -> Response:
        """The page. Without `user` it asks who is signed in, with it what to allow."""
        store, params = store_of(request), await params_of(request)
        try:
            wish = self.wish(store, params)
            passed = {name: values[0] for name, values in params.items() if name not in ("user", "action")}
            if "user" not in params:
                users = [u for u in store.users if u.channel == self.channel]
                return page("oauth/who.html", label=self.label, app=wish.app, users=users, passed=passed)
            user = self._person(store, params)
        except (RefusedError, UnknownNameError) as error:
            return page("oauth/refused.html", status=400, label=self.label, text=str(error))
        return page(
            "oauth/consent.html",
            label=self.label,
            app=wish.app,
            user=user,
            passed=passed,
            scopes=wish.scopes,
            accounts=store.accounts_of(self.channel, user.key),
            picks=self.picks_accounts,
            button=self.button,
        )

    async def decide(self, request: Request) -> Response:
        """The form: what the app asked, `user`, `accounts` (once for each tick), `action` = allow or cancel."""
        store, params = store_of(request), await params_of(request)
        try:
            wish = self.wish(store, params)
            if first(params, "action") == "cancel":
                return self._back(wish, **self.cancelled)
            user = self._person(store, params)
        except (RefusedError, UnknownNameError) as error:
            return page("oauth/refused.html", status=400, label=self.label, text=str(error))
        mine = [account.id for account in store.accounts_of(self.channel, user.key)]
        ticked = [one for one in mine if one in params.get("accounts", [])] if self.picks_accounts else mine
        code = OauthCode(
            random_text(40),
            self.channel,
            wish.app.client_id,
            user.key,
            wish.redirect_uri,
            wish.scopes,
            ticked,
            store.now(),
        )
        store.oauth_codes[code.code] = code
        store.changed()
        return self._back(wish, **{self.code_parameter: code.code})

    def wish(self, store: Store, params: Params) -> Wish:
        """Check what the app asked: its id and the exact redirect address."""
        app = store.app(self.channel, first(params, self.id_parameter))
        if app is None or app.suspended:
            raise RefusedError("The application that sent you here is not known, or is switched off.")
        redirect_uri = first(params, "redirect_uri")
        if not is_registered(app, redirect_uri):
            raise RefusedError(
                "The redirect address does not match one that is registered for this application."
            )
        scopes = self.asked_scopes(params) or list(self.default_scopes)
        return Wish(app, redirect_uri, first(params, "state"), scopes)

    def asked_scopes(self, params: Params) -> list[str]:
        """The permissions in the address of the consent page."""
        return [scope for scope in first(params, "scope").split(self.scope_separator) if scope]

    def _person(self, store: Store, params: Params) -> NativeUser:
        user = store.user(self.channel, first(params, "user"))
        if user.suspended or user.deactivated:
            raise RefusedError("This account is suspended or closed.")
        if user.checkpoint:
            raise RefusedError("Finish the security check first.")
        return user

    def _back(self, wish: Wish, **answer: str) -> RedirectResponse:
        return back(wish, **answer)

    # ---- codes and consents

    def redeem(self, store: Store, app: App, text: str, redirect_uri: str | None) -> OauthToken:
        """Turn a code into a consent. `redirect_uri` None: the channel does not ask for it again. Raises CodeError."""
        code = store.oauth_codes.get(text)
        if code is None or (code.channel, code.client_id) != (self.channel, app.client_id):
            raise CodeError("unknown")
        if code.used:
            raise CodeError("used")
        if code.issued_at + self.code_life <= store.now():
            raise CodeError("expired")
        if redirect_uri is not None and redirect_uri != code.redirect_uri:
            raise CodeError("redirect")
        code.used = True
        user = store.user(self.channel, code.user)
        return self.grant(store, app, user, scopes=code.scopes, account_ids=code.account_ids)

    def grant(
        self, store: Store, app: App, user: NativeUser, *, scopes: list[str], account_ids: list[str]
    ) -> OauthToken:
        """A fresh consent with its tokens."""
        now = store.now()
        token = OauthToken(
            token=store.new_oauth_text(self.access_prefix, self.access_length),
            channel=self.channel,
            client_id=app.client_id,
            user=user.key,
            scopes=list(scopes),
            account_ids=list(account_ids),
            consented_at=now,
            issued_at=now,
            expires_at=now + self.access_life if self.access_life else NEVER,
        )
        if self.refresh_life is not None and app.settings.get("refresh_tokens", True):
            token.refresh_token = store.new_oauth_text(self.refresh_prefix, self.access_length)
            token.refresh_expires_at = now + self.refresh_life if self.refresh_life else NEVER
        store.oauth_tokens[token.token] = token
        store.changed()
        return token

    def renew(self, store: Store, token: OauthToken, *, rotate: bool) -> None:
        """Give the consent a fresh access token, and with `rotate` a fresh refresh token: the old strings are spent."""
        del store.oauth_tokens[token.token]
        token.spent.append(token.token)
        token.token = store.new_oauth_text(self.access_prefix, self.access_length)
        if rotate:
            token.spent.append(token.refresh_token)
            token.refresh_token = store.new_oauth_text(self.refresh_prefix, self.access_length)
        token.issued_at = store.now()
        token.expires_at = token.issued_at + self.access_life if self.access_life else NEVER
        store.oauth_tokens[token.token] = token
        store.changed()

    def shaped(self, store: Store, kind: str, user: str, answer: dict[str, Any]) -> dict[str, Any]:
        """Apply an order for token answers of this kind (code or refresh), if one waits, and use it up."""
        order = store.take_order(self.channel, kind, user)
        if order is None:
            return answer
        return {k: v for k, v in {**answer, **order.put}.items() if k not in order.omit}

    # ---- control API

    def issue(self, store: Store, app: App, user: NativeUser, data: dict[str, Any]) -> dict[str, Any]:
        """A consent without the page. Gives `access_token, refresh_token, expires_at, refresh_expires_at, scopes, user_id, name`."""
        ids = [account.id for account in store.accounts_of(self.channel, user.key)]
        if "accounts" in data:
            ids = [store.account(self.channel, name).id for name in data["accounts"]]
        scopes = data.get("scopes", list(self.default_scopes))
        token = self.grant(store, app, user, scopes=scopes, account_ids=ids)
        for name in ("issued_at", "expires_at", "refresh_expires_at"):
            if name in data:
                setattr(token, name, int(data[name]))
        store.changed()
        return {
            "access_token": token.token,
            "refresh_token": token.refresh_token,
            "issued_at": token.issued_at,
            "expires_at": token.expires_at,
            "refresh_expires_at": token.refresh_expires_at,
            "scopes": token.scopes,
            "user_id": user.id,
            "name": user.name,
        }

    def consents(self, store: Store, user: NativeUser, client_id: str | None = None) -> list[OauthToken]:
        """The person's consents that have not ended, at one app or at all."""
        return [
            token
            for token in store.oauth_tokens.values()
            if (token.channel, token.user, token.dead) == (self.channel, user.key, "")
            and client_id in (None, token.client_id)
        ]

    def account_changed(self, store: Store, account: AdAccount, before: str) -> None:
        """An ad account was changed by the control API; `before` was its status. Channels that push such news override it."""

    async def action(self, store: Store, user: NativeUser, action: str, data: dict[str, Any]) -> None:
        """An action of or to the person; those that end nothing here do nothing."""
        for token in self.consents(store, user, data.get("client_id")) if action in self.ends else ():
            token.dead = self.ends[action]
        store.changed()
