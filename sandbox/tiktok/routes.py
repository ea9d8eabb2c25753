"""Addresses of the stand-in TikTok, below /tiktok: business-api.tiktok.com, its portal page and its API."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.tiktok import ads, errors, pushes, tokens
from sandbox.tiktok.access import app_of, body_of, living, refuse_suspended, wanted
from sandbox.tiktok.errors import BusinessError, envelope
from sandbox.tiktok.switches import STAND_IN
from sandbox.web import store_of

Handler = Callable[[Request], Awaitable[Any]]
VERSION = "v1.3"


def business_call(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a call: the version, and whatever goes wrong as HTTP 200."""

    async def call(request: Request) -> Response:
        try:
            if request.path_params["version"] != VERSION:
                raise errors.wrong_version()
            return envelope(0, "OK", await handler(request))
        except BusinessError as error:
            return envelope(error.code, error.message, {})

    return call


async def subscribe(request: Request) -> Any:
    """`subscription/subscribe`: at most 100 ad accounts that the token reaches."""
    data, store = await body_of(request), store_of(request)
    app = app_of(store, wanted(data, "app_id"), wanted(data, "secret"))
    refuse_suspended(app)
    if wanted(data, "subscribe_entity") != pushes.ENTITY:
        raise errors.bad_parameter(f"subscribe_entity: Only {pushes.ENTITY} is stood in for.")
    detail = data.get("subscription_detail")
    if not isinstance(detail, dict):
        raise errors.bad_parameter("subscription_detail: Missing data for required field.")
    token = living(store, wanted(detail, "access_token"))
    if token.client_id != app.client_id:
        raise errors.other_app()
    ids = detail.get("advertiser_ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= ads.MOST_IDS:
        raise errors.bad_parameter("advertiser_ids: Between 1 and 100 are required.")
    for native_id in ids:
        if native_id not in token.account_ids:
            raise errors.unknown_advertiser(str(native_id))
    url = wanted(data, "callback_url")
    return {
        "subscription_id": pushes.add(store, app, token=token.token, advertiser_ids=ids, callback_url=url)
    }


async def unknown(_request: Request) -> Any:
    """Any other path or method."""
    raise errors.unknown_path()


_API = "/open_api/{version}"


def _route(path: str, handler: Handler, *methods: str) -> Route:
    return Route(f"{_API}/{path}/", business_call(handler), methods=list(methods))


routes: list[Route] = [
    Route("/portal/auth", STAND_IN.show, methods=["GET"]),
    Route("/portal/auth", STAND_IN.decide, methods=["POST"]),
    _route("oauth2/access_token", tokens.access_token, "POST"),
    _route("oauth2/refresh_token", tokens.refresh_token, "POST"),
    _route("oauth2/advertiser/get", tokens.advertiser_get, "GET"),
    _route("oauth2/revoke_token", tokens.revoke_token, "POST"),
    _route("user/info", ads.user_info, "GET", "POST"),  # clients disagree on the method, and on the slash
    Route(f"{_API}/user/info", business_call(ads.user_info), methods=["GET", "POST"]),
    _route("advertiser/info", ads.advertiser_info, "GET"),
    _route("bc/get", ads.bc_get, "GET"),
    _route("bc/asset/get", ads.bc_asset_get, "GET"),
    _route("campaign/get", ads.campaign_get, "GET"),
    _route("campaign/create", ads.campaign_create, "POST"),
    _route("file/video/ad/upload", ads.video_upload, "POST"),
    _route("subscription/subscribe", subscribe, "POST"),
    Route(
        _API + "/{rest:path}",
        business_call(unknown),
        methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    ),
]
