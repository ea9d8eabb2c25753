"""Videos API: `initializeUpload`, each part to an address of its own, `finalizeUpload` with what these answered.

https://learn.microsoft.com/linkedin/marketing/community-management/shares/videos-api
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox import storage
from sandbox.linkedin import errors
from sandbox.linkedin.access import Caller, caller_of
from sandbox.store import random_number

CHUNK = 4 * 1024 * 1024  # bytes of a part
URN = "urn:li:video:"


async def videos(request: Request) -> Response:
    """`POST /rest/videos?action=...`. An upload is its beginner's alone (unverified)."""
    caller = await caller_of(request)
    if "rw_ads" not in caller.token.scopes:
        raise errors.denied("videos.ACTION")
    action = caller.query.get("action", "")
    asked: dict[str, Any] = (await request.json()).get(f"{action}Request") or {}
    if action == "initializeUpload":
        return _begun(request, caller, int(asked["fileSizeBytes"]))
    number = str(asked.get("video", "")).removeprefix(URN)
    found = caller.store.uploads.get(number)
    if action != "finalizeUpload" or found is None or found["user"] != caller.user.key:
        raise errors.denied("videos.ACTION")
    whole = found["bytes"] == found["size"]
    if not whole or asked.get("uploadedPartIds") != [etag for _, etag in sorted(found["parts"].items())]:
        raise errors.bad_request("uploadedPartIds do not match what was uploaded")
    return JSONResponse({})


def _begun(request: Request, caller: Caller, size: int) -> Response:
    number = random_number(16)
    caller.store.uploads[number] = {"user": caller.user.key, "size": size, "bytes": 0, "parts": {}}
    parts = [
        {
            "uploadUrl": storage.address(request, number, part),
            "firstByte": first,
            "lastByte": min(first + CHUNK, size) - 1,
        }
        for part, first in enumerate(range(0, size, CHUNK))
    ]
    return JSONResponse(
        {"value": {"video": f"{URN}{number}", "uploadInstructions": parts, "uploadToken": ""}}
    )
