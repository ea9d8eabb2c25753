"""The three steps of OAuth 1.0a, and the page between them."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from sandbox.store import Store, UnknownNameError, random_text
from sandbox.web import first, page, params_of, store_of
from sandbox.world import MARKER, NativeUser, XRequestToken, XToken
from sandbox.x import errors
from sandbox.x.pairs import pair_for
from sandbox.x.signature import signed

LABEL = "X"
LOGIN_COOKIE = "sandbox_x_login"
FORM_TEXT = "text/html; charset=utf-8"
"""X sends its form-encoded answers under this type."""


async def request_token(request: Request) -> Response:
    """Step 1. The callback must be registered; its query may differ."""
    call = await signed(request, token_kind=None)
    callback = call.params.get("oauth_callback", "")
    if callback.partition("?")[0] not in call.app.redirect_uris:
        raise errors.callback_refused()
    token = XRequestToken(
        random_text(27), f"{MARKER}{random_text(24)}", call.app.client_id, callback, call.now
    )
    call.store.x_request_tokens[token.token] = token
    call.store.changed()
    answer = {
        "oauth_token": token.token,
        "oauth_token_secret": token.secret,
        "oauth_callback_confirmed": "true",
    }
    return Response(urlencode(answer), media_type=FORM_TEXT)


async def show(request: Request) -> Response:
    """Step 2, the page. Who is signed in at X in this browser is taken silently, unless force_login=true."""
    store, params = store_of(request), await params_of(request)
    token = store.x_request_tokens.get(first(params, "oauth_token"))
    app = store.app("x", token.client_id) if token is not None else None
    if token is None or token.used or token.verifier or app is None:
        return _refused(
            "The request token for this page is invalid. It may have already been used, or expired."
        )
    forced = first(params, "force_login") == "true"
    name = first(params, "user") or ("" if forced else request.cookies.get(LOGIN_COOKIE, ""))
    user = _user(store, name)
    if user is None:
        users = [u for u in store.users if u.channel == "x"]
        return page("oauth/who.html", label=LABEL, app=app, users=users, passed={"oauth_token": token.token})
    if stop := _stopped(user):
        return _refused(stop)
    passed = {"oauth_token": token.token, "force_login": "true"}  # for "Not you?"
    return page("x/consent.html", label=LABEL, app=app, user=user, passed=passed)


async def decide(request: Request) -> Response:
    """Step 2, the form: `oauth_token`, `user`, `action` (authorize or cancel)."""
    store, params = store_of(request), await params_of(request)
    token = store.x_request_tokens.get(first(params, "oauth_token"))
    if token is None or token.used or token.verifier:
        return _refused(
            "The request token for this page is invalid. It may have already been used, or expired."
        )
    if first(params, "action") == "cancel":
        token.used = True
        store.changed()
        return _back(token, denied=token.token)
    user = _user(store, first(params, "user"))
    if user is None:
        return _refused("The username you entered did not match our records.")
    if stop := _stopped(user):
        return _refused(stop)
    return _approve(store, token, user)


async def access_token(request: Request) -> Response:
    """Step 3. The request token is good once, and only with the verifier of the consent."""
    call = await signed(request, token_kind=XRequestToken)
    token = call.pair
    assert isinstance(token, XRequestToken)
    if token.used or not token.verifier or call.params.get("oauth_verifier") != token.verifier:
        raise errors.dead_token()
    token.used = True
    user = call.store.user("x", token.user)
    pair = pair_for(call.store, client_id=call.app.client_id, user=user)
    call.store.changed()
    answer = {"oauth_token": pair.token, "oauth_token_secret": pair.secret}
    answer |= {"user_id": user.id, "screen_name": user.screen_name}
    return Response(urlencode(answer), media_type=FORM_TEXT)


async def invalidate_token(request: Request) -> Response:
    """The app gives a token back. Signed with that token."""
    call = await signed(request, token_kind=XToken)
    assert isinstance(call.pair, XToken)
    if call.pair.dead:
        raise errors.dead_token()
    call.pair.dead = True
    call.store.changed()
    return JSONResponse({"access_token": call.pair.token})


def _approve(store: Store, token: XRequestToken, user: NativeUser) -> Response:
    token.user, token.verifier = user.key, random_text(32)
    store.changed()
    response = _back(token, oauth_token=token.token, oauth_verifier=token.verifier)
    response.set_cookie(LOGIN_COOKIE, user.key, httponly=True, samesite="lax", path="/x")
    return response


def _back(token: XRequestToken, **answer: str) -> RedirectResponse:
    joint = "&" if "?" in token.callback else "?"
    return RedirectResponse(token.callback + joint + urlencode(answer), status_code=302)


def _user(store: Store, name: str) -> NativeUser | None:
    try:
        return store.user("x", name)
    except UnknownNameError:
        return None


def _stopped(user: NativeUser) -> str:
    if user.checkpoint:
        return "Your account has been locked. Log in at x.com and follow the steps to unlock it."
    if user.suspended:
        return "Your account is suspended."
    return "This account does not exist." if user.deactivated else ""


def _refused(text: str) -> Response:
    return page("oauth/refused.html", status=403, label=LABEL, text=text)
