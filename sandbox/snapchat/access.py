"""Who calls the API, and whether that person may: bearer, rate limit, organizations and roles."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from sandbox.snapchat import errors
from sandbox.snapchat.switches import CHANNEL, MARKETING
from sandbox.store import Store
from sandbox.web import store_of
from sandbox.world import ROLES, AdAccount, App, NativeUser, OauthToken

ORGANIZATION_ID = "7f064d90-52a1-42db-b25b-7539e663e926"
ORGANIZATION_NAME = "Lumen Group"
READS = frozenset(
    {"reports", "audience", "creative"}
)  # roles that read an ad account and may not write campaigns


@dataclass
class Caller:
    """One call with a living token."""

    store: Store
    app: App
    user: NativeUser
    token: OauthToken

    def setting(self, name: str, default: Any = None) -> Any:
        """A switch of the app."""
        return self.app.settings.get(name, default)


def caller_of(request: Request) -> Caller:
    """Identify the call. Raises ApiError 401 for everything that is no living access token, and 403 for a narrow one."""
    store = store_of(request)
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    token = store.oauth_tokens.get(text.strip())
    if scheme.lower() != "bearer" or token is None or token.channel != CHANNEL:
        raise errors.unauthorized()
    app, user = store.app(CHANNEL, token.client_id), store.user(CHANNEL, token.user)
    if app is None or app.suspended or ended(token, user) or token.expires_at <= store.now():
        raise errors.unauthorized()
    if MARKETING not in token.scopes:
        raise errors.forbidden("The token does not have the scope snapchat-marketing-api")
    return Caller(store, app, user, token)


def ended(token: OauthToken, user: NativeUser) -> bool:
    """Whether the consent is of no use: removed by the person, or the person is stopped while that lasts (unverified)."""
    return bool(token.dead) or user.suspended or user.deactivated or user.checkpoint


def organization_of(account: AdAccount) -> str:
    """The organization that owns the ad account."""
    return str(account.details.get("organization_id", ORGANIZATION_ID))


def organization_name(accounts: Iterable[AdAccount]) -> str:
    """The organization's name, by its ad accounts."""
    named = (account.details.get("organization_name") for account in accounts)
    return str(next((name for name in named if name), ORGANIZATION_NAME))


def organization_roles(caller: Caller) -> list[str]:
    """The person's roles in organizations."""
    found: list[str] = caller.setting("organization_roles", {}).get(caller.user.key, ["member"])
    return found


def administers(caller: Caller) -> bool:
    """Whether the person may do everything in the organization."""
    return "admin" in organization_roles(caller)


def roles_on(caller: Caller, account: AdAccount) -> list[str]:
    """The person's roles on an ad account, in Snapchat's words."""
    role = account.roles.get(caller.user.key)
    return list(ROLES[role][CHANNEL]) if role else []


def visible(caller: Caller) -> list[AdAccount]:
    """The ad accounts that the person reaches: by a role on them, or as an admin of their organization."""
    mine = caller.store.accounts_of(CHANNEL, caller.user.key)
    if not mine and "organization_roles" not in caller.app.settings:
        return []
    everything = [a for a in caller.store.accounts if a.channel == CHANNEL]
    wide = administers(caller) or "data_admin" in organization_roles(caller)
    return everything if wide else mine


def account_for(caller: Caller, account_id: str, *, writes: bool = False) -> AdAccount:
    """The ad account, if the person may read (or write) it. Raises ApiError 404 or 403."""
    found = caller.store.ad_account(CHANNEL, account_id)
    if found is None:
        raise errors.not_found()
    if found not in visible(caller):
        raise errors.forbidden()
    roles = roles_on(caller, found)
    if writes and not administers(caller) and not set(roles) - READS:
        raise errors.forbidden()
    return found


def member_id(organization_id: str, user: NativeUser) -> str:
    """A person's id as a member of one organization."""
    return str(uuid.uuid5(uuid.UUID(organization_id), user.id))
