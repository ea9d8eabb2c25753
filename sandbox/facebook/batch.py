"""Batch requests: several Graph calls in one POST to the root. https://developers.facebook.com/docs/graph-api/batch-requests"""

import json
from typing import Any
from urllib.parse import parse_qsl

import httpx2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.facebook import access, errors, versions
from sandbox.facebook.errors import GraphError
from sandbox.web import first, params_of

MOST = 50


async def batch(request: Request) -> Response:
    """`POST /{version}/` with `batch`: a list of `{method, relative_url, body}`. Each is answered as `{code, headers, body}`."""
    params = await params_of(request)
    token = access.token_text(request, params)
    if not token:
        raise errors.no_token()
    shared = {"access_token": token}
    if proof := first(params, "appsecret_proof"):
        shared["appsecret_proof"] = proof
    version = request.path_params.get("version", versions.OLDEST)
    base = f"http://sandbox{request.scope['root_path']}/{version}/"
    transport = httpx2.ASGITransport(app=request.scope["app"])
    async with httpx2.AsyncClient(transport=transport) as client:
        return JSONResponse(
            [await _answer(client, base, shared, one) for one in _calls(first(params, "batch"))]
        )


def _calls(text: str) -> list[dict[str, Any]]:
    try:
        calls = json.loads(text)
    except ValueError:
        calls = None
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise errors.bad_parameter("Param batch must be an array.")
    if len(calls) > MOST:
        text = f"Too many requests in batch message. Maximum batch size is {MOST}"
        raise GraphError(1, text, kind="GraphBatchException")  # (unverified)
    return calls


async def _answer(
    client: httpx2.AsyncClient, base: str, shared: dict[str, str], call: dict[str, Any]
) -> dict[str, Any]:
    path, _, query = str(call.get("relative_url", "")).lstrip("/").partition("?")
    if path.startswith("v") and "." in path.partition("/")[0]:  # a version of its own
        base = base.rpartition("/v")[0] + "/"
    given = dict(parse_qsl(query)) | dict(parse_qsl(str(call.get("body", ""))))
    method = str(call.get("method", "GET")).upper()
    fields = {**shared, **given}
    if method in ("GET", "DELETE"):
        answer = await client.request(method, base + path, params=fields)
    else:
        answer = await client.request(method, base + path, data=fields)
    headers = [{"name": name, "value": value} for name, value in answer.headers.items()]
    return {"code": answer.status_code, "headers": headers, "body": answer.text}
