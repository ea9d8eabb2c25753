"""The client with asyncio."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar, cast
from urllib.parse import quote

import httpx2

from adtoken_client import channel as channels
from adtoken_client.keeping import Keeper
from adtoken_client.models import (
    Account,
    AccountDetail,
    Answer,
    Ask,
    Event,
    Lease,
    Name,
    Purpose,
    Report,
    Send,
    State,
    lease_of,
    report_of,
)
from adtoken_client.problems import AdTokenError, BusyError, LeaseOverError, UnreachableError, problem_of

A = TypeVar("A", bound=Answer)
Leased = Mapping[Name, Lease | AdTokenError]
BATCH = 100  # accounts of one call
TICK = 1.0  # seconds between two looks at what is due
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})  # of reports


class Got(NamedTuple):
    """A good answer of AdToken's, and its clock then."""

    body: Any
    at: datetime | None


class AsyncAdToken:
    """AdToken for one API key. Make one in an event loop, keep it, since it holds leases, and close it there.

    `url` and `key` left out: ADTOKEN_URL, ADTOKEN_KEY. `wait`: seconds that a call waits in all while AdToken says "come back".
    `min_valid_for`: seconds that a token must still live. `http`: what httpx2.AsyncClient takes, such as `verify` and `proxy`.
    All methods raise AdTokenError and its kinds.
    """

    def __init__(
        self,
        url: str = "",
        key: str = "",
        *,
        wait: float = 15.0,
        min_valid_for: int = 0,
        timeout: float = 30.0,
        clock: Callable[[], float] = time.time,
        **http: Any,
    ) -> None:
        url, key = url or os.environ.get("ADTOKEN_URL", ""), key or os.environ.get("ADTOKEN_KEY", "")
        if not url or not key:
            raise ValueError("Give AdToken's address and an API key, or set ADTOKEN_URL and ADTOKEN_KEY.")
        self._wait, self._min_valid_for = wait, min_valid_for
        headers = {
            "Authorization": f"Bearer {key}",
            "User-Agent": f"adtoken-client/{version('adtoken-client')}",
        }
        base = url.rstrip("/").removesuffix("/api/v1") + "/api/v1/"
        self._http = httpx2.AsyncClient(base_url=base, headers=headers, timeout=timeout, **http)
        self._keeper = Keeper(clock)
        self._flights: dict[Name | str, asyncio.Future[Any]] = {}
        self._renewing: asyncio.Task[None] | None = None

    async def aclose(self) -> None:
        """End what runs in the background, and let go of the connections."""
        for task in [self._renewing, *self._flights.values()]:
            if task:
                task.cancel()
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # ---- accounts, asks, events

    async def accounts(
        self,
        *,
        channel: str | None = None,
        state: State | None = None,
        team: str | None = None,
        deadline_within_days: int | None = None,
    ) -> AsyncIterator[Account]:
        """Go through the accounts of the key, page after page."""
        filters = {
            "channel": channel,
            "state": state,
            "team": team,
            "deadline_within_days": deadline_within_days,
        }
        cursor: str | None = None
        while True:
            page = await self._patiently(
                "GET", "/accounts", query={**filters, "limit": 1000, "cursor": cursor}
            )
            for account in page.body["accounts"]:
                yield cast("Account", account)
            cursor = page.body["next"]
            if cursor is None:
                return

    async def account(self, channel: str, native_id: str) -> AccountDetail:
        """Read one account with its pool, and what to do where it needs a person."""
        return cast("AccountDetail", await self.call("GET", _path("accounts", channel, native_id)))

    async def ask(self, kind: str, *, idempotency_key: str = "", **fields: Any) -> list[Ask]:
        """Ask people: `renew`, `second_person` or `client_link`, with the fields of POST /asks."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        got = await self._do("POST", "/asks", {"kind": kind, **fields}, headers=headers)
        return cast("list[Ask]", got.body["asks"])

    async def events(self, after: str = "0", limit: int = 100) -> tuple[list[Event], str]:
        """Read what happened after an event, and what to ask `after` next."""
        body = await self.call("GET", "/events", after=after, limit=limit)
        return cast("list[Event]", body["events"]), body["next"]

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Make any call of the API, once; `path` comes after /api/v1. Returns the body."""
        return (await self._do(method, path, body, query)).body

    # ---- leases

    async def lease(self, channel: str, native_id: str, purpose: Purpose = "publish") -> Lease:
        """Return a token that works now: the one that is kept, or a new one."""
        name = Name(channel, native_id, purpose)
        found = (await self._share([name], self._lease_one))[name]
        if isinstance(found, AdTokenError):
            raise found
        return found

    async def leases(self, accounts: Iterable[tuple[str, str]], purpose: Purpose = "publish") -> Leased:
        """Return for each account (channel, id) a lease or its problem, by `Name`; what is not kept comes in batches of 100."""
        return await self._share([Name(*one, purpose) for one in accounts], self._lease_batches)

    async def report(self, lease: Lease, status: int, body: Any = None, method: str = "") -> Report:
        """Tell what the channel answered, and learn what to do next."""
        return (await self._report(lease, status, body, method, self._wait))[0]

    async def recover(self, lease: Lease, status: int, body: Any = None, method: str = "") -> Lease | None:
        """Report a refusal, and return the lease with which to try once more; None: the answer stands. Raises AccountDarkError.

        Where AdToken cannot tell yet, it is asked again, as long as `wait` lasts.
        """
        if lease.lease_id not in self._flights:
            self._begin([lease.lease_id], self._recover(lease, status, body, method))
        found: Lease | None = await asyncio.shield(self._flights[lease.lease_id])
        return found

    async def sign(self, lease: Lease, method: str, url: str, params: Mapping[str, str] | None = None) -> str:
        """Return the Authorization header of one request (where `lease.signs`). `params`: what is not in the address."""
        wanted = {"method": method.upper(), "url": url, "params": dict(params or {})}
        got = await self._patiently("POST", _path("leases", lease.lease_id, "sign"), wanted)
        return cast("str", got.body["authorization"])

    async def send_of(
        self, lease: Lease, method: str, url: str, params: Mapping[str, str] | None = None
    ) -> tuple[Lease, Send]:
        """Return what to merge into this request, signed where it must be; and the lease, a new one where the old was over."""
        if not lease.signs:
            return lease, lease.send
        try:
            header = await self.sign(lease, method, url, params)
        except LeaseOverError:
            self._keeper.drop(lease)
            lease = await self.lease(*lease.name)
            header = await self.sign(lease, method, url, params)
        return lease, Send({"Authorization": header}, {})

    async def run(
        self,
        channel: str,
        native_id: str,
        job: Callable[[Lease], Awaitable[A]],
        purpose: Purpose = "publish",
    ) -> A:
        """Do a job's call with a lease. Where the channel refuses it and AdToken has another token, do it once more with that."""
        lease = await self.lease(channel, native_id, purpose)
        answer = await job(lease)
        if channels.is_refusal(lease, answer.status_code, None, lambda: answer.text):
            fresh = await self.recover(lease, answer.status_code, channels.body_of(answer.text))
            return await job(fresh) if fresh else answer
        return answer

    # ---- one flight, renewal ahead

    async def _share(
        self,
        names: Sequence[Name],
        fetch: Callable[[Sequence[Name]], Awaitable[Leased]],
        *,
        ahead: bool = False,
    ) -> Leased:
        """Return what is kept, what is being fetched, and what is fetched now. `ahead`: also what could still be used."""
        found: dict[Name, Lease | AdTokenError] = {}
        if not ahead:
            found = {name: kept for name in names if (kept := self._keeper.find(name))}
        asked = [name for name in dict.fromkeys(names) if name not in found]
        if ours := [name for name in asked if name not in self._flights]:
            self._begin(ours, fetch(ours))
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())
        for name, flight in [(name, self._flights[name]) for name in asked]:
            found[name] = (await asyncio.shield(flight))[name]
        return found

    def _begin(self, keys: Sequence[Name | str], work: Awaitable[Any]) -> None:
        """Do it in a task of its own, that whoever began it may be cancelled without harm to those who wait, too."""
        flight = asyncio.ensure_future(work)
        self._flights.update(dict.fromkeys(keys, flight))
        flight.add_done_callback(lambda done: self._end(keys, done))

    def _end(self, keys: Iterable[Name | str], flight: "asyncio.Future[Any]") -> None:
        for key in keys:
            del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # whoever waits has it; where nobody does, nothing is to be said

    async def _renew(self) -> None:
        while self._keeper or self._flights:
            await asyncio.sleep(TICK)
            if due := self._keeper.due():
                await self._share(due, self._lease_batches, ahead=True)

    async def _lease_one(self, names: Sequence[Name]) -> Leased:
        (name,) = names
        wanted = {"purpose": name.purpose, "min_valid_for": self._min_valid_for}
        try:
            got = await self._patiently(
                "POST", _path("accounts", name.channel, name.native_id, "lease"), wanted
            )
        except AdTokenError as problem:
            return {name: problem}
        lease = lease_of(name, got.body)
        self._keeper.keep(lease, got.at)
        return {name: lease}

    async def _lease_batches(self, names: Sequence[Name]) -> Leased:
        """Get many leases, a hundred a call, without waiting. What is kept already stays where one is refused."""
        found: dict[Name, Lease | AdTokenError] = {}
        for purpose in dict.fromkeys(name.purpose for name in names):
            some = [name for name in names if name.purpose == purpose]
            for begin in range(0, len(some), BATCH):
                found |= await self._lease_batch(some[begin : begin + BATCH], purpose)
        return found

    async def _lease_batch(self, names: Sequence[Name], purpose: str) -> Leased:
        accounts = [{"channel": name.channel, "native_id": name.native_id} for name in names]
        wanted = {"purpose": purpose, "min_valid_for": self._min_valid_for, "accounts": accounts}
        found: dict[Name, Lease | AdTokenError] = {}
        at = None
        try:
            got = await self._do("POST", "/leases", wanted)
        except AdTokenError as problem:
            found.update(dict.fromkeys(names, problem))
        else:
            at = got.at
            for name, one in zip(names, got.body["leases"], strict=True):
                found[name] = lease_of(name, one["lease"]) if one["lease"] else problem_of(0, one["problem"])
        for name, answer in found.items():
            if isinstance(answer, Lease):
                self._keeper.keep(answer, at)
            else:
                self._keeper.put_off(name, answer)
        return found

    # ---- reports

    async def _report(
        self, lease: Lease, status: int, body: Any, method: str, wait: float
    ) -> tuple[Report, datetime | None]:
        told = {"status": status, "body": body, "method": method.upper() if method.upper() in METHODS else ""}
        got = await self._patiently("POST", _path("leases", lease.lease_id, "report"), told, wait=wait)
        return report_of(lease.name, got.body), got.at

    async def _recover(self, lease: Lease, status: int, body: Any, method: str) -> Lease | None:
        until = time.monotonic() + self._wait
        while True:
            if fresh := self._keeper.successor(lease):
                return fresh
            told, at = await self._report(lease, status, body, method, max(until - time.monotonic(), 0))
            if told.lease:
                self._keeper.replace(lease, told.lease, at)
                return told.lease
            if told.problem:
                self._keeper.drop(lease)
                raise told.problem
            pause = told.retry_after or 0
            if told.action != "retry_later" or time.monotonic() + pause > until:
                return None
            await asyncio.sleep(pause)

    # ---- HTTP

    async def _patiently(
        self, method: str, path: str, body: Any = None, *, query: Any = None, wait: float | None = None
    ) -> Got:
        """Make a call that may be made twice, again where AdToken says when, for `wait` seconds in all."""
        until = time.monotonic() + (self._wait if wait is None else wait)
        while True:
            try:
                return await self._do(method, path, body, query)
            except BusyError as busy:
                pause = max(busy.retry_after or 1, 0.1)
                if time.monotonic() + pause > until:
                    raise
            await asyncio.sleep(pause)

    async def _do(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Got:
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            response = await self._http.request(method, path, json=body, params=asked, headers=headers)
        except httpx2.RequestError as error:
            raise UnreachableError(error) from error
        try:
            read = response.json()
        except ValueError:
            read = None
        if not response.is_success or (read is None and response.content):
            raise problem_of(response.status_code, read, response.headers)
        date = response.headers.get("date")
        return Got(read, parsedate_to_datetime(date) if date else None)


def _path(*parts: str) -> str:
    return "".join(f"/{quote(part, safe='')}" for part in parts)
