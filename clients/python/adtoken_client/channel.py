"""A job's request to the channel and its answer, as the adapters see them."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from adtoken_client.models import Lease, Send

FORM = "application/x-www-form-urlencoded"
REFUSALS = frozenset({400, 401, 403})  # answers that may be about the token; AdToken knows which are


def body_of(text: str) -> Any:
    """Return a body as a report has it: parsed JSON, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def may_be_refusal(lease: Lease, status: int, content_type: str | None) -> bool:
    """Return whether the body is to be looked at: TikTok says everything with 200, and a good answer elsewhere may be a stream."""
    return status in REFUSALS or (
        lease.name.channel == "tiktok" and status == 200 and "json" in (content_type or "json")
    )


def is_refusal(lease: Lease, status: int, content_type: str | None, text: Callable[[], str]) -> bool:
    """Return whether an answer may be about the token."""
    if status != 200 or not may_be_refusal(lease, status, content_type):
        return status in REFUSALS
    said = body_of(text())
    return isinstance(said, dict) and said.get("code", 0) not in (0, 20001)


def covers(lease: Lease, url: str, more: Iterable[str] = ()) -> bool:
    """Return whether an address is the channel's: of the origin of the lease's `base_url`, or of one of `more`."""
    return _origin(url) in {_origin(one) for one in (lease.base_url, *more)}


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def merge_url(url: str, send: Send) -> str:
    """Return the address with the lease's query. What stood there by these names, and an `access_token` beside a header, goes."""
    parts = urlsplit(url)
    dropped = {*send.query, *(["access_token"] if send.headers else [])}
    pairs = [one for one in parts.query.split("&") if unquote_plus(one.partition("=")[0]) not in dropped]
    return parts._replace(query="&".join(filter(None, [*pairs, urlencode(send.query)]))).geturl()


def form_of(content_type: str | None, body: object) -> dict[str, str]:
    """Return the fields of a form, which are signed, too."""
    if not isinstance(body, bytes | str) or not (content_type or "").startswith(FORM):
        return {}
    return dict(parse_qsl(body.decode() if isinstance(body, bytes) else body, keep_blank_values=True))
