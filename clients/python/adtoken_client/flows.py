"""The calls, and what follows from their answers, as generators: they yield a `Request` or seconds to wait, and are sent the answer.

So each rule is written once; `client.py` drives them with threads, `aio.py` with asyncio.
"""

import json
import os
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

import httpx2

from adtoken_client.keeping import Keeper
from adtoken_client.models import Account, Lease, Name, Report, Send, lease_of, report_of
from adtoken_client.problems import AdTokenError, BusyError, problem_of

T = TypeVar("T")
VERSION = version("adtoken-client")
BATCH = 100  # accounts of one call
REFUSALS = frozenset({400, 401, 403})  # answers that may be about the token; AdToken knows which are
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Request:
    """A call to AdToken. `path` comes after /api/v1."""

    method: str
    path: str
    body: Any = field(default=None, repr=False)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Got:
    """A good answer, and AdToken's clock then."""

    body: Any = field(repr=False)
    at: datetime | None
    headers: Mapping[str, str]


Flow = Generator[Request | float, Any, T]
Leased = Mapping[Name, Lease | AdTokenError]


@dataclass(frozen=True)
class Options:
    """What both clients are made with."""

    url: str
    key: str = field(repr=False)
    wait: float  # seconds that one call may wait in all for what AdToken says to come back for
    min_valid_for: int

    @classmethod
    def read(cls, url: str, key: str, wait: float, min_valid_for: int) -> "Options":
        """Complete them from ADTOKEN_URL and ADTOKEN_KEY. Raises ValueError where one is missing."""
        url, key = url or os.environ.get("ADTOKEN_URL", ""), key or os.environ.get("ADTOKEN_KEY", "")
        if not url or not key:
            raise ValueError("Give AdToken's address and an API key, or set ADTOKEN_URL and ADTOKEN_KEY.")
        return cls(url.rstrip("/").removesuffix("/api/v1") + "/api/v1", key, wait, min_valid_for)

    def http(self, request: Request) -> dict[str, Any]:
        """Return what httpx2's `request` takes."""
        ours = {"Authorization": f"Bearer {self.key}", "User-Agent": f"adtoken-client/{VERSION}"}
        return {
            "method": request.method,
            "url": self.url + request.path,
            "params": {name: value for name, value in request.query.items() if value is not None} or None,
            "json": request.body,
            "headers": {**ours, **request.headers},
        }


def read_answer(response: httpx2.Response) -> Got:
    """Return a good answer. Raises AdTokenError for another."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if response.is_error or (body is None and response.status_code != 304):
        raise problem_of(response.status_code, body, response.headers)
    date = response.headers.get("date")
    return Got(body, parsedate_to_datetime(date) if date else None, response.headers)


def patiently(request: Request, wait: float) -> Flow[Got]:
    """Make a call that may be made twice, again where AdToken says when, for `wait` seconds in all."""
    until = time.monotonic() + wait
    while True:
        try:
            got: Got = yield request
            return got
        except BusyError as busy:
            pause = max(busy.retry_after or 1, 0.1)
            if time.monotonic() + pause > until:
                raise
        yield float(pause)


def accounts_page(
    filters: Mapping[str, Any], cursor: str | None, wait: float
) -> Flow[tuple[list[Account], str | None]]:
    """Read one page of accounts, and the cursor of the next."""
    asked = {**filters, "limit": 1000, "cursor": cursor}
    got = yield from patiently(Request("GET", "/accounts", query=asked), wait)
    return got.body["accounts"], got.body["next"]


def ask_people(kind: str, idempotency_key: str, fields: Mapping[str, Any]) -> Request:
    """Return the call that asks people."""
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    return Request("POST", "/asks", {"kind": kind, **fields}, headers=headers)


def account_path(channel: str, native_id: str) -> str:
    """Return an account's path."""
    return f"/accounts/{quote(channel, safe='')}/{quote(native_id, safe='')}"


def lease_one(keeper: Keeper, name: Name, options: Options) -> Flow[Leased]:
    """Get one lease, waiting where AdToken says how long."""
    wanted = {"purpose": name.purpose, "min_valid_for": options.min_valid_for}
    request = Request("POST", account_path(name.channel, name.native_id) + "/lease", wanted)
    try:
        got = yield from patiently(request, options.wait)
    except AdTokenError as problem:
        return {name: problem}
    lease = lease_of(name)(got.body)
    keeper.keep(lease, got.at)
    return {name: lease}


