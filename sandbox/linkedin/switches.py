"""What is LinkedIn's own in the consent page, in lifetimes and in actions. Its switches: README.md, `settings` of the app."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox.oauth import OauthStandIn, Wish
from sandbox.store import Store
from sandbox.web import Params, first, params_of, store_of
from sandbox.world import DAY, App, NativeUser, OauthToken

ADS_SCOPES = ("r_ads", "rw_ads", "r_ads_reporting")
IDENTITY_SCOPES = ("openid", "profile")
PRODUCTS = frozenset({*ADS_SCOPES, *IDENTITY_SCOPES, "email", "r_organization_social", "w_member_social"})


@dataclass
class LinkedInStandIn(OauthStandIn):
    """One scope set per member and app; no refresh token for apps that are not approved."""

    async def show(self, request: Request) -> Response:
        """As everywhere; but what the app may not ask for sends the browser back."""
        store, params = store_of(request), await params_of(request)
        return self._not_allowed(store, params) or await super().show(request)

    async def decide(self, request: Request) -> Response:
        """`action` = allow or cancel as everywhere."""
        store, params = store_of(request), await params_of(request)
        return self._not_allowed(store, params) or await super().decide(request)

    def _not_allowed(self, store: Store, params: dict[str, list[str]]) -> RedirectResponse | None:
        """The answer to another flow, and to scopes that the app's products do not give (seen; the documents say only "Invalid scope")."""
        app = store.app(self.channel, first(params, self.id_parameter))
        if app is None or first(params, "redirect_uri") not in app.redirect_uris:
            return None
        wish = Wish(app, first(params, "redirect_uri"), first(params, "state"), [])
        if first(params, "response_type") != "code":  # (unverified)
            text = 'A required parameter "response_type" is missing or is not "code"'
            return self._back(wish, error="unsupported_response_type", error_description=text)
        wrong = [scope for scope in self.asked_scopes(params) if scope not in PRODUCTS]
        if not wrong:
            return None
        text = f'Scope "{wrong[0]}" is not authorized for your application'
        return self._back(wish, error="unauthorized_scope_error", error_description=text)

    def asked_scopes(self, params: Params) -> list[str]:
        """The permissions asked for. The documents part them by spaces; LinkedIn's own client for JavaScript sends commas."""
        return [scope for scope in first(params, "scope").replace(",", " ").split(" ") if scope]

    def grant(
        self, store: Store, app: App, user: NativeUser, *, scopes: list[str], account_ids: list[str]
    ) -> OauthToken:
        """A fresh consent. Another scope set than before invalidates all earlier access tokens (documented)."""
        for earlier in self.consents(store, user, app.client_id):
            if set(earlier.scopes) != set(scopes):
                earlier.dead = "scope"
        return super().grant(store, app, user, scopes=scopes, account_ids=account_ids)

    def renew(self, store: Store, token: OauthToken, *, rotate: bool) -> None:
        """A fresh access token, which ends with the refresh token at the latest."""
        super().renew(store, token, rotate=rotate)
        token.expires_at = min(token.expires_at, token.refresh_expires_at)
        store.changed()

    def standing(self, store: Store, text: str) -> tuple[OauthToken | None, str]:
        """The consent whose access token this is, and how it stands: active, fresh, revoked, expired or unknown."""
        token = store.oauth_tokens.get(text)
        if token is None or token.channel != self.channel:
            spent = store.oauth_spent(text)
            return (
                None,
                "revoked" if spent is not None and spent.channel == self.channel else "unknown",
            )  # (unverified)
        user, app = store.user(self.channel, token.user), store.app(self.channel, token.client_id)
        stopped = (
            user.suspended or user.deactivated or user.checkpoint
        )  # (unverified: LinkedIn names no cause)
        if token.dead or stopped or app is None or app.suspended:
            return token, "revoked"
        if token.expires_at <= store.now():
            return token, "expired"
        delay: Any = app.settings.get("fresh_delay", 0)
        return token, "fresh" if store.now() - token.issued_at < delay else "active"


STAND_IN = LinkedInStandIn(
    "linkedin",
    "LinkedIn",
    access_life=60 * DAY,
    refresh_life=365 * DAY,
    default_scopes=(*ADS_SCOPES, *IDENTITY_SCOPES),
    cancelled={
        "error": "user_cancelled_authorize",
        "error_description": "The user cancelled the authorization",
    },
    code_life=30 * 60,
    access_prefix="AQX",
    access_length=350,
    refresh_prefix="AQW",
    # LinkedIn says "revoked" of all ends by a person, and never why.
    ends={"cancel_authorisation": "cancelled", "change_password": "password"},
)
