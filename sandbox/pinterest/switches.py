"""What is Pinterest's own in the consent page, in lifetimes and in actions. Its switches: README.md, `settings` of the app."""

from dataclasses import dataclass
from typing import Any

from sandbox.oauth import OauthStandIn, RefusedError, Wish
from sandbox.store import Store
from sandbox.web import Params, first
from sandbox.world import DAY, App, NativeUser, OauthToken

LEGACY_LIFE = 365 * DAY
SCOPES = (
    "ads:read", "ads:write", "billing:read", "billing:write", "biz_access:read", "biz_access:write", "boards:read",
    "boards:read_secret", "boards:write", "boards:write_secret", "catalogs:read", "catalogs:write", "msot:write", "pins:read",
    "pins:read_secret", "pins:write", "pins:write_secret", "user_accounts:read", "user_accounts:write",
)  # fmt: skip
DEFAULTS: dict[str, Any] = {
    "rotate": True, "legacy": False, "bad_code": 283, "system_users": [],
}  # fmt: skip


def switch(app: App, name: str) -> Any:
    """How a switch of the app stands."""
    return app.settings.get(name, DEFAULTS[name])


@dataclass
class PinterestStandIn(OauthStandIn):
    """Asks with commas, and may give refresh tokens of 365 days."""

    def wish(self, store: Store, params: Params) -> Wish:
        """Check what the app asked, also that it asks for a code and for scopes that exist."""
        wish = super().wish(store, params)
        if first(params, "response_type") != "code":
            raise RefusedError("The response type must be code.")
        if unknown := [scope for scope in wish.scopes if scope not in SCOPES]:
            raise RefusedError(f"There is no such scope: {unknown[0]}")
        return wish

    def grant(
        self, store: Store, app: App, user: NativeUser, *, scopes: list[str], account_ids: list[str]
    ) -> OauthToken:
        """A fresh consent; at an app of the old kind with a refresh token of 365 days."""
        token = super().grant(store, app, user, scopes=scopes, account_ids=account_ids)
        if switch(app, "legacy"):
            token.refresh_expires_at = token.consented_at + LEGACY_LIFE
        return token

    def refresh(self, store: Store, app: App, token: OauthToken) -> None:
        """Give the consent fresh tokens. The 60 days of the refresh token begin again, but for one of 365 days."""
        legacy = bool(switch(app, "legacy"))
        self.renew(store, token, rotate=bool(switch(app, "rotate")) and not legacy)
        if not legacy:
            token.refresh_expires_at = store.now() + (self.refresh_life or 0)
        store.changed()


STAND_IN = PinterestStandIn(
    "pinterest",
    "Pinterest",
    access_life=30 * DAY,
    refresh_life=60 * DAY,
    scope_separator=",",
    default_scopes=("ads:read", "ads:write", "user_accounts:read"),
    access_prefix="pina_",
    refresh_prefix="pinr.",
    button="Give access",
    # The vendor names a new password, a removed app and a closed session; all of them look alike in its answers.
    ends={"cancel_authorisation": "cancelled", "change_password": "password", "log_out": "logged out"},
)
