"""OAuth 2.0 with PKCE, as X has it beside 1.0a: consent page, token endpoint, end of a token, and who calls with a bearer token.

Documented: Basic only for an app with a secret, a code of 30 seconds, 2 hours of access, a refresh token only with `offline.access`, which
rotates, and one living grant per app and person. Here an app has one id and one secret for both kinds of OAuth.

Switches (`PUT apps/x {"settings": {...}}`):

public            true: a native app, which has no secret and sends `client_id` in the body
bearer_on_rest    true: the Ads API takes bearer tokens too (no document says that it does)
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.oauth import CodeError, OauthStandIn, RefusedError, Wish
from sandbox.store import Store
from sandbox.web import Params, app_by_basic, first, form_of, store_of
from sandbox.world import App, NativeUser, OauthCode, OauthToken
from sandbox.x import errors
from sandbox.x.signature import XCaller, living_user

CHANNEL = "x"
CODE_LIFE, ACCESS_LIFE = 30, 2 * 60 * 60
REFRESH_LIFE = 180 * 86_400  # about six months (unverified)
LONGEST_STATE = 500
METHODS = ("S256", "s256", "plain")  # twitter-api-v2, which many use, writes a small letter
OFFLINE = "offline.access"
ADS_READ, ADS_WRITE = "ads.read", "ads.write"
ME = frozenset({"tweet.read", "users.read"})
SCOPES = frozenset({ADS_READ, ADS_WRITE, OFFLINE, "media.write", *ME})


class Oauth2Error(Exception):
    """What the token endpoint answers: OAuth's own shape, other than all else at X."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status, self.error, self.description = status, error, description


def refused(error: Oauth2Error) -> JSONResponse:
    """The body of such an error."""
    return JSONResponse({"error": error.error, "error_description": error.description}, error.status)


def invalid(text: str) -> Oauth2Error:
    """X says invalid_request also where the standard says invalid_grant."""
    return Oauth2Error(400, "invalid_request", text)


def no_client() -> Oauth2Error:
    """No Basic header of an app with a secret, or a wrong one; `client_secret` in the body counts for nothing."""
    return Oauth2Error(401, "unauthorized_client", "Missing valid authorization header")


@dataclass
class XWish(Wish):
    """The wish, with how the challenge that the code is bound to was made."""

    challenge: str = ""
    method: str = ""


class XOauth2(OauthStandIn):
    """The consent page at x.com/i/oauth2/authorize."""

    def wish(self, store: Store, params: Params) -> XWish:
        """Check what the app asked. The texts of refusals are unverified."""
        wish = super().wish(store, params)
        challenge, method = first(params, "code_challenge"), first(params, "code_challenge_method")
        if first(params, "response_type") != "code" or not challenge or method not in METHODS:
            raise RefusedError("Something went wrong. You weren't able to give access to the App.")
        if len(wish.state) > LONGEST_STATE or not wish.scopes or not set(wish.scopes) <= SCOPES:
            raise RefusedError("Something went wrong. You weren't able to give access to the App.")
        return XWish(wish.app, wish.redirect_uri, wish.state, wish.scopes, challenge, method)

    def code_for(self, store: Store, wish: Wish, user: NativeUser, *, account_ids: list[str]) -> OauthCode:
        """A fresh code, bound to the challenge."""
        code = super().code_for(store, wish, user, account_ids=account_ids)
        if isinstance(wish, XWish):
            code.challenge, code.challenge_method = wish.challenge, wish.method
        return code

    def grant(
        self, store: Store, app: App, user: NativeUser, *, scopes: list[str], account_ids: list[str]
    ) -> OauthToken:
        """A new grant ends the one before it. Without offline.access there is no refresh token."""
        end_grants(store, client_id=app.client_id, user=user.key)
        token = super().grant(store, app, user, scopes=scopes, account_ids=account_ids)
        if OFFLINE not in scopes:
            token.refresh_token = ""
        return token


STAND_IN = XOauth2(
    CHANNEL,
    "X",
    access_life=ACCESS_LIFE,
    refresh_life=REFRESH_LIFE,
    code_life=CODE_LIFE,
)


def end_grants(store: Store, *, client_id: str, user: str) -> None:
    """End what an app holds of a person by OAuth 2."""
    for token in store.oauth_tokens.values():
        if (token.channel, token.client_id, token.user) == (CHANNEL, client_id, user) and not token.dead:
            token.dead = "ended"
    store.changed()


