"""What the control API does to the world: apps, people, ad accounts and webhooks. Its tokens: issuing.py."""

from collections.abc import Collection
from dataclasses import fields
from typing import Any

from sandbox.facebook.deauthorise import (
    ask_to_delete,
    one_permission,
    remove_app,
    tell_permissions,
    verify_webhook,
)
from sandbox.facebook.tokens import ADS_SCOPES
from sandbox.pushing import WebhookError
from sandbox.standins import STAND_INS
from sandbox.start import APPS
from sandbox.store import Store, UnknownNameError, random_number
from sandbox.world import (
    ROLES,
    AdAccount,
    App,
    Grant,
    NativeUser,
)
from sandbox.x import webhook as x_webhook
from sandbox.x.pairs import revoke_pairs

DEFAULT_CLIENT = {channel: client_id for channel, (client_id, _) in APPS.items()}


_SWITCHES = {"checkpoint": "checkpoint", "suspend": "suspended", "deactivate": "deactivated"}
"""Actions that can be turned on and off, and the field of the person that holds each."""

ACTIONS = ("change_password", "log_out", "cancel_authorisation", *_SWITCHES, "consent", "request_deletion")


class BadCallError(Exception):
    """A control call that makes no sense; the text says why."""


def refuse_unknown(data: Collection[str], known: Collection[str]) -> None:
    """Raise BadCallError where a call gives fields that it does not take."""
    if unknown := set(data) - set(known):
        raise BadCallError(f"unknown fields {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")


def put_app(store: Store, channel: str, data: dict[str, Any]) -> App:
    """Create an app, or change the given fields of one. Without client_id: the start world's app."""
    client_id = data.get("client_id", DEFAULT_CLIENT[channel])
    app = store.app(channel, client_id)
    if app is None:
        if "secret" not in data:
            raise BadCallError("a new app needs a secret")
        app = App(channel, client_id, data["secret"])
        store.apps.append(app)
    _set(app, data)
    return _done(store, app)


def put_user(store: Store, channel: str, key: str, data: dict[str, Any]) -> NativeUser:
    """Create a native user, or change the given fields of one."""
    try:
        user = store.user(channel, key)
    except UnknownNameError:
        name = data.get("name", key.title())
        screen_name = "".join(name.split())
        user = NativeUser(channel, key, random_number(17 if channel == "facebook" else 10), name, screen_name)
        user.email = f"{key}@people.example"
        store.users.append(user)
    _set(user, data)
    return _done(store, user)


def put_account(store: Store, channel: str, name: str, data: dict[str, Any]) -> AdAccount:
    """Create an ad account (with this id), or change the given fields of one. `roles` replaces all roles."""
    refuse_unknown(data, {f.name for f in fields(AdAccount)} - {"channel", "id"})
    roles = {store.user(channel, who).key: role for who, role in data.get("roles", {}).items()}
    if wrong := set(roles.values()) - set(ROLES):
        raise BadCallError(f"no role {wrong.pop()!r}; known: {', '.join(ROLES)}")
    try:
        account = store.account(channel, name)
    except UnknownNameError:
        account = AdAccount(channel, name.removeprefix("act_"), name, "EUR", "Europe/Berlin")
        store.accounts.append(account)
    before = account.status
    _set(account, {**data, "roles": roles} if "roles" in data else data)
    if channel in STAND_INS:
        STAND_INS[channel].account_changed(store, account, before)
    return _done(store, account)


def _set(record: Any, data: dict[str, Any]) -> None:
    for name, value in data.items():
        wanted = type(getattr(record, name))
        if not isinstance(value, wanted):
            raise BadCallError(f"{name} must be {wanted.__name__}")
    for name, value in data.items():
        setattr(record, name, value)


def _done[R](store: Store, record: R) -> R:
    store.changed()
    return record


