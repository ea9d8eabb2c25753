"""oauth2/access_token, oauth2/refresh_token, oauth2/advertiser/get, oauth2/revoke_token. All errors are HTTP 200."""

from typing import Any

from starlette.requests import Request

from sandbox.oauth import CodeError
from sandbox.tiktok import errors
from sandbox.tiktok.access import CHANNEL, app_of, body_of, caller_of, living, refuse_suspended, wanted
from sandbox.tiktok.switches import STAND_IN
from sandbox.web import store_of
from sandbox.world import App, OauthToken

PERMISSIONS = [4, 15, 7224195155857833986]  # some have 19 digits


async def access_token(request: Request) -> Any:
    """Code for token. The redirect address is not asked for again."""
    data, store = await body_of(request), store_of(request)
    app = app_of(store, wanted(data, "app_id"), wanted(data, "secret"))
    refuse_suspended(app)
    try:
        token = STAND_IN.redeem(store, app, wanted(data, "auth_code"), None)
    except CodeError as error:
        raise errors.bad_code() from error
    return STAND_IN.shaped(
        store, "code", token.user, _answer(app, token, with_ids=data.get("return_advertiser_ids", True))
    )


async def refresh_token(request: Request) -> Any:
    """A fresh access token. As clients call it, none of TikTok's pages has it for advertisers (unverified)."""
    data, store = await body_of(request), store_of(request)
    app = app_of(store, wanted(data, "app_id"), wanted(data, "secret"))
    refuse_suspended(app)
    token = store.oauth_token(wanted(data, "refresh_token"))
    if token is None or token.dead or (token.channel, token.client_id) != (CHANNEL, app.client_id):
        raise errors.bad_refresh()
    STAND_IN.renew(store, token, rotate=False)
    return STAND_IN.shaped(store, "refresh", token.user, _answer(app, token, with_ids=False))


def _answer(app: App, token: OauthToken, *, with_ids: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {"access_token": token.token, "scope": PERMISSIONS}
    if with_ids:
        answer["advertiser_ids"] = list(token.account_ids)
    if dates := app.settings.get("dates"):
        token.refresh_token = token.refresh_token or f"{token.token}r"
        answer |= {"token_type": "Bearer", "refresh_token": token.refresh_token, **dates}
        if "expires_in" in dates:
            token.expires_at = token.issued_at + int(dates["expires_in"])
    return answer


async def advertiser_get(request: Request) -> Any:
    """The ad accounts that were ticked and on which the person still has a role. App id and secret are in the query."""
    caller = caller_of(request)
    app = app_of(caller.store, request.query_params.get("app_id"), request.query_params.get("secret"))
    if app is not caller.app:
        raise errors.other_app()
    mine = caller.store.accounts_of(CHANNEL, caller.user.key)
    granted = [account for account in mine if account.id in caller.token.account_ids]
    return {"list": [{"advertiser_id": one.id, "advertiser_name": one.name} for one in granted]}


async def revoke_token(request: Request) -> Any:
    """End a token. Subscriptions that it made end with it."""
    data, store = await body_of(request), store_of(request)
    app = app_of(store, wanted(data, "app_id"), wanted(data, "secret"))
    refuse_suspended(app)
    token = living(store, wanted(data, "access_token"))
    if token.client_id != app.client_id:
        raise errors.other_app()
    token.dead = "revoked"
    store.changed()
    return {"app_id": app.client_id, "advertiser_ids": list(token.account_ids)}
