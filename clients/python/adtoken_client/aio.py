"""The client with asyncio: `AdToken` with `await`."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx2

from adtoken_client import flows
from adtoken_client.client import TICK
from adtoken_client.flows import Flow, Leased, Options, Request
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
)
from adtoken_client.problems import AdTokenError, LeaseOverError, UnreachableError

T = TypeVar("T")
A = TypeVar("A", bound=Answer)


class AsyncAdToken:
    """As AdToken. Make one in each event loop, and close it there."""

    def __init__(
        self,
        url: str = "",
        key: str = "",
        *,
        wait: float = 15.0,
        min_valid_for: int = 0,
        timeout: float = 30.0,
        http: httpx2.AsyncClient | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._options = Options.read(url, key, wait, min_valid_for)
        self._http = http or httpx2.AsyncClient(timeout=timeout)
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
            page, cursor = await self._drive(flows.accounts_page(filters, cursor, self._options.wait))
            for account in page:
                yield account
            if cursor is None:
                return

    async def account(self, channel: str, native_id: str) -> AccountDetail:
        """Read one account with its pool, and what to do where it needs a person."""
        return cast("AccountDetail", await self.call("GET", flows.account_path(channel, native_id)))

    async def ask(self, kind: str, *, idempotency_key: str = "", **fields: Any) -> list[Ask]:
        """Ask people: `renew`, `second_person` or `client_link`, with the fields of POST /asks."""
        return cast(
            "list[Ask]", (await self._do(flows.ask_people(kind, idempotency_key, fields))).body["asks"]
        )

    async def events(self, after: str = "0", limit: int = 100) -> tuple[list[Event], str]:
        """Read what happened after an event, and what to ask `after` next."""
        body = await self.call("GET", "/events", after=after, limit=limit)
        return cast("list[Event]", body["events"]), body["next"]

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Make any call of the API, once; `path` comes after /api/v1. Returns the body."""
        return (await self._do(Request(method, path, body, query))).body

    async def lease(self, channel: str, native_id: str, purpose: Purpose = "publish") -> Lease:
        """Return a token that works now: the one that is kept, or a new one."""
        name = Name(channel, native_id, purpose)
        one = await self._share([name], lambda names: flows.lease_one(self._keeper, names[0], self._options))
        found = one[name]
        if isinstance(found, AdTokenError):
            raise found
        return found

    async def leases(self, accounts: Iterable[tuple[str, str]], purpose: Purpose = "publish") -> Leased:
        """Return for each account (channel, id) a lease or its problem, by `Name`; what is not kept comes in batches of 100."""
        names = [Name(*one, purpose) for one in accounts]
        return await self._share(names, lambda some: flows.lease_batch(self._keeper, some, self._options))

    async def report(self, lease: Lease, status: int, body: Any = None, method: str = "") -> Report:
        """Tell what the channel answered, and learn what to do next."""
        return (await self._drive(flows.report(lease, status, body, method, self._options.wait)))[0]

    async def recover(self, lease: Lease, status: int, body: Any = None, method: str = "") -> Lease | None:
        """Report a refusal, and return the lease with which to try once more; None: the answer stands. Raises AccountDarkError."""
        key = lease.lease_id
        if key not in self._flights:
            steps = flows.recover(self._keeper, lease, status, body, method, self._options.wait)
            self._begin([key], self._drive(steps))
        found: Lease | None = await asyncio.shield(self._flights[key])
        return found

    async def sign(self, lease: Lease, method: str, url: str, params: Mapping[str, str] | None = None) -> str:
        """Return the Authorization header of one request (where `lease.signs`). `params`: what is not in the address."""
        return await self._drive(flows.sign(lease, method, url, params or {}, self._options.wait))

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
        if flows.is_refusal(lease, answer.status_code, lambda: answer.text):
            fresh = await self.recover(lease, answer.status_code, flows.body_of(answer.text))
            if fresh:
                return await job(fresh)
        return answer

    async def _share(
        self, names: Iterable[Name], fetch: Callable[[list[Name]], Flow[Leased]], *, ahead: bool = False
    ) -> Leased:
        """Return what is kept, what others fetch already, and what is fetched now. `ahead`: also what could still be used."""
        names = list(names)
        found: dict[Name, Lease | AdTokenError] = {}
        if not ahead:
            found = {name: kept for name in names if (kept := self._keeper.find(name))}
        asked = [name for name in dict.fromkeys(names) if name not in found]
        if ours := [name for name in asked if name not in self._flights]:
            self._begin(ours, self._drive(fetch(ours)))
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())
        for name, flight in [(name, self._flights[name]) for name in asked]:
            found[name] = (await asyncio.shield(flight))[name]
        return found

    def _begin(self, keys: Iterable[Name | str], work: Awaitable[Any]) -> None:
        """Do it in a task of its own, that whoever began it may be cancelled without harm to those who wait, too."""
        keys = list(keys)
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
                await self._share(
                    due, lambda names: flows.lease_batch(self._keeper, names, self._options), ahead=True
                )

    async def _drive(self, flow: Flow[T]) -> T:
        try:
            step = next(flow)
            while True:
                try:
                    got = await self._do(step)
                except AdTokenError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(got)
        except StopIteration as end:
            return cast("T", end.value)

    async def _do(self, step: Request | float) -> Any:
        if isinstance(step, float):
            return await asyncio.sleep(step)
        try:
            response = await self._http.request(**self._options.http(step))
        except httpx2.RequestError as error:
            raise UnreachableError(error) from error
        return flows.read_answer(response)
