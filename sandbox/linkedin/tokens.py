"""The OAuth endpoints: token, introspection, revocation. Everything comes as a form; Basic and the query are not read."""

import base64
import hmac
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.linkedin import errors
from sandbox.linkedin.errors import OauthError
from sandbox.linkedin.switches import STAND_IN
from sandbox.oauth import CodeError
from sandbox.store import Store
from sandbox.web import form_of, store_of
from sandbox.world import App, OauthToken


def client(store: Store, form: dict[str, str], *, needs: tuple[str, ...] = ()) -> App:
    """The app that calls, by id and secret in the form; raises OauthError."""
    for name in (*needs, "client_id", "client_secret"):
        if not form.get(name, ""):
            raise errors.missing(name)
    app = store.app("linkedin", form.get("client_id", ""))
    if app is None:
        raise errors.wrong_client(form.get("client_id", ""))
    if not hmac.compare_digest(form.get("client_secret", "").encode(), app.secret.encode()):
        raise errors.wrong_secret()
    if app.suspended:
        raise errors.suspended()
    return app


async def access_token(request: Request) -> Response:
    """`POST /oauth/v2/accessToken`: a code or a refresh token for an access token."""
    store, form = store_of(request), await form_of(request) or {}
    app = client(store, form, needs=("grant_type",))
    grant_type = form.get("grant_type", "")
    if grant_type == "authorization_code":
        return JSONResponse(_redeem(store, app, form, str(request.url).partition("/v2/accessToken")[0]))
    if grant_type == "refresh_token":
        return JSONResponse(_refresh(store, app, form))
    if grant_type == "client_credentials":
        raise OauthError(401, "access_denied", "This application is not allowed to create application tokens")
    raise OauthError(
        400, "invalid_request", f'The passed in grant_type is invalid "{grant_type}"'
    )  # (unverified)


def _redeem(store: Store, app: App, form: dict[str, str], issuer: str) -> dict[str, Any]:
    for name in ("code", "redirect_uri"):
        if not form.get(name, ""):
            raise errors.missing(name)
    try:
        token = STAND_IN.redeem(store, app, form.get("code", ""), form.get("redirect_uri", ""))
    except CodeError as error:
        if error.why == "unknown":
            text = "Unable to retrieve access token: authorization code not found"
            raise OauthError(401, "invalid_request", text) from error
        name = "invalid_request" if error.why == "used" else "invalid_redirect_uri"
        raise OauthError(400, name, errors.BAD_CODE) from error
    answer = _answer(store, token)
    if "openid" in token.scopes:
        answer["id_token"] = _id_token(store, token, issuer)
    return STAND_IN.shaped(store, "code", token.user, answer)


def _id_token(store: Store, token: OauthToken, issuer: str) -> str:
    """An ID token with the claims that LinkedIn documents. Its signature is none: nobody here checks it."""
    user, now = store.user("linkedin", token.user), store.now()
    claims = {
        "iss": issuer,
        "aud": token.client_id,
        "iat": now,
        "exp": now + 3600,
        "sub": user.id,
        "name": user.name,
    }
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    encoded = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, store.new_oauth_text("", 80)])


def _refresh(store: Store, app: App, form: dict[str, str]) -> dict[str, Any]:
    text = form.get("refresh_token", "")
    if not text:
        raise errors.missing("refresh_token")
    token = store.oauth_token(text)
    if token is None or token.refresh_token != text or token.client_id != app.client_id:
        raise OauthError(400, "invalid_request", errors.BAD_REFRESH)
    user = store.user("linkedin", token.user)
    over = token.refresh_expires_at <= store.now() or bool(token.dead)
    if over or user.suspended or user.deactivated or not app.settings.get("refresh_tokens", True):
        raise OauthError(400, "invalid_request", errors.BAD_REFRESH)
    STAND_IN.renew(store, token, rotate=bool(app.settings.get("rotate_refresh")))
    return STAND_IN.shaped(store, "refresh", token.user, _answer(store, token))


def _answer(store: Store, token: OauthToken) -> dict[str, Any]:
    """Both lifetimes are what is left now; the keys of the refresh token are there only where there is one."""
    answer: dict[str, Any] = {"access_token": token.token, "expires_in": token.expires_at - store.now()}
    if token.refresh_token:
        answer["refresh_token"] = token.refresh_token
        answer["refresh_token_expires_in"] = token.refresh_expires_at - store.now()
    return {**answer, "scope": ",".join(token.scopes), "token_type": "Bearer"}


async def introspect(request: Request) -> Response:
    """`POST /oauth/v2/introspectToken`. Statuses are documented, bodies of tokens that are over are unverified."""
    store, form = store_of(request), await form_of(request) or {}
    app = client(store, form, needs=("token",))
    token, standing = STAND_IN.standing(store, form.get("token", ""))
    if standing == "unknown":
        raise OauthError(400, "invalid_request", "Invalid token")  # 400 documented, body unverified
    if token is None or token.client_id != app.client_id or standing == "fresh":
        return JSONResponse({"active": False})  # of another app: documented; fresh: unverified
    body: dict[str, Any] = {
        "active": standing == "active",
        "status": standing,
        "client_id": token.client_id,
        "authorized_at": token.consented_at,
        "created_at": token.issued_at,
        "expires_at": token.expires_at,
        "scope": ",".join(token.scopes),
        "auth_type": "3L",
    }
    return JSONResponse(body)


async def revoke(request: Request) -> Response:
    """`POST /oauth/v2/revoke` (unverified: used by several projects, in no document). It ends the consent."""
    store, form = store_of(request), await form_of(request) or {}
    app = client(store, form, needs=("token",))
    token = store.oauth_token(form.get("token", ""))
    if token is not None and token.client_id == app.client_id:
        token.dead = "revoked"
        store.changed()
    return Response(status_code=200)
