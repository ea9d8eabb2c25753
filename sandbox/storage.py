"""Where LinkedIn has media sent, on a host of its own: an address that is its own permission, and takes no other beside it."""

import hashlib
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.web import store_of


def address(request: Request, number: str, part: int) -> str:
    """The address for one part of an upload."""
    return f"{request.url.scheme}://{request.url.netloc}/storage/{number}/{part}"


async def take(request: Request) -> Response:
    """`PUT` of one part; its etag is what the upload is finished with."""
    found: dict[str, Any] | None = store_of(request).uploads.get(request.path_params["number"])
    if found is None or "authorization" in request.headers:  # what comes of the latter is unverified
        return Response(status_code=403)
    body = await request.body()
    etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
    found["parts"][int(request.path_params["part"])] = etag
    found["bytes"] += len(body)
    return Response(headers={"etag": etag})


routes = [Route("/{number}/{part:int}", take, methods=["PUT"])]
