"""Who the token belongs to: v1.1 and v2."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.x.signature import caller_of


async def verify_credentials(request: Request) -> Response:
    """`/1.1/account/verify_credentials.json`; the e-mail address comes with include_email=true."""
    caller = await caller_of(request)
    user = caller.user
    answer = {
        "id": int(user.id),
        "id_str": user.id,
        "name": user.name,
        "screen_name": user.screen_name,
        "location": "",
        "description": "",
        "url": None,
        "protected": False,
        "verified": False,
        "suspended": False,
        "created_at": "Thu Jul 21 22:42:09 +0000 2016",
    }
    if caller.params.get("include_email") == "true":
        answer["email"] = user.email
    return JSONResponse(answer)


async def users_me(request: Request) -> Response:
    """`/2/users/me`."""
    user = (await caller_of(request)).user
    return JSONResponse({"data": {"id": user.id, "name": user.name, "username": user.screen_name}})
