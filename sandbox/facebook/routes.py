"""Addresses of the stand-in Facebook, below /facebook: www and graph in one place.

A version comes first. Without one the oldest is taken, which the Marketing API has retired: its calls are refused then, as those in any
version that is over (`versions.py`).
"""

import json
from collections.abc import Awaitable, Callable

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.facebook import (
    ads,
    batch,
    dialog,
    errors,
    graph,
    system_users,
    tokens,
    uploads,
    versions,
)
from sandbox.facebook.errors import GraphError
from sandbox.store import random_text

Handler = Callable[[Request], Awaitable[Response]]
ANY = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class _Version(Convertor[str]):
    regex = r"v[0-9]{1,2}\.[0-9]"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("graph", _Version())


def graph_call(handler: Handler) -> Handler:
    """Wrap a Graph handler: errors as JSON, and the headers that Facebook adds."""

    async def call(request: Request) -> Response:
        version = request.path_params.get("version", versions.OLDEST)
        try:
            if not versions.exists(version):
                raise errors.unknown_path(request.url.path.partition("/facebook")[2])
            response = await handler(request)
        except GraphError as error:
            response = error.response()
        response.headers["facebook-api-version"] = versions.served(version)
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


def marketing(handler: Handler) -> Handler:
    """Wrap a handler of the Marketing API: it serves no version that is over."""

    async def call(request: Request) -> Response:
        if request.path_params.get("version", versions.OLDEST) not in versions.MARKETING:
            raise errors.version_retired(versions.NEWEST)
        return await handler(request)

    return call


async def unknown(request: Request) -> Response:
    """Any other path, and any other method on a path that exists."""
    rest = str(request.path_params["rest"])
    if request.method not in ("GET", "HEAD"):
        raise errors.unsupported(request.method.lower(), rest.strip("/").partition("/")[0])
    raise errors.unknown_path(f"/{rest}")


def at(path: str, handler: Handler, *methods: str) -> list[Route]:
    """An address with and without a version, and with and without a slash at its end: Meta's own client for Python writes one."""
    wrapped = graph_call(handler)
    spellings = [f"{root}{path}{slash}" for root in ("/{version:graph}", "") for slash in ("", "/")]
    return [Route(spelling, wrapped, methods=methods or ("GET",)) for spelling in spellings]


routes = [
    *(
        Route(root, graph_call(batch.batch), methods=["POST"])
        for root in ("/{version:graph}/", "/{version:graph}", "/")
    ),
    *(Route(f"{root}/dialog/oauth", dialog.show, methods=["GET"]) for root in ("/{version:graph}", "")),
    *(Route(f"{root}/dialog/oauth", dialog.decide, methods=["POST"]) for root in ("/{version:graph}", "")),
    *at("/oauth/access_token", tokens.access_token, "GET", "POST"),
    *at("/oauth/revoke", system_users.revoke, "GET", "POST"),
    *at("/debug_token", tokens.debug_token),
    *at("/me", graph.me),
    *at("/me/permissions", graph.permissions, "DELETE"),
    *at("/me/adaccounts", marketing(graph.ad_accounts)),
    *at("/{user_id:int}/assigned_ad_accounts", marketing(system_users.assigned_ad_accounts)),
    *at("/act_{account_id:str}/campaigns", marketing(ads.campaigns), "GET", "POST"),
    *at("/act_{account_id:str}/advideos", marketing(uploads.videos), "POST"),
    *at("/act_{account_id:str}", marketing(ads.account)),
    *at("/{object_id:int}", marketing(ads.campaign)),
    Route("/{version:graph}/{rest:path}", graph_call(unknown), methods=ANY),
    Route("/{rest:path}", graph_call(unknown), methods=ANY),
]
