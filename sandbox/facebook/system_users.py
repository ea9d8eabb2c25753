"""System users: the ad accounts assigned to them, and the end of one token."""

import hmac

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.facebook import errors
from sandbox.facebook.access import CHANNEL, caller_of
from sandbox.facebook.errors import GraphError
from sandbox.facebook.graph import account_fields, page_of, show_account
from sandbox.web import first, params_of, store_of


async def assigned_ad_accounts(request: Request) -> Response:
    """`GET /{system-user-id}/assigned_ad_accounts`: only of the caller himself, and only of a system user."""
    caller = await caller_of(request)
    asked_about = str(request.path_params["user_id"])
    if asked_about != caller.user.id or not caller.token.system:
        raise errors.unknown_object(asked_about)
    if not caller.may_read_ads:
        raise errors.not_granted()
    wanted = account_fields(caller)
    rows = [show_account(account, caller, wanted) for account in caller.visible_accounts()]
    return JSONResponse(page_of(rows, request, caller))


async def revoke(request: Request) -> Response:
    """`/oauth/revoke`: client_id, client_secret, revoke_token, and a token to ask with. The one token ends; the app stays."""
    store, params = store_of(request), await params_of(request)
    await caller_of(request)
    app = store.app(CHANNEL, first(params, "client_id"))
    secret = first(params, "client_secret")
    if app is None or not hmac.compare_digest(secret.encode(), app.secret.encode()):
        raise GraphError(1, "Error validating client secret.")
    token = store.facebook_tokens.get(first(params, "revoke_token"))
    if token is None or token.client_id != app.client_id:
        raise errors.unreadable()
    token.dead_subcode = 466  # "invalidated by API call", of the vendor's list of 2013
    store.changed()
    return JSONResponse({"success": "true"})
