"""The frames of the Marketing API's answers: the whole, its items, and pages of them."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from sandbox.snapchat import errors
from sandbox.snapchat.access import Caller

SMALLEST_PAGE, LARGEST_PAGE = 50, 1000
MADE = {"updated_at": "2024-06-15T23:54:26.935Z", "created_at": "2021-07-20T20:31:40.955Z"}

Body = dict[str, Any]


def envelope(caller: Caller, **content: Any) -> Body:
    """The frame of every good answer."""
    return {"request_status": success(caller), "request_id": errors.request_id(), **content}


def item(caller: Caller, singular: str, row: Body) -> Body:
    """One item of a list, in its frame."""
    return {"sub_request_status": success(caller), singular: row}


def failed(singular: str, reason: str) -> Body:
    """An item in error (what it holds besides its status is unverified)."""
    return {"sub_request_status": "ERROR", "sub_request_error_reason": reason, singular: {}}


def success(caller: Caller) -> str:
    """The word of success."""
    return "success" if caller.setting("small_letters") else "SUCCESS"


def page(request: Request, caller: Caller, plural: str, items: list[Body]) -> Body:
    """A page of a list. Without `limit` everything comes at once (unverified)."""
    asked = request.query_params.get("limit", "")
    if not asked:
        return envelope(caller, **{plural: items})
    if not asked.isdigit() or not SMALLEST_PAGE <= int(asked) <= LARGEST_PAGE:
        raise errors.bad_request(f"limit must be between {SMALLEST_PAGE} and {LARGEST_PAGE}")
    start, size = _offset(request.query_params.get("cursor", "")), int(asked)
    body = envelope(caller, **{plural: items[start : start + size]})
    if start + size < len(items):
        cursor = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        body["paging"] = {"next_link": str(request.url.include_query_params(cursor=cursor, limit=asked))}
    return body


def _offset(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor.encode())) if cursor else 0
    except (ValueError, binascii.Error) as error:
        raise errors.bad_request("cursor is not valid") from error


def stamp(seconds: int) -> str:
    """A moment as Snapchat writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
