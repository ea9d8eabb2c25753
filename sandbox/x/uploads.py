"""Media of v1.1: `POST /1.1/media/upload.json` with `command` INIT, APPEND and FINALIZE, and STATUS by GET.

https://docs.x.com/x-api/media/quickstart/media-upload-chunked; what multipart bodies hold is not signed.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.store import random_number
from sandbox.web import params_of
from sandbox.x.errors import XError
from sandbox.x.signature import caller_of


async def media(request: Request) -> Response:
    """One step of an upload, which is its beginner's alone."""
    caller = await caller_of(request)
    params = {name: values[0] for name, values in (await params_of(request)).items()}
    command = params.get("command", "")
    if command == "INIT":
        number = random_number(19)
        size = int(params.get("total_bytes", "0"))
        caller.store.uploads[number] = {"user": caller.user.key, "size": size, "bytes": 0}
        return JSONResponse(_shown(number, size), 202)
    number = params.get("media_id", "")
    found = caller.store.uploads.get(number)
    if found is None or found["user"] != caller.user.key:
        raise XError(400, 324, "The validation of media ids failed.")
    if command == "APPEND":
        found["bytes"] += len(await _part(request))
        return Response(status_code=204)
    if command not in ("FINALIZE", "STATUS"):
        raise XError(400, 38, "command parameter is missing.")
    if found["bytes"] != found["size"]:
        raise XError(400, 324, "Segments do not add up to provided total file size.")
    return JSONResponse(_shown(number, found["size"]))


async def _part(request: Request) -> bytes:
    """The bytes of `media`, with a name of a file or, as twitter-api-v2 sends them, without."""
    boundary = request.headers["content-type"].partition("boundary=")[2].strip('"').encode()
    field = (await request.body()).partition(b'name="media"')[2]
    return field.partition(b"\r\n\r\n")[2].partition(b"\r\n--" + boundary)[0]


def _shown(number: str, size: int) -> dict[str, Any]:
    shown = {"media_id": int(number), "media_id_string": number, "media_key": f"7_{number}"}
    return {**shown, "size": size, "expires_after_secs": 86_400}
