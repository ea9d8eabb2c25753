"""Who is calling: the app by Basic, or a person by the access token in the header."""

from dataclasses import dataclass

from starlette.requests import Request

from sandbox import web
from sandbox.pinterest import errors
from sandbox.store import Store
from sandbox.web import store_of
from sandbox.world import NEVER, AdAccount, App, NativeUser, OauthToken

CHANNEL = "pinterest"


@dataclass
class Caller:
    """A living access token and all that it stands for."""

    store: Store
    token: OauthToken
    app: App
    user: NativeUser

    def needs(self, scope: str) -> None:
        """Refuse the call where the token has not this scope."""
        if scope not in self.token.scopes:
            raise errors.scope_missing()

    def account(self, name: str) -> AdAccount:
        """The ad account with this id, or the error for one that the person may not see."""
        if not (name.isascii() and name.isdigit() and len(name) <= 18):
            raise errors.bad_request(f"'ad_account_id' value '{name[:40]}' must match the pattern: ^\\d+$")
        found = self.store.ad_account(CHANNEL, name)
        if found is None:
            raise errors.account_not_found()
        if self.user.key not in found.roles:
            raise errors.not_permitted()
        if refuses := found.details.get("refuses"):
            raise errors.account_refused(int(refuses))
        return found


def app_of(request: Request) -> App:
    """The app whose id and secret the Basic header holds."""
    app = web.app_by_basic(request, CHANNEL)
    if app is None:
        raise errors.authentication_failed()
    if app.suspended:
        raise errors.app_unknown()
    return app


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form body, which must come."""
    form = await web.form_of(request)
    if form is None:
        raise errors.bad_request("Invalid request: a form is expected")
    return form


def caller_of(request: Request) -> Caller:
    """Identify the caller, or raise what Pinterest would answer: it never says why a token does not work."""
    store = store_of(request)
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    token = _token(store, text.strip()) if scheme.lower() == "bearer" else None
    if token is None or not lives(store, token):
        raise errors.authentication_failed()
    app = store.app(CHANNEL, token.client_id)
    if app is None or app.suspended:
        raise errors.authentication_failed()
    return Caller(store, token, app, store.user(CHANNEL, token.user))


def _token(store: Store, text: str) -> OauthToken | None:
    found = store.oauth_tokens.get(text)
    if found is None or found.channel != CHANNEL:
        return None
    return found if found.expires_at == NEVER or found.expires_at > store.now() else None


def lives(store: Store, token: OauthToken) -> bool:
    """Whether neither the consent has ended nor the person is shut out (what Pinterest answers of the latter is unverified)."""
    user = store.user(CHANNEL, token.user)
    return not (token.dead or user.suspended or user.deactivated or user.checkpoint)
