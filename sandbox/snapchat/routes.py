"""Addresses of the stand-in Snapchat, below /snapchat: accounts.snapchat.com and adsapi.snapchat.com in one place."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Match, Route

from sandbox.snapchat import api, campaigns, errors, tokens
from sandbox.snapchat.access import Caller, caller_of
from sandbox.snapchat.errors import ApiError
from sandbox.snapchat.frames import Body
from sandbox.snapchat.switches import STAND_IN

EVERY = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
Handler = Callable[[Request, Caller], Body | Awaitable[Body]]


def api_call(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a call of the API: who calls, and errors in the general body."""

    async def call(request: Request) -> Response:
        try:
            body = handler(request, caller_of(request))
            return JSONResponse(await body if isawaitable(body) else body)
        except ApiError as error:
            return error.response()

    return call


def unknown(request: Request, _caller: Caller) -> Body:
    """Any other path of the API, or another method of a known one."""
    raise errors.no_such_method() if _known(request) else errors.not_found()


def elsewhere(request: Request) -> Response:
    """Any other path of the log-in host. A slash at the end makes another path; nothing is redirected."""
    if _known(request):
        return PlainTextResponse("Method Not Allowed", 405)
    return PlainTextResponse("Not Found", 404)


def _known(request: Request) -> bool:
    """Whether the path exists with another method."""
    return any(
        route.matches(request.scope)[0] == Match.PARTIAL
        for route in routes
        if not route.path.endswith(":path}")
    )


routes: list[Route] = [
    Route("/login/oauth2/authorize", STAND_IN.show, methods=["GET"]),
    Route("/login/oauth2/authorize", STAND_IN.decide, methods=["POST"]),
    Route("/login/oauth2/access_token", tokens.access_token, methods=["POST"]),
    Route("/login/oauth2/revoke", tokens.revoke, methods=["POST"]),
    Route("/login/oauth2/revoke_token", tokens.revoke, methods=["POST"]),
    Route("/v1/me", api_call(api.me), methods=["GET"]),
    Route("/v1/me/organizations", api_call(api.organizations), methods=["GET"]),
    Route("/v1/organizations/{organization_id}/adaccounts", api_call(api.ad_accounts), methods=["GET"]),
    Route("/v1/organizations/{organization_id}/roles", api_call(api.roles), methods=["GET"]),
    Route("/v1/adaccounts/{account_id}", api_call(api.ad_account), methods=["GET"]),
    Route("/v1/adaccounts/{account_id}/campaigns", api_call(campaigns.listed), methods=["GET"]),
    Route("/v1/adaccounts/{account_id}/campaigns", api_call(campaigns.create), methods=["POST"]),
    Route("/v1/{rest:path}", api_call(unknown), methods=EVERY),
    Route("/{rest:path}", elsewhere, methods=EVERY),
]
