"""The token endpoint and the revoke addresses. Everything comes in a form body; parameters in the address are not read."""

import hmac
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.oauth import CodeError
from sandbox.snapchat.access import ended
from sandbox.snapchat.errors import TokenError
from sandbox.snapchat.switches import CHANNEL, STAND_IN, life
from sandbox.store import Store
from sandbox.web import FORM, form_of, store_of
from sandbox.world import NEVER, App, OauthToken

NO_GRANT = "The provided authorization grant or refresh token is invalid, expired or revoked"


async def access_token(request: Request) -> Response:
    """`/login/oauth2/access_token`: authorization_code or refresh_token."""
    try:
        store, form = store_of(request), await _form(request)
        app = _client(store, form)
        grant_type = form.get("grant_type", "")
        if grant_type == "authorization_code":
            return _given(store, "code", _redeem(store, app, form), app, refresh=True)
        if grant_type == "refresh_token":
            token = _refresh(store, app, form)
            return _given(store, "refresh", token, app, refresh=bool(app.settings.get("rotate")))
        name = "unsupported_grant_type" if grant_type else "invalid_request"
        raise TokenError(400, name, "grant_type must be authorization_code or refresh_token")
    except TokenError as error:
        return error.response()


async def revoke(request: Request) -> Response:
    """`/login/oauth2/revoke` or `/login/oauth2/revoke_token`: which one exists is disputed (unverified, with its answer)."""
    try:
        store, form = store_of(request), await _form(request)
        app = _client(store, form)
        token = store.oauth_token(form.get("token", "")) or store.oauth_spent(form.get("token", ""))
        if token is not None and (token.channel, token.client_id) == (CHANNEL, app.client_id):
            token.dead = "revoked"
            store.changed()
        return Response(status_code=200)  # RFC 7009: an unknown token is no error
    except TokenError as error:
        return error.response()


async def _form(request: Request) -> dict[str, str]:
    form = await form_of(request)
    if form is None:
        raise TokenError(400, "invalid_request", f"The body must be {FORM}")
    return form


def _client(store: Store, form: dict[str, str]) -> App:
    """The app, by id and secret in the body. A suspended one is answered like an unknown one (unverified)."""
    app = store.app(CHANNEL, form.get("client_id", ""))
    secret = form.get("client_secret", "")
    known = app is not None and hmac.compare_digest(secret.encode(), app.secret.encode())
    if app is None or not known or app.suspended:
        raise TokenError(401, "invalid_client", "Client authentication failed")
    return app


def _redeem(store: Store, app: App, form: dict[str, str]) -> OauthToken:
    for name in ("code", "redirect_uri"):
        if not form.get(name):
            raise TokenError(400, "invalid_request", f"Missing parameter: {name}")
    try:
        return STAND_IN.redeem(store, app, form["code"], form["redirect_uri"])
    except CodeError as error:
        raise TokenError(400, "invalid_grant", NO_GRANT) from error


def _refresh(store: Store, app: App, form: dict[str, str]) -> OauthToken:
    text = form.get("refresh_token", "")
    if not text:
        raise TokenError(400, "invalid_request", "Missing parameter: refresh_token")
    token = store.oauth_token(text)
    good = token is not None and token.refresh_token == text and token.channel == CHANNEL
    if token is None or not good or token.client_id != app.client_id:
        raise TokenError(400, "invalid_grant", NO_GRANT)
    over = token.refresh_expires_at != NEVER and token.refresh_expires_at <= store.now()
    if over or ended(token, store.user(CHANNEL, token.user)):
        raise TokenError(400, "invalid_grant", NO_GRANT)
    STAND_IN.refresh(store, app, token)
    return token


def _given(store: Store, kind: str, token: OauthToken, app: App, *, refresh: bool) -> Response:
    """The answer. A refresh token comes with a code, and with a refresh only where it rotates."""
    answer: dict[str, Any] = {
        "access_token": token.token,
        "token_type": "Bearer",
        "expires_in": life(app),
        "scope": " ".join(token.scopes),
    }
    if refresh and token.refresh_token:
        answer["refresh_token"] = token.refresh_token
    shaped = STAND_IN.shaped(store, kind, token.user, answer)
    return JSONResponse(shaped, headers={"cache-control": "no-store"})
