"""What the control API does to tokens: gives them, sets their dates, and orders how the next ones come out."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from sandbox.actions import DEFAULT_CLIENT, BadCallError, refuse_unknown
from sandbox.facebook.dialog import keep_grant
from sandbox.facebook.tokens import ADS_SCOPES, DATA_ACCESS_LIFE, LONG_LIFE, system_token
from sandbox.standins import STAND_INS
from sandbox.store import Store, UnknownNameError
from sandbox.world import NEVER, App, FacebookToken, NativeUser, OauthToken, Order
from sandbox.x.pairs import pair_for


def set_dates(store: Store, data: dict[str, Any], dates: dict[str, int]) -> int:
    """Set dates of all tokens of a user that are not dead. Gives how many were changed."""
    channel = data.get("channel", "facebook")
    if channel not in STAND_INS and channel != "facebook":
        raise BadCallError("tokens of X have no dates")
    if channel != "facebook" and "data_access_expires_at" in dates:
        raise BadCallError("only tokens of Facebook have a data access date")
    if "user" not in data:
        raise BadCallError("give a user")
    chosen = _living(store, store.user(channel, data["user"]))
    for token in chosen:
        for name, value in dates.items():
            setattr(token, name, value)
    store.changed()
    return len(chosen)


def _living(store: Store, user: NativeUser) -> Sequence[FacebookToken | OauthToken]:
    if user.channel != "facebook":
        return STAND_INS[user.channel].consents(store, user)
    return [t for t in store.facebook_tokens.values() if t.user == user.key and t.dead_subcode is None]


def order_token(store: Store, data: dict[str, Any]) -> None:
    """Add an order for a token to come."""
    refuse_unknown(data, {f.name for f in fields(Order)})
    order = Order(**data)
    if order.channel == "x":
        raise BadCallError("tokens of X have no dates")
    if order.user:
        order.user = store.user(order.channel, order.user).key
    store.orders.append(order)
    store.changed()


def issue_token(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """A token as after a consent. Facebook: a long-lived one, and the grant becomes what is given here."""
    channel = data.get("channel", "")
    if channel not in DEFAULT_CLIENT:
        raise BadCallError(f"channel must be one of {', '.join(DEFAULT_CLIENT)}")
    if "user" not in data:
        raise BadCallError("give a user")
    user = store.user(channel, data["user"])
    app = store.app(channel, data.get("client_id", DEFAULT_CLIENT[channel]))
    if app is None:
        raise UnknownNameError("no app with this client_id")
    if channel in STAND_INS:
        return STAND_INS[channel].issue(store, app, user, data)
    if channel == "x":
        pair = pair_for(store, client_id=app.client_id, user=user)
        store.changed()
        names = {"user_id": user.id, "screen_name": user.screen_name}
        return {"oauth_token": pair.token, "oauth_token_secret": pair.secret, **names}
    ticked = [account.id for account in store.accounts_of(channel, user.key)]
    if "accounts" in data:
        ticked = [store.account(channel, name).id for name in data["accounts"]]
    keep_grant(
        store,
        app,
        user,
        scopes=[s for s in data.get("scopes", [*ADS_SCOPES, "business_management"]) if s != "public_profile"],
        declined=[],
        account_ids=ticked,
    )
    return _issue_facebook(store, app, user, data)


def _issue_facebook(store: Store, app: App, user: NativeUser, data: dict[str, Any]) -> dict[str, Any]:
    now = store.now()
    issued_at = int(data.get("issued_at", now))
    if data.get("system"):
        ends = int(data.get("expires_at", NEVER))
        return _handed_out(store, user, system_token(store, app.client_id, user.key, expires_at=ends))
    token = FacebookToken(
        token=store.new_facebook_token(),
        client_id=app.client_id,
        user=user.key,
        issued_at=issued_at,
        expires_at=int(data.get("expires_at", issued_at + LONG_LIFE)),
        data_access_expires_at=int(data.get("data_access_expires_at", issued_at + DATA_ACCESS_LIFE)),
        long_lived=True,
    )
    return _handed_out(store, user, token)


def _handed_out(store: Store, user: NativeUser, token: FacebookToken) -> dict[str, Any]:
    now = store.now()
    store.facebook_tokens[token.token] = token
    store.changed()
    answer = asdict(token) | {"access_token": token.token, "token_type": "bearer"}
    answer |= {"user_id": user.id, "name": user.name}
    if token.expires_at != NEVER:
        answer["expires_in"] = max(0, token.expires_at - now)
    for name in ("token", "client_id", "user", "long_lived", "dead_subcode", "system"):
        del answer[name]
    return answer
