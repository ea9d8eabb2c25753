"""Addresses of the stand-in Pinterest, below /pinterest: www and api in one place."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.pinterest import ads, errors, tokens
from sandbox.pinterest.errors import PinterestError
from sandbox.pinterest.switches import STAND_IN
from sandbox.store import random_number

Handler = Callable[[Request], Awaitable[Response]]
LIMIT = 1000  # of the category ads_read at Standard access, a minute and person


def api(handler: Handler) -> Handler:
    """Wrap a handler: errors as JSON, the call's number, and the headers that count calls (their form is unverified)."""

    async def call(request: Request) -> Response:
        try:
            response = await handler(request)
        except PinterestError as error:
            response = error.response()
        response.headers["x-pinterest-rid"] = random_number(16)
        response.headers["x-ratelimit-limit"] = str(LIMIT)
        response.headers["x-ratelimit-remaining"] = str(LIMIT - 1)
        response.headers["x-ratelimit-reset"] = "60"
        return response

    return call


async def unknown(_request: Request) -> Response:
    """Any other address."""
    raise errors.no_address()


_ACCOUNT = "/v5/ad_accounts/{account}"

routes = [
    *(Route(page, STAND_IN.show, methods=["GET"]) for page in ("/oauth/", "/oauth")),  # clients write both
    *(Route(page, STAND_IN.decide, methods=["POST"]) for page in ("/oauth/", "/oauth")),
    Route("/v5/oauth/token", api(tokens.token), methods=["POST"]),
    Route("/v5/oauth/token/revoke", api(tokens.revoke), methods=["POST"]),
    Route("/v5/user_account", api(ads.user_account), methods=["GET"]),
    Route("/v5/ad_accounts", api(ads.ad_accounts), methods=["GET"]),
    Route(_ACCOUNT, api(ads.ad_account), methods=["GET"]),
    Route(f"{_ACCOUNT}/campaigns", api(ads.campaigns), methods=["GET", "POST"]),
    Route("/{rest:path}", api(unknown), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
]
