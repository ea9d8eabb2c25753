"""The token endpoint, and the end of a token."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.oauth import CodeError
from sandbox.pinterest import errors
from sandbox.pinterest.access import CHANNEL, app_of, form_of, lives
from sandbox.pinterest.errors import PinterestError
from sandbox.pinterest.switches import SCOPES, STAND_IN, switch
from sandbox.store import Store
from sandbox.web import store_of
from sandbox.world import NEVER, App, OauthToken


async def token(request: Request) -> Response:
    """`POST /v5/oauth/token`: a code or a refresh token for tokens."""
    app, form = app_of(request), await form_of(request)
    store = store_of(request)
    grant_type = form.get("grant_type", "")
    if grant_type == "authorization_code":
        return JSONResponse(_redeem(store, app, form))
    if grant_type == "refresh_token":
        return JSONResponse(_refresh(store, app, form))
    # client_credentials is "not fully available", its answer then (unverified)
    raise errors.bad_request(f"Invalid request: grant_type {grant_type[:40]!r}")


def _redeem(store: Store, app: App, form: dict[str, str]) -> dict[str, Any]:
    if not form.get("code") or "redirect_uri" not in form:
        raise errors.bad_request("Invalid request: code and redirect_uri are required")
    try:
        made = STAND_IN.redeem(store, app, form["code"], form["redirect_uri"])
    except CodeError:
        raise bad_code(app) from None
    return STAND_IN.shaped(store, "code", made.user, _answer(store, app, made, "authorization_code"))


def bad_code(app: App) -> PinterestError:
    """A code that is unknown, used, too old, or for another address: which number each of them gets is (unverified)."""
    return errors.grant_invalid() if int(switch(app, "bad_code")) == 283 else errors.authentication_failed()


def _refresh(store: Store, app: App, form: dict[str, str]) -> dict[str, Any]:
    text = form.get("refresh_token", "")
    if not text:
        raise errors.bad_request("Invalid request: refresh_token is required")
    held = store.oauth_token(text)
    if held is None or held.refresh_token != text or not lives(store, held):
        raise errors.grant_invalid()
    if (held.channel, held.client_id) != (CHANNEL, app.client_id):
        raise errors.grant_invalid()
    if held.refresh_expires_at != NEVER and held.refresh_expires_at <= store.now():
        raise errors.grant_invalid()
    asked = [scope for scope in form.get("scope", "").split(",") if scope]
    if not set(asked) <= set(_ever(store, held)):
        raise errors.bad_request("Invalid request: scope")  # (unverified)
    STAND_IN.refresh(store, app, held)
    return STAND_IN.shaped(store, "refresh", held.user, _answer(store, app, held, "refresh_token"))


def _answer(store: Store, app: App, held: OauthToken, response_type: str) -> dict[str, Any]:
    now = store.now()
    said: dict[str, Any] = {
        "access_token": held.token,
        "token_type": "bearer",
        "response_type": response_type,
        "expires_in": max(0, held.expires_at - now),
        "scope": ",".join(_ever(store, held)),
    }
    # Of the old kind, a refresh gives an access token only (pinterest/api-quickstart issue 99).
    if not (response_type == "refresh_token" and switch(app, "legacy")):
        said["refresh_token"] = held.refresh_token
        said["refresh_token_expires_in"] = max(0, held.refresh_expires_at - now)
        said["refresh_token_expires_at"] = held.refresh_expires_at
    return said


def _ever(store: Store, held: OauthToken) -> list[str]:
    """All scopes that the person ever approved for the app: what `scope` says."""
    mine = [
        other
        for other in store.oauth_tokens.values()
        if (other.channel, other.client_id, other.user) == (CHANNEL, held.client_id, held.user)
    ]
    given = {scope for other in mine for scope in other.scopes}
    return [scope for scope in SCOPES if scope in given]


async def revoke(request: Request) -> Response:
    """`POST /v5/oauth/token/revoke`: only tokens of system users."""
    app, form = app_of(request), await form_of(request)
    store = store_of(request)
    if not form.get("token"):
        raise errors.bad_request("Invalid request: token is required")
    held = store.oauth_token(form["token"])
    if held is None or (held.channel, held.client_id) != (CHANNEL, app.client_id):
        raise errors.not_permitted()
    if held.user not in switch(app, "system_users"):
        raise errors.not_permitted()
    held.dead = "revoked"
    store.changed()
    return Response(status_code=200)
