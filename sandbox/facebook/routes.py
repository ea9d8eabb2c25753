"""Addresses of the stand-in Facebook, below /facebook: www and graph in one place, version first."""

import json
import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.facebook import ads, dialog, graph, system_users, tokens
from sandbox.facebook.errors import GraphError
from sandbox.store import random_text

Handler = Callable[[Request], Awaitable[Response]]
_VERSION = re.compile(r"v\d{1,2}\.\d")


def graph_call(handler: Handler) -> Handler:
    """Wrap a Graph handler: unknown versions, errors as JSON, and the headers that Facebook adds."""

    async def call(request: Request) -> Response:
        version = request.path_params["version"]
        try:
            if not _VERSION.fullmatch(version):
                raise GraphError(2500, f"Unknown path components: /{request.url.path.split('/', 3)[-1]}")
            response = await handler(request)
        except GraphError as error:
            response = error.response()
        response.headers["facebook-api-version"] = version
        response.headers["x-fb-trace-id"] = random_text(11)
        usage = {"call_count": 1, "total_time": 1, "total_cputime": 1}
        response.headers["x-app-usage"] = json.dumps(usage)
        if "account_id" in request.path_params:
            tier = {
                "acc_id_util_pct": 1.0,
                "reset_time_duration": 0,
                "ads_api_access_tier": "standard_access",
            }
            response.headers["x-ad-account-usage"] = json.dumps(tier)
        return response

    return call


async def unknown(_request: Request) -> Response:
    """Any other path."""
    raise GraphError(2500, "Unknown path components")


def node(path: str, handler: Handler) -> list[Route]:
    """A node, with and without a slash at the end: Meta's own client for Python reads `/act_{id}/`."""
    return [Route(spelling, graph_call(handler), methods=["GET"]) for spelling in (path, f"{path}/")]


routes = [
    Route("/{version}/dialog/oauth", dialog.show, methods=["GET"]),
    Route("/{version}/dialog/oauth", dialog.decide, methods=["POST"]),
    Route("/{version}/oauth/access_token", graph_call(tokens.access_token), methods=["GET", "POST"]),
    Route("/{version}/oauth/revoke", graph_call(system_users.revoke), methods=["GET", "POST"]),
    Route("/{version}/debug_token", graph_call(tokens.debug_token), methods=["GET"]),
    *node("/{version}/me", graph.me),
    Route("/{version}/me/permissions", graph_call(graph.permissions), methods=["GET", "DELETE"]),
    Route("/{version}/{user_id:int}/permissions", graph_call(graph.permissions), methods=["GET", "DELETE"]),
    Route("/{version}/me/adaccounts", graph_call(graph.ad_accounts), methods=["GET"]),
    Route(
        "/{version}/{user_id:int}/assigned_ad_accounts",
        graph_call(system_users.assigned_ad_accounts),
        methods=["GET"],
    ),
    Route("/{version}/{user_id:int}/access_tokens", graph_call(system_users.access_tokens), methods=["POST"]),
    Route("/{version}/act_{account_id:str}/campaigns", graph_call(ads.campaigns), methods=["GET", "POST"]),
    Route("/{version}/act_{account_id:str}/insights", graph_call(ads.insights), methods=["GET"]),
    *node("/{version}/act_{account_id:str}", ads.account),
    *node("/{version}/{object_id:int}", ads.campaign),
    Route("/{version}/{rest:path}", graph_call(unknown), methods=["GET", "POST", "DELETE"]),
]
