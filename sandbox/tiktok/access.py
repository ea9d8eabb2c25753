"""Who calls: JSON bodies, the app with its secret, and the token in its header."""

import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from sandbox.store import Store
from sandbox.tiktok import errors
from sandbox.web import store_of
from sandbox.world import NEVER, AdAccount, App, NativeUser, OauthToken

CHANNEL = "tiktok"


@dataclass(frozen=True)
class Caller:
    """A person whose token came in the header."""

    store: Store
    token: OauthToken
    app: App
    user: NativeUser

    def visible(self, native_id: str) -> AdAccount | None:
        """An ad account on which the person has a role."""
        mine = self.store.accounts_of(CHANNEL, self.user.key)
        return next((account for account in mine if account.id == native_id), None)


def path_of(request: Request) -> str:
    """The path below the version: "user/info"."""
    return str(request.url.path).partition("/open_api/")[2].partition("/")[2].strip("/")


def caller_of(request: Request) -> Caller:
    """The person who calls. Raises BusinessError."""
    store = store_of(request)
    token = living(store, request.headers.get("access-token", ""))
    app = store.app(CHANNEL, token.client_id)
    if app is None:
        raise errors.dead_token()
    refuse_suspended(app)
    return Caller(store, token, app, store.user(CHANNEL, token.user))


def living(store: Store, sent: str) -> OauthToken:
    """The consent of an access token that is good. Raises BusinessError."""
    if not sent:
        raise errors.no_token()
    token = store.oauth_tokens.get(sent)
    if token is None or token.channel != CHANNEL or token.dead:
        raise errors.dead_token()
    if token.expires_at != NEVER and token.expires_at <= store.now():
        raise errors.expired_token()
    user = store.user(CHANNEL, token.user)
    if user.suspended or user.deactivated:
        raise errors.gone_user()
    if user.checkpoint:
        raise errors.login_wanted()
    return token


def refuse_suspended(app: App) -> None:
    """Raise BusinessError for an app that TikTok switched off."""
    if app.suspended:
        raise errors.forbidden_app()


def app_of(store: Store, client_id: Any, secret: Any) -> App:
    """The app whose id and secret these are. Raises BusinessError."""
    app = store.app(CHANNEL, str(client_id or ""))
    if app is None or app.secret != secret:
        raise errors.wrong_secret()
    return app


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a POST; forms are refused (text unverified). Raises BusinessError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/json":
        raise errors.bad_parameter("Content-Type must be application/json.")
    try:
        data = json.loads(await request.body())
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise errors.bad_parameter("The body must be a JSON object.")
    return data


def wanted(data: dict[str, Any], name: str) -> str:
    """A text that must be there. Raises BusinessError."""
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise errors.bad_parameter(f"{name}: Missing data for required field.")
    return value