def lease_batch(keeper: Keeper, names: Iterable[Name], options: Options) -> Flow[Leased]:
    """Get many leases, a hundred a call, without waiting. What is kept already stays where one is refused."""
    by_purpose: dict[str, list[Name]] = {}
    for name in names:
        by_purpose.setdefault(name.purpose, []).append(name)
    found: dict[Name, Lease | AdTokenError] = {}
    for purpose, some in by_purpose.items():
        for begin in range(0, len(some), BATCH):
            found |= yield from _one_batch(keeper, some[begin : begin + BATCH], purpose, options)
    return found


def _one_batch(keeper: Keeper, names: Sequence[Name], purpose: str, options: Options) -> Flow[Leased]:
    accounts = [{"channel": name.channel, "native_id": name.native_id} for name in names]
    wanted = {"purpose": purpose, "min_valid_for": options.min_valid_for, "accounts": accounts}
    found: dict[Name, Lease | AdTokenError] = {}
    try:
        got: Got = yield Request("POST", "/leases", wanted)
    except AdTokenError as problem:
        found = dict.fromkeys(names, problem)
    else:
        for name, one in zip(names, got.body["leases"], strict=True):
            found[name] = (
                lease_of(name)(one["lease"])
                if one["lease"]
                else problem_of(one["problem"]["status"], one["problem"])
            )
    for name, answer in found.items():
        if isinstance(answer, Lease):
            keeper.keep(answer, got.at)
        else:
            keeper.put_off(name, answer)
    return found


def report(lease: Lease, status: int, body: Any, method: str, wait: float) -> Flow[tuple[Report, Got]]:
    """Tell what the channel answered."""
    method = method.upper() if method.upper() in WRITES | {"GET"} else ""
    told = {"status": status, "body": body, "method": method}
    got = yield from patiently(
        Request("POST", f"/leases/{quote(lease.lease_id, safe='')}/report", told), wait
    )
    return report_of(lease.name)(got.body), got


def recover(
    keeper: Keeper, lease: Lease, status: int, body: Any, method: str, wait: float
) -> Flow[Lease | None]:
    """Report a refusal, and return the lease with which to try once more; None: the answer stands. Raises AccountDarkError.

    Where AdToken cannot tell yet, it is asked again, as long as `wait` lasts.
    """
    until = time.monotonic() + wait
    while True:
        if fresh := keeper.successor(lease):
            return fresh
        told, got = yield from report(lease, status, body, method, max(until - time.monotonic(), 0))
        if told.lease:
            keeper.replace(lease, told.lease, got.at)
            return told.lease
        if told.problem:
            keeper.drop(lease)
            raise told.problem
        pause = told.retry_after or 0
        if told.action != "retry_later" or time.monotonic() + pause > until:
            return None
        yield float(pause)


def sign(lease: Lease, method: str, url: str, params: Mapping[str, str], wait: float) -> Flow[str]:
    """Get the Authorization header of one request."""
    wanted = {"method": method.upper(), "url": url, "params": dict(params)}
    got = yield from patiently(
        Request("POST", f"/leases/{quote(lease.lease_id, safe='')}/sign", wanted), wait
    )
    header: str = got.body["authorization"]
    return header


def body_of(text: str) -> Any:
    """Return a channel's body as a report has it: parsed JSON, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def is_refusal(lease: Lease, status: int, body: Callable[[], str]) -> bool:
    """Return whether an answer may be about the token. TikTok says everything with 200; elsewhere a good answer's body is not read."""
    if lease.name.channel == "tiktok" and status == 200:
        said = body_of(body())
        return isinstance(said, dict) and said.get("code", 0) not in (0, 20001)
    return status in REFUSALS


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
    kept = [
        pair
        for pair in parts.query.split("&")
        if pair and unquote_plus(pair.partition("=")[0]) not in dropped
    ]
    added = [urlencode(send.query)] if send.query else []
    return parts._replace(query="&".join(kept + added)).geturl()
