"""Addresses of the stand-in X, below /x: api.x.com and ads-api.x.com in one place."""

import re
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from sandbox.web import params_of
from sandbox.x import ads, errors, identity, oauth, uploads
from sandbox.x.errors import AdsError, XError
from sandbox.x.limits import RateLimits
from sandbox.x.signature import XCaller, caller_of

Handler = Callable[[Request], Awaitable[Response]]
AdsHandler = Callable[[Request, XCaller], dict[str, Any] | Awaitable[dict[str, Any]]]


def numbered(handler: Handler) -> Handler:
    """A v1.1 or OAuth call: errors as numbers."""

    async def call(request: Request) -> Response:
        try:
            return await handler(request)
        except XError as error:
            return errors.v1(error)

    return call


def problem(handler: Handler) -> Handler:
    """A v2 call: errors as problem objects."""

    async def call(request: Request) -> Response:
        try:
            return await handler(request)
        except XError as error:
            return errors.v2(error)

    return call


def ads_call(handler: AdsHandler, *, kind: str = "other", status: int = 200) -> Handler:
    """An Ads call: identity, rate limit of its kind (reads only), answer with the request's parameters, headers."""

    async def call(request: Request) -> Response:
        shown = await _shown(request)
        headers: dict[str, str] = {}
        try:
            caller = await _identify(request)
            if request.method == "GET":
                headers = _count(request, caller, kind)
            said = handler(request, caller)
            said = await said if isawaitable(said) else said
            response = JSONResponse({"request": {"params": shown}, **said}, status)
        except LimitedError as limited:
            headers, response = limited.headers, errors.ads(limited, shown)
        except AdsError as error:
            response = errors.ads(error, shown)
        response.headers.update({**headers, "x-current-api-version": "12"})
        return response

    return call


class LimitedError(AdsError):
    """Too many calls; `headers` say when the window ends."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__(429, "TOO_MANY_REQUESTS", "Too many requests for this resource. Please wait.")
        self.headers = headers


async def _identify(request: Request) -> XCaller:
    try:
        return await caller_of(request)
    except XError as error:
        raise errors.as_ads(error) from error


def _count(request: Request, caller: XCaller, kind: str) -> dict[str, str]:
    limits: RateLimits = request.app.state.limits
    passes, headers = limits.take(caller.token.token, kind, caller.now)
    if not passes:
        raise LimitedError(headers)
    return headers


async def _shown(request: Request) -> dict[str, Any]:
    """The parameters as the answer repeats them."""
    found = {name: values[0] for name, values in (await params_of(request)).items()}
    shown: dict[str, Any] = {name: value for name, value in found.items() if not name.startswith("oauth_")}
    if "account_id" in request.path_params:
        shown["account_id"] = request.path_params["account_id"]
    return shown


async def unknown(request: Request) -> Response:
    """Any other path or method, in the dialect of its host."""
    if _ADS_PATH.match(request.url.path):
        known = any(
            route.matches({**request.scope, "method": "GET"})[0] == Match.FULL for route in routes[:-1]
        )
        error = AdsError(404, "ROUTE_NOT_FOUND", "The requested resource could not be found")
        if known:
            error = AdsError(405, "METHOD_NOT_ALLOWED", f"{request.method} is not allowed for this resource")
        return errors.ads(error, await _shown(request))
    return errors.v1(errors.gone_user())


_ADS_PATH = re.compile(r"/x/\d+/")
_ACCOUNT = "/12/accounts/{account_id}"

routes = [
    Route("/oauth/request_token", numbered(oauth.request_token), methods=["POST"]),
    Route("/oauth/authorize", oauth.show, methods=["GET"]),
    Route("/oauth/authorize", oauth.decide, methods=["POST"]),
    Route("/oauth/access_token", numbered(oauth.access_token), methods=["POST"]),
    Route("/1.1/oauth/invalidate_token.json", numbered(oauth.invalidate_token), methods=["POST"]),
    Route("/1.1/account/verify_credentials.json", numbered(identity.verify_credentials), methods=["GET"]),
    Route("/1.1/media/upload.json", numbered(uploads.media), methods=["GET", "POST"]),
    Route("/2/media/upload", problem(uploads.media_of_2), methods=["GET"]),
    Route("/2/media/upload/{step}", problem(uploads.media_of_2), methods=["POST"]),
    Route("/2/media/upload/{number}/{step}", problem(uploads.media_of_2), methods=["POST"]),
    Route("/2/users/me", problem(identity.users_me), methods=["GET"]),
    Route("/12/accounts", ads_call(ads.accounts, kind="accounts"), methods=["GET"]),
    Route(_ACCOUNT, ads_call(ads.account), methods=["GET"]),
    Route(f"{_ACCOUNT}/authenticated_user_access", ads_call(ads.user_access), methods=["GET"]),
    Route(f"{_ACCOUNT}/funding_instruments", ads_call(ads.funding_instruments), methods=["GET"]),
    Route(f"{_ACCOUNT}/campaigns", ads_call(ads.list_campaigns), methods=["GET"]),
    Route(f"{_ACCOUNT}/campaigns", ads_call(ads.make_campaign, status=201), methods=["POST"]),
    Route("/12/batch/accounts/{account_id}/campaigns", ads_call(ads.batch, status=201), methods=["POST"]),
    Route(f"{_ACCOUNT}/media_library", ads_call(ads.media_library, status=201), methods=["POST"]),
    Route("/{rest:path}", unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
]
