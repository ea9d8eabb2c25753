"""The client with threads."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx2

from adtoken_client import flows
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
TICK = 1.0  # seconds between two looks at what is due


class AdToken:
    """AdToken for one API key. Make one for a process, and keep it: it holds leases. Threads may share it.

    `wait`: seconds that a call waits in all while AdToken says "come back". `http`: a client of your own, with its certificates and
    proxies. All methods raise AdTokenError and its kinds.
    """

    def __init__(
        self,
        url: str = "",
        key: str = "",
        *,
        wait: float = 15.0,
        min_valid_for: int = 0,
        timeout: float = 30.0,
        http: httpx2.Client | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._options = Options.read(url, key, wait, min_valid_for)
        self._http = http or httpx2.Client(timeout=timeout)
        self._keeper = Keeper(clock)
        self._lock = threading.Lock()
        self._flights: dict[Name | str, Future[Any]] = {}
        self._renewing: threading.Thread | None = None
        self._closed = threading.Event()

    def close(self) -> None:
        """End what runs in the background, and let go of the connections."""
        self._closed.set()
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- accounts, asks, events

    def accounts(
        self,
        *,
        channel: str | None = None,
        state: State | None = None,
        team: str | None = None,
        deadline_within_days: int | None = None,
    ) -> Iterator[Account]:
        """Go through the accounts of the key, page after page."""
        filters = {
            "channel": channel,
            "state": state,
            "team": team,
            "deadline_within_days": deadline_within_days,
        }
        cursor: str | None = None
        while True:
            page, cursor = self._drive(flows.accounts_page(filters, cursor, self._options.wait))
            yield from page
            if cursor is None:
                return

    def account(self, channel: str, native_id: str) -> AccountDetail:
        """Read one account with its pool, and what to do where it needs a person."""
        return cast("AccountDetail", self.call("GET", flows.account_path(channel, native_id)))

    def ask(self, kind: str, *, idempotency_key: str = "", **fields: Any) -> list[Ask]:
        """Ask people: `renew`, `second_person` or `client_link`, with the fields of POST /asks."""
        return cast("list[Ask]", self._do(flows.ask_people(kind, idempotency_key, fields)).body["asks"])

    def events(self, after: str = "0", limit: int = 100) -> tuple[list[Event], str]:
        """Read what happened after an event, and what to ask `after` next."""
        body = self.call("GET", "/events", after=after, limit=limit)
        return cast("list[Event]", body["events"]), body["next"]

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Make any call of the API, once; `path` comes after /api/v1. Returns the body."""
        return self._do(Request(method, path, body, query)).body

    # ---- leases

    def lease(self, channel: str, native_id: str, purpose: Purpose = "publish") -> Lease:
        """Return a token that works now: the one that is kept, or a new one."""
        name = Name(channel, native_id, purpose)
        found = self._share([name], lambda names: flows.lease_one(self._keeper, names[0], self._options))[
            name
        ]
        if isinstance(found, AdTokenError):
            raise found
        return found

    def leases(self, accounts: Iterable[tuple[str, str]], purpose: Purpose = "publish") -> Leased:
        """Return for each account (channel, id) a lease or its problem, by `Name`; what is not kept comes in batches of 100."""
        names = [Name(*one, purpose) for one in accounts]
        return self._share(names, lambda some: flows.lease_batch(self._keeper, some, self._options))

    def report(self, lease: Lease, status: int, body: Any = None, method: str = "") -> Report:
        """Tell what the channel answered, and learn what to do next."""
        return self._drive(flows.report(lease, status, body, method, self._options.wait))[0]

    def recover(self, lease: Lease, status: int, body: Any = None, method: str = "") -> Lease | None:
        """Report a refusal, and return the lease with which to try once more; None: the answer stands. Raises AccountDarkError."""
        steps = flows.recover(self._keeper, lease, status, body, method, self._options.wait)
        return self._once(lease.lease_id, lambda: self._drive(steps))

    def sign(self, lease: Lease, method: str, url: str, params: Mapping[str, str] | None = None) -> str:
        """Return the Authorization header of one request (where `lease.signs`). `params`: what is not in the address."""
        return self._drive(flows.sign(lease, method, url, params or {}, self._options.wait))

    def send_of(
        self, lease: Lease, method: str, url: str, params: Mapping[str, str] | None = None
    ) -> tuple[Lease, Send]:
        """Return what to merge into this request, signed where it must be; and the lease, a new one where the old was over."""
        if not lease.signs:
            return lease, lease.send
        try:
            header = self.sign(lease, method, url, params)
        except LeaseOverError:
            self._keeper.drop(lease)
            lease = self.lease(*lease.name)
            header = self.sign(lease, method, url, params)
        return lease, Send({"Authorization": header}, {})

    def run(self, channel: str, native_id: str, job: Callable[[Lease], A], purpose: Purpose = "publish") -> A:
        """Do a job's call with a lease. Where the channel refuses it and AdToken has another token, do it once more with that."""
        lease = self.lease(channel, native_id, purpose)
        answer = job(lease)
        if flows.is_refusal(lease, answer.status_code, lambda: answer.text):
            fresh = self.recover(lease, answer.status_code, flows.body_of(answer.text))
            if fresh:
                return job(fresh)
        return answer

    # ---- one flight, renewal ahead, HTTP

    def _share(
        self, names: Iterable[Name], fetch: Callable[[list[Name]], Flow[Leased]], *, ahead: bool = False
    ) -> Leased:
        """Return what is kept, what others fetch already, and what is fetched now. `ahead`: also what could still be used."""
        names = list(names)
        with self._lock:
            found: dict[Name, Lease | AdTokenError] = {}
            if not ahead:
                found = {name: kept for name in names if (kept := self._keeper.find(name))}
            asked = [name for name in dict.fromkeys(names) if name not in found]
            theirs = {name: self._flights[name] for name in asked if name in self._flights}
            ours: dict[Name, Future[Any]] = {name: Future() for name in asked if name not in theirs}
            self._flights.update(ours.items())
            self._start_renewing()
        if ours:
            found |= self._land(ours, lambda: self._drive(fetch(list(ours))))
        return found | {name: flight.result() for name, flight in theirs.items()}

    def _land(self, ours: Mapping[Name, "Future[Any]"], fetch: Callable[[], Leased]) -> Leased:
        try:
            fetched = fetch()
        except BaseException as error:
            for flight in ours.values():
                flight.set_exception(error)
            raise
        else:
            for name, flight in ours.items():
                flight.set_result(fetched[name])
            return fetched
        finally:
            with self._lock:
                for name in ours:
                    del self._flights[name]

    def _once(self, key: str, do: Callable[[], T]) -> T:
        """Do it, or wait for the thread that does it."""
        with self._lock:
            theirs = self._flights.get(key)
            ours: Future[Any] = theirs or self._flights.setdefault(key, Future())
        if theirs:
            return cast("T", theirs.result())
        try:
            done = do()
        except BaseException as error:
            ours.set_exception(error)
            raise
        else:
            ours.set_result(done)
            return done
        finally:
            with self._lock:
                del self._flights[key]

    def _start_renewing(self) -> None:
        """Have a thread renew ahead while leases are kept. After a fork there is none, and the child's first call starts its own."""
        if self._renewing is None or not self._renewing.is_alive():
            self._renewing = threading.Thread(target=self._renew, name="adtoken-renewal", daemon=True)
            self._renewing.start()

    def _renew(self) -> None:
        while not self._closed.wait(TICK):
            with self._lock:
                due = self._keeper.due()
                if not self._keeper and not self._flights:
                    self._renewing = None
                    return
            if due:
                self._share(
                    due, lambda names: flows.lease_batch(self._keeper, names, self._options), ahead=True
                )

    def _drive(self, flow: Flow[T]) -> T:
        try:
            step = next(flow)
            while True:
                try:
                    got = self._do(step)
                except AdTokenError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(got)
        except StopIteration as end:
            return cast("T", end.value)

    def _do(self, step: Request | float) -> Any:
        if isinstance(step, float):
            return time.sleep(step)
        try:
            response = self._http.request(**self._options.http(step))
        except httpx2.RequestError as error:
            raise UnreachableError(error) from error
        return flows.read_answer(response)
