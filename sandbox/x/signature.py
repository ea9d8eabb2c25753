"""Checks the OAuth 1.0a signature of a call, over the address as the client saw it."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from oauthlib.oauth1.rfc5849 import signature
from starlette.requests import Request

from sandbox.store import Store
from sandbox.web import store_of
from sandbox.world import App, NativeUser, XRequestToken, XToken
from sandbox.x import errors

CLOCK_WINDOW = 300
"""Seconds that a timestamp may be off, either way."""

Pair = XToken | XRequestToken


@dataclass
class Nonces:
    """Nonces seen within the clock window."""

    seen: dict[tuple[str, str, str, str], int] = field(default_factory=dict)

    def take(self, key: tuple[str, str, str, str], now: int) -> bool:
        """Whether this nonce is new; it is used up."""
        if len(self.seen) > 50_000:
            self.seen = {old: at for old, at in self.seen.items() if at > now - 2 * CLOCK_WINDOW}
        if key in self.seen:
            return False
        self.seen[key] = now
        return True


@dataclass
class Signed:
    """A call whose signature is right. `params` are those of query, form and header."""

    store: Store
    app: App
    pair: Pair | None
    params: dict[str, str]

    @property
    def now(self) -> int:
        """The time of the world."""
        return self.store.now()


@dataclass
class XCaller:
    """A living token and its owner."""

    store: Store
    app: App
    token: XToken
    user: NativeUser
    params: dict[str, str]
    now: int


async def signed(request: Request, *, token_kind: type[Pair] | None) -> Signed:
    """Verify the call, or raise the XError that X would answer. `token_kind`: which token must come, or none."""
    store = store_of(request)
    pairs = await _parameters(request)
    params = dict(pairs)
    oauth = {name: params.get(f"oauth_{name}", "") for name in _REQUIRED}
    if not all(oauth.values()) or not oauth["timestamp"].isdigit():
        raise errors.bad_header()
    app = store.app("x", oauth["consumer_key"])
    if app is None or oauth["signature_method"] != "HMAC-SHA1":
        raise errors.not_authenticated()
    if app.suspended:
        raise errors.suspended_app()
    pair = _pair(store, app, params.get("oauth_token", ""), token_kind)
    _verify(request, pairs, app, pair)
    now = store.now()
    if abs(int(oauth["timestamp"]) - now) > CLOCK_WINDOW:
        raise errors.bad_clock()
    nonces: Nonces = request.app.state.nonces
    used = (app.client_id, params.get("oauth_token", ""), oauth["timestamp"], oauth["nonce"])
    if not nonces.take(used, now):
        raise errors.not_authenticated()
    return Signed(store, app, pair, params)


_REQUIRED = ("consumer_key", "nonce", "signature", "signature_method", "timestamp")


async def _parameters(request: Request) -> list[tuple[str, str]]:
    """Everything that is signed, and the signature: query, header, and the body when it is a form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    body = (await request.body()).decode("utf-8", "replace")
    try:
        found: list[tuple[str, str]] = signature.collect_parameters(
            uri_query=request.url.query,
            body=body if kind == "application/x-www-form-urlencoded" else [],
            headers={"Authorization": request.headers.get("authorization", "")},
            exclude_oauth_signature=False,
        )
    except ValueError:
        raise errors.bad_header() from None
    return found


def _pair(store: Store, app: App, text: str, token_kind: type[Pair] | None) -> Pair | None:
    if token_kind is None:
        return None
    if not text:
        raise errors.bad_header()
    known: Pair | None = store.x_tokens.get(text)
    if token_kind is XRequestToken:
        known = store.x_request_tokens.get(text)
    if known is None or known.client_id != app.client_id:
        raise errors.dead_token()
    return known


def _verify(request: Request, pairs: list[tuple[str, str]], app: App, pair: Pair | None) -> None:
    given = dict(pairs)["oauth_signature"]
    path = request.scope["raw_path"].decode("latin-1")
    sent = [(name, value) for name, value in pairs if name != "oauth_signature"]
    secret = pair.secret if pair is not None else ""
    # twitter-api-v2 sends oauth_token in the header and in the form, signs it once, and works at X.
    for params in (sent, list(dict.fromkeys(sent))):
        call: Any = SimpleNamespace(  # the attributes that oauthlib reads of its own Request
            http_method=request.method,
            uri=f"{request.url.scheme}://{request.headers['host']}{path}",
            params=params,
            signature=given,
        )
        if signature.verify_hmac_sha1(call, app.secret, secret):
            return
    raise errors.not_authenticated()


async def caller_of(request: Request) -> XCaller:
    """The owner of a living token; raises XError for one that is dead or whose owner is barred."""
    call = await signed(request, token_kind=XToken)
    assert isinstance(call.pair, XToken)
    if call.pair.dead:
        raise errors.dead_token()
    user = living_user(call.store, call.pair.user)
    return XCaller(call.store, call.app, call.pair, user, call.params, call.now)


def living_user(store: Store, key: str) -> NativeUser:
    """The person; raises XError for one who is barred."""
    user = store.user("x", key)
    if user.suspended:
        raise errors.suspended_user()
    if user.checkpoint:
        raise errors.locked_user()
    if user.deactivated:
        raise errors.gone_user()
    return user
