"""What is Snapchat's own in the consent page, in lifetimes and in actions. Its switches: README.md, `settings` of the app."""

from starlette.requests import Request
from starlette.responses import Response

from sandbox.oauth import OauthStandIn, Wish
from sandbox.store import Store
from sandbox.web import first, params_of, store_of
from sandbox.world import NEVER, App, NativeUser, OauthToken

CHANNEL = "snapchat"
MARKETING = "snapchat-marketing-api"
SCOPES = (MARKETING, "snapchat-offline-conversions-api", "snapchat-profile-api")
ACCESS_LIFE = 1800


class SnapchatStandIn(OauthStandIn):
    """Snapchat's consent page, and lifetimes that the app's switches set."""

    async def show(self, request: Request) -> Response:
        """The page, unless what was asked is refused by a redirect."""
        return await self._objection(request) or await super().show(request)

    async def decide(self, request: Request) -> Response:
        """The form, likewise."""
        return await self._objection(request) or await super().decide(request)

    async def _objection(self, request: Request) -> Response | None:
        """Refuse another flow and unknown scopes as RFC 6749, section 4.1.2.1, has it (unverified)."""
        store, params = store_of(request), await params_of(request)
        app = store.app(self.channel, first(params, self.id_parameter))
        redirect_uri = first(params, "redirect_uri")
        if app is None or app.suspended or redirect_uri not in app.redirect_uris:
            return None  # the page itself says so, without a redirect
        asked = first(params, "scope").split(self.scope_separator)
        wish = Wish(app, redirect_uri, first(params, "state"), asked)
        if first(params, "response_type") != "code":
            return self._back(wish, error="unsupported_response_type")
        if set(asked) - set(SCOPES):
            return self._back(wish, error="invalid_scope")
        return None

    def grant(
        self, store: Store, app: App, user: NativeUser, *, scopes: list[str], account_ids: list[str]
    ) -> OauthToken:
        """A fresh consent, with the life that the app's switch sets."""
        token = super().grant(store, app, user, scopes=scopes, account_ids=account_ids)
        token.expires_at = token.issued_at + life(app)
        return token

    def refresh(self, store: Store, app: App, token: OauthToken) -> None:
        """A fresh access token. That the old one ends with it is stricter than known (unverified)."""
        self.renew(store, token, rotate=bool(app.settings.get("rotate", False)))
        token.expires_at = token.issued_at + life(app)


def life(app: App) -> int:
    """Seconds that an access token of this app lives."""
    return int(app.settings.get("expires_in", ACCESS_LIFE))


STAND_IN = SnapchatStandIn(
    CHANNEL,
    "Snapchat",
    access_life=ACCESS_LIFE,
    refresh_life=NEVER,
    default_scopes=(MARKETING,),
    button="Approve",
    access_length=480,  # as long as the encrypted strings that Snapchat gives
    access_prefix="eyJ",
    refresh_prefix="eyJ",
)
