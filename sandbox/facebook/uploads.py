"""Videos for ads, whole or in parts. https://developers.facebook.com/docs/marketing-api/advideo; parts as Meta's own clients send them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.facebook import errors
from sandbox.facebook.access import caller_of
from sandbox.facebook.ads import account_of
from sandbox.facebook.errors import GraphError
from sandbox.store import random_number
from sandbox.web import first

CHUNK = 1024 * 1024  # bytes that are asked for at a time


async def videos(request: Request) -> Response:
    """`POST /act_{id}/advideos`: whole as `source`, or by `upload_phase` start, transfer and finish."""
    caller = await caller_of(request)
    account = account_of(request, caller)
    phase, uploads = first(caller.params, "upload_phase"), caller.store.uploads
    if not phase:
        sent = await _file(request, "source")
        number = random_number(15)
        uploads[number] = {"account": account.id, "user": caller.user.key, "size": sent, "bytes": sent}
        return JSONResponse({"id": number})
    if phase == "start":
        number, session = random_number(15), random_number(15)
        size = int(first(caller.params, "file_size") or 0)
        uploads[session] = {"account": account.id, "user": caller.user.key, "size": size, "bytes": 0}
        answer = {"upload_session_id": session, "video_id": number}
        return JSONResponse(answer | _offsets(uploads[session]))
    found = uploads.get(first(caller.params, "upload_session_id"))
    if found is None or found["user"] != caller.user.key or found["account"] != account.id:
        text = "Invalid upload session"  # whose it is counts, as far as anybody knows (unverified)
        raise GraphError(6001, text, subcode=1363033, kind="OAuthException")
    if phase == "finish":
        return JSONResponse({"success": found["bytes"] == found["size"]})
    if first(caller.params, "start_offset") != str(found["bytes"]):
        raise GraphError(6001, "Wrong offset", subcode=1363037, error_data=_offsets(found))
    found["bytes"] += await _file(request, "video_file_chunk")
    return JSONResponse(_offsets(found))


def _offsets(found: dict[str, Any]) -> dict[str, str]:
    return {
        "start_offset": str(found["bytes"]),
        "end_offset": str(min(found["bytes"] + CHUNK, found["size"])),
    }


async def _file(request: Request, name: str) -> int:
    file: Any = (await request.form()).get(name)
    if not hasattr(file, "read"):
        raise errors.bad_parameter(f"The parameter {name} is required")
    return len(await file.read())