async def token(request: Request) -> Response:
    """`POST /2/oauth2/token`: a code or a refresh token for tokens."""
    store = store_of(request)
    try:
        form = await _form(request)
        app = _client(store, request, form)
        if form.get("grant_type") == "authorization_code":
            return JSONResponse(_redeem(store, app, form))
        if form.get("grant_type") == "refresh_token":
            return JSONResponse(_refresh(store, app, form))
        raise Oauth2Error(400, "unsupported_grant_type", "Unsupported grant type.")  # (unverified)
    except Oauth2Error as error:
        return refused(error)


async def revoke(request: Request) -> Response:
    """`POST /2/oauth2/revoke`: the end of a grant by one of its tokens. One that is unknown ends as well (unverified)."""
    store = store_of(request)
    try:
        form = await _form(request)
        app = _client(store, request, form)
        held = store.oauth_token(_wanted(form, "token"))
    except Oauth2Error as error:
        return refused(error)
    if held is not None and (held.channel, held.client_id) == (CHANNEL, app.client_id):
        end_grants(store, client_id=app.client_id, user=held.user)
    return JSONResponse({"revoked": True})  # (unverified)


def caller_by_bearer(request: Request, needs: frozenset[str]) -> XCaller:
    """The owner of a living bearer token with these permissions. Raises XError."""
    store = store_of(request)
    text = request.headers.get("authorization", "").partition(" ")[2].strip()
    found = store.oauth_tokens.get(text)
    app = store.app(CHANNEL, found.client_id) if found is not None else None
    if (
        found is None
        or app is None
        or found.channel != CHANNEL
        or found.dead
        or found.expires_at <= store.now()
    ):
        raise errors.dead_token()
    if app.suspended:
        raise errors.suspended_app()
    if not needs <= set(found.scopes):
        raise errors.narrow_token()
    user = living_user(store, found.user)
    return XCaller(store, app, found, user, dict(request.query_params), store.now())


def is_bearer(request: Request) -> bool:
    """Whether a call comes with a bearer token."""
    return request.headers.get("authorization", "").lower().startswith("bearer ")


async def _form(request: Request) -> dict[str, str]:
    form = await form_of(request)
    if form is None:
        raise invalid("Missing required parameter [grant_type].")
    return form


def _client(store: Store, request: Request, form: dict[str, str]) -> App:
    """The app: by Basic where it has a secret, by `client_id` where it is public."""
    if request.headers.get("authorization", "").lower().startswith("basic "):
        app = app_by_basic(request, CHANNEL)
        if app is None:
            raise no_client()
    else:
        app = store.app(CHANNEL, form.get("client_id", ""))
        if app is None or not app.settings.get("public"):
            raise no_client()
    if app.suspended:
        raise Oauth2Error(401, "invalid_client", "Invalid / suspended application")  # (unverified)
    return app


def _wanted(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise invalid(f"Missing required parameter [{name}].")
    return form[name]


def _redeem(store: Store, app: App, form: dict[str, str]) -> dict[str, Any]:
    text, address, verifier = (_wanted(form, name) for name in ("code", "redirect_uri", "code_verifier"))
    code = store.oauth_codes.get(text)
    if code is not None and not hmac.compare_digest(
        _challenge(verifier, code.challenge_method), code.challenge
    ):
        raise invalid("Value passed for the code verifier did not match the code challenge.")  # (unverified)
    try:
        return _answer(STAND_IN.redeem(store, app, text, address))
    except CodeError as error:
        if error.why == "redirect":
            text = "Value passed for the redirect uri did not match the uri of the authorization code."
            raise invalid(text) from None  # (unverified)
        raise invalid("Value passed for the authorization code was invalid.") from None


def _challenge(verifier: str, method: str) -> str:
    if method == "plain":
        return verifier
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _refresh(store: Store, app: App, form: dict[str, str]) -> dict[str, Any]:
    """A refresh token is good once: spent, revoked and unknown ones get the same answer."""
    text = _wanted(form, "refresh_token")
    held = store.oauth_token(text)
    mine = held is not None and (held.channel, held.client_id, held.refresh_token) == (
        CHANNEL,
        app.client_id,
        text,
    )
    if held is None or not mine or held.dead or held.refresh_expires_at <= store.now():
        raise invalid("Value passed for the token was invalid.")
    STAND_IN.renew(store, held, rotate=True)
    held.refresh_expires_at = store.now() + REFRESH_LIFE
    return _answer(held)


def _answer(made: OauthToken) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "token_type": "bearer",
        "expires_in": ACCESS_LIFE,
        "access_token": made.token,
        "scope": " ".join(made.scopes),
    }
    return answer | ({"refresh_token": made.refresh_token} if made.refresh_token else {})