async def user_action(store: Store, user: NativeUser, action: str, data: dict[str, Any]) -> None:
    """One action of or to a person; raises UnknownNameError for an action that does not exist."""
    if action not in ACTIONS:
        raise UnknownNameError(f"no action {action!r}; known: {', '.join(ACTIONS)}")
    if action in _SWITCHES:
        _set(user, {_SWITCHES[action]: data.get("on", True)})
    elif action == "request_deletion":
        await _request_deletion(store, user, data.get("client_id"))
    elif action == "consent":
        await _consent(store, user, data)
    elif user.channel in STAND_INS:
        await STAND_INS[user.channel].action(store, user, action, data)
    elif action == "change_password":
        _end_sessions(store, user, 460)
    elif action == "log_out":
        _end_sessions(store, user, 467)
    else:
        await _cancel(store, user, data.get("client_id"))


def _end_sessions(store: Store, user: NativeUser, subcode: int) -> None:
    """Facebook ends all tokens of the user. X names neither action among the ends of its tokens: nothing happens."""
    if user.channel != "facebook":
        return
    for token in store.facebook_tokens.values():
        if token.user == user.key and token.dead_subcode is None:
            token.dead_subcode = subcode


async def _cancel(store: Store, user: NativeUser, client_id: str | None) -> None:
    for app in [a for a in store.apps if a.channel == user.channel and client_id in (None, a.client_id)]:
        if user.channel == "facebook":
            await remove_app(store, app, user)
        else:
            revoke_pairs(store, client_id=app.client_id, user=user.key)
            await x_webhook.tell_revoked(store, app, user)


async def _request_deletion(store: Store, user: NativeUser, client_id: str | None) -> None:
    if user.channel != "facebook":
        raise BadCallError("only Facebook passes on requests for deletion")
    for app in [a for a in store.apps if a.channel == "facebook" and client_id in (None, a.client_id)]:
        await ask_to_delete(store, app, user)


async def set_webhook(store: Store, app: App, data: dict[str, Any]) -> App:
    """Enter a webhook's address at an app; the channel tries it first, and a refusal says what it answered."""
    url = data.get("url")
    if not isinstance(url, str) or not url:
        raise BadCallError("give the url of the webhook")
    try:
        if app.channel == "facebook":
            await verify_webhook(store, app, url, str(data.get("verify_token", "")))
        elif app.channel == "x":
            await x_webhook.register(store, app, url)
        else:
            raise BadCallError(f"webhooks of {app.channel} are not entered here")
    except WebhookError as error:
        raise BadCallError(str(error)) from error
    return app


async def _consent(store: Store, user: NativeUser, data: dict[str, Any]) -> None:
    """Facebook: change scopes or ticked ad accounts of a grant that stands, as the user's settings page can."""
    grant = store.grant(data.get("client_id", DEFAULT_CLIENT["facebook"]), user.key)
    if user.channel != "facebook" or grant is None:
        raise BadCallError("this user has no standing grant on Facebook")
    before, ticked = set(grant.scopes), set(grant.account_ids)
    if "scopes" in data:
        grant.declined = [s for s in {*grant.scopes, *grant.declined} if s not in data["scopes"]]
        grant.scopes = list(data["scopes"])
    if "accounts" in data:
        grant.account_ids = [store.account("facebook", name).id for name in data["accounts"]]
    app = store.app("facebook", grant.client_id)
    if app is not None:
        changes = _told(grant, before, ticked)
        await tell_permissions(app, user, changes, now=store.now())


def _told(grant: Grant, before: set[str], ticked: set[str]) -> list[dict[str, Any]]:
    """Return what the webhook says of a changed grant: scopes, and of those that stayed the ad accounts."""
    scopes, now_ticked = set(grant.scopes), set(grant.account_ids)
    told = [
        (verb, scope, grant.account_ids)
        for verb, some in (("revoked", before - scopes), ("granted", scopes - before))
        for scope in sorted(some)
    ]
    told += [
        (verb, scope, sorted(ids))
        for verb, ids in (("revoked", ticked - now_ticked), ("granted", now_ticked - ticked))
        for scope in sorted(before & scopes & set(ADS_SCOPES))
        if ids
    ]
    return [one_permission(scope, verb, ids) for verb, scope, ids in told]
