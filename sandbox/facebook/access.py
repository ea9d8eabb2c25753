"""Who is calling: reads the access token and the proof of a Graph call, and says how the token stands."""

import hashlib
import hmac
from dataclasses import dataclass

from starlette.requests import Request

from sandbox.facebook import errors
from sandbox.facebook.errors import GraphError
from sandbox.store import Store
from sandbox.web import Params, first, params_of, store_of
from sandbox.world import NEVER, AdAccount, App, FacebookToken, Grant, NativeUser

CHANNEL = "facebook"


@dataclass
class Caller:
    """A living user token and all that it stands for."""

    store: Store
    params: Params
    token: FacebookToken
    app: App
    user: NativeUser
    grant: Grant
    now: int

    @property
    def may_read_ads(self) -> bool:
        """Whether one of the ads permissions was granted."""
        return bool({"ads_read", "ads_management"} & set(self.grant.scopes))

    def visible_accounts(self) -> list[AdAccount]:
        """The ad accounts that are ticked in the consent and on which the user has a role."""
        mine = self.store.accounts_of(CHANNEL, self.user.key)
        return [account for account in mine if account.id in self.grant.account_ids]


async def caller_of(request: Request) -> Caller:
    """Identify the caller, or raise the GraphError that Facebook would answer."""
    store, params = store_of(request), await params_of(request)
    now = store.now()
    text = token_text(request, params)
    if not text:
        raise errors.no_token()
    token = store.facebook_tokens.get(text)
    if token is None:
        raise errors.unreadable()
    app = store.app(CHANNEL, token.client_id)
    if app is None:
        raise errors.unreadable()
    check_proof(app, text, params)
    subcode = ended(store, token, now)
    if subcode is not None:
        raise errors.dead(subcode, token, now)
    grant = store.grant(token.client_id, token.user)
    assert grant is not None  # a token without a grant is dead (458)
    user = store.user(CHANNEL, token.user)
    return Caller(store, params, token, app, user, grant, now)


def token_text(request: Request, params: Params) -> str:
    """The token of a call: the parameter, else the Authorization header (Bearer or OAuth)."""
    if given := first(params, "access_token"):
        return given
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    return rest.strip() if scheme.lower() in ("bearer", "oauth") else ""


def check_proof(app: App, token: str, params: Params) -> None:
    """Raise unless appsecret_proof is right, or neither sent nor demanded."""
    given = first(params, "appsecret_proof")
    if not given and not app.proof_required:
        return
    if not given:
        text = "API calls from the server require an appsecret_proof argument"
        raise GraphError(100, text, kind="GraphMethodException")
    expected = hmac.new(app.secret.encode(), token.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(given.encode(), expected.encode()):
        text = "Invalid appsecret_proof provided in the API argument"
        raise GraphError(100, text, kind="GraphMethodException")


def ended(store: Store, token: FacebookToken, now: int) -> int | None:
    """The subcode of error 190 for a token that does not work now, or none for one that does."""
    app = store.app(CHANNEL, token.client_id)
    if app is None or app.suspended:
        return 493
    if token.dead_subcode is not None:
        return token.dead_subcode
    if store.grant(token.client_id, token.user) is None:
        return 458
    user = store.user(CHANNEL, token.user)
    if user.checkpoint:
        return 459
    if user.suspended or user.deactivated:
        return 464
    if token.expires_at != NEVER and token.expires_at <= now:
        return 463
    return None
