"""The client for threads: that with asyncio, in a loop of its own beside them."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from adtoken_client import channel as channels
from adtoken_client.aio import AsyncAdToken, Leased
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
)

T = TypeVar("T")
A = TypeVar("A", bound=Answer)


class AdToken:
    """AdToken for one API key, with what AsyncAdToken takes. Make one for a process, and keep it: it holds leases. Threads may share it.

    After a fork the child begins anew. All methods raise AdTokenError and its kinds.
    """

    def __init__(self, url: str = "", key: str = "", **options: Any) -> None:
        self._make: Callable[[], AsyncAdToken] = lambda: AsyncAdToken(url, key, **options)
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._client, self._process = self._make(), os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None

    def close(self) -> None:
        """End what runs in the background, and let go of the connections."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop and self._process == os.getpid():
            asyncio.run_coroutine_threadsafe(self._client.aclose(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()
            loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _do(self, work: Callable[[AsyncAdToken], Coroutine[Any, Any, T]]) -> T:
        """Have the loop do it, and wait."""
        client = self._own()
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="adtoken", daemon=True)
                self._thread.start()
            loop = self._loop
        return asyncio.run_coroutine_threadsafe(work(client), loop).result()

    def _own(self) -> AsyncAdToken:
        if self._process != os.getpid():
            self._begin()
        return self._client

    def accounts(self, **filters: Any) -> Iterator[Account]:
        """Go through the accounts of the key: by `channel`, `state`, `team`, `deadline_within_days`."""
        pages = self._own().accounts(**filters)

        async def read(_client: AsyncAdToken) -> Account | None:
            return await anext(pages, None)

        while (account := self._do(read)) is not None:
            yield account

    def account(self, channel: str, native_id: str) -> AccountDetail:
        """Read one account with its pool, and what to do where it needs a person."""
        return self._do(lambda client: client.account(channel, native_id))

    def ask(self, kind: str, *, idempotency_key: str = "", **fields: Any) -> list[Ask]:
        """Ask people: `renew`, `second_person` or `client_link`, with the fields of POST /asks."""
        return self._do(lambda client: client.ask(kind, idempotency_key=idempotency_key, **fields))

    def events(self, after: str = "0", limit: int = 100) -> tuple[list[Event], str]:
        """Read what happened after an event, and what to ask `after` next."""
        return self._do(lambda client: client.events(after, limit))

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Make any call of the API, once; `path` comes after /api/v1. Returns the body."""
        return self._do(lambda client: client.call(method, path, body, **query))

    def lease(self, channel: str, native_id: str, purpose: Purpose = "publish") -> Lease:
        """Return a token that works now: the one that is kept, or a new one."""
        kept = self._own()._keeper.find(Name(channel, native_id, purpose))  # noqa: SLF001  # it needs no loop
        return kept or self._do(lambda client: client.lease(channel, native_id, purpose))

    def leases(self, accounts: Iterable[tuple[str, str]], purpose: Purpose = "publish") -> Leased:
        """Return for each account (channel, id) a lease or its problem, by `Name`; what is not kept comes in batches of 100."""
        return self._do(lambda client: client.leases(accounts, purpose))

    def report(self, lease: Lease, status: int, body: Any = None, method: str = "") -> Report:
        """Tell what the channel answered, and learn what to do next."""
        return self._do(lambda client: client.report(lease, status, body, method))

    def recover(self, lease: Lease, status: int, body: Any = None, method: str = "") -> Lease | None:
        """Report a refusal, and return the lease with which to try once more; None: the answer stands. Raises AccountDarkError."""
        return self._do(lambda client: client.recover(lease, status, body, method))

    def sign(self, lease: Lease, method: str, url: str, params: Mapping[str, str] | None = None) -> str:
        """Return the Authorization header of one request (where `lease.signs`). `params`: what is not in the address."""
        return self._do(lambda client: client.sign(lease, method, url, params))

    def send_of(
        self, lease: Lease, method: str, url: str, params: Mapping[str, str] | None = None
    ) -> tuple[Lease, Send]:
        """Return what to merge into this request, signed where it must be; and the lease, a new one where the old was over."""
        if not lease.signs:
            return lease, lease.send
        return self._do(lambda client: client.send_of(lease, method, url, params))

    def run(self, channel: str, native_id: str, job: Callable[[Lease], A], purpose: Purpose = "publish") -> A:
        """Do a job's call with a lease. Where the channel refuses it and AdToken has another token, do it once more with that."""
        lease = self.lease(channel, native_id, purpose)
        answer = job(lease)
        if channels.is_refusal(lease, answer.status_code, None, lambda: answer.text):
            fresh = self.recover(lease, answer.status_code, channels.body_of(answer.text))
            return job(fresh) if fresh else answer
        return answer
