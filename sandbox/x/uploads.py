"""Media: `POST /1.1/media/upload.json` with `command` INIT, APPEND and FINALIZE, and STATUS by GET; or below `/2/media/upload`.

https://docs.x.com/x-api/media/quickstart/media-upload-chunked; what multipart bodies hold is not signed.
That both take OAuth 1.0a is unverified: documents of API 2 show OAuth 2, users say that it takes either.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.store import random_number
from sandbox.web import params_of
from sandbox.x.errors import XError
from sandbox.x.signature import XCaller, caller_of


async def media(request: Request) -> Response:
    """One step of an upload, which is its beginner's alone."""
    caller = await caller_of(request)
    params = {name: values[0] for name, values in (await params_of(request)).items()}
    command = params.get("command", "")
    if command == "INIT":
        return JSONResponse(_shown(*_begun(caller, params)), 202)
    number = params.get("media_id", "")
    found = _found(caller, number)
    if command == "APPEND":
        found["bytes"] += len(await _part(request))
        return Response(status_code=204)
    if command not in ("FINALIZE", "STATUS"):
        raise XError(400, 38, "command parameter is missing.")
    _check_whole(found)
    return JSONResponse(_shown(number, found["size"]))


async def media_of_2(request: Request) -> Response:
    """The same by API 2: a path for each step, `initialize` as JSON. A film is looked through after `finalize`."""
    caller = await caller_of(request)
    params = {name: values[0] for name, values in (await params_of(request)).items()}
    step = str(request.path_params.get("step", "status"))
    number = str(request.path_params.get("number") or params.get("media_id", ""))
    if step == "initialize":
        number, _ = _begun(caller, params)
    found = _found(caller, number)
    if step == "append":
        found["bytes"] += len(await _part(request))
        return JSONResponse({"data": {"expires_at": int(caller.now) + 86_400}})
    answer: dict[str, Any] = {"id": number, "media_key": f"7_{number}", "size": found["size"]}
    if step != "initialize":
        _check_whole(found)
        answer["processing_info"] = {"state": "succeeded" if step == "status" else "pending"}
    return JSONResponse({"data": answer})


def _begun(caller: XCaller, params: dict[str, str]) -> tuple[str, int]:
    number, size = random_number(19), int(params.get("total_bytes", "0"))
    caller.store.uploads[number] = {"user": caller.user.key, "size": size, "bytes": 0}
    return number, size


def _found(caller: XCaller, number: str) -> dict[str, Any]:
    found = caller.store.uploads.get(number)
    if found is None or found["user"] != caller.user.key:
        raise XError(400, 324, "The validation of media ids failed.")
    return found


def _check_whole(found: dict[str, Any]) -> None:
    if found["bytes"] != found["size"]:
        raise XError(400, 324, "Segments do not add up to provided total file size.")


async def _part(request: Request) -> bytes:
    """The bytes of `media`, with a name of a file or, as twitter-api-v2 sends them, without."""
    boundary = request.headers["content-type"].partition("boundary=")[2].strip('"').encode()
    field = (await request.body()).partition(b'name="media"')[2]
    return field.partition(b"\r\n\r\n")[2].partition(b"\r\n--" + boundary)[0]


def _shown(number: str, size: int) -> dict[str, Any]:
    shown = {"media_id": int(number), "media_id_string": number, "media_key": f"7_{number}"}
    return {**shown, "size": size, "expires_after_secs": 86_400}
