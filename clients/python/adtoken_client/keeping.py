"""Which leases are kept, and which are due. It calls nobody, so the client with threads and that with asyncio share it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adtoken_client.models import Lease, Name
from adtoken_client.problems import AdTokenError, BusyError

AHEAD = 30.0  # seconds before its end from which on a lease that is in use is renewed
MARGIN = 5.0  # seconds before its end from which on it is handed out no longer
AGAIN = 5.0  # seconds between two tries to renew it


@dataclass
class _Kept:
    lease: Lease
    last: float
    renew_at: float
    used: bool = False  # since it came


class Keeper:
    """Leases by account and purpose. `clock`: seconds since 1970."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._kept: dict[Name, _Kept] = {}
        self._replaced: dict[str, Name] = {}  # ids of leases that a report replaced

    def find(self, name: Name) -> Lease | None:
        """Return a lease that can be used, and note the use."""
        with self._lock:
            kept = self._kept.get(name)
            if kept is None or self._clock() >= kept.last:
                return None
            kept.used = True
            return kept.lease

    def keep(self, lease: Lease, server: datetime | None) -> None:
        """Keep a lease that came just now. `server`: AdToken's clock then, so that a difference to ours does no harm."""
        now = self._clock()
        life = lease.expires_at.timestamp() - (server.timestamp() if server else now)
        renew_at = max(now + life - min(AHEAD, life / 2), now + AGAIN)
        with self._lock:
            self._kept[lease.name] = _Kept(lease, now + life - min(MARGIN, life / 4), renew_at)

    def replace(self, old: Lease, new: Lease, server: datetime | None) -> None:
        """Keep the lease that a report gave. Whoever still has the old one gets it without another report."""
        with self._lock:
            self._replaced[old.lease_id] = old.name
        self.keep(new, server)

    def successor(self, old: Lease) -> Lease | None:
        """Return the lease that replaced this one after a report."""
        return self.find(old.name) if old.lease_id in self._replaced else None

    def drop(self, lease: Lease) -> None:
        """Hand this lease out no longer."""
        with self._lock:
            kept = self._kept.get(lease.name)
            if kept and kept.lease.lease_id == lease.lease_id:
                del self._kept[lease.name]

    def put_off(self, name: Name, problem: AdTokenError) -> None:
        """Let a renewal that failed be tried again where that may help; the lease serves to its end."""
        with self._lock:
            if kept := self._kept.get(name):
                busy = isinstance(problem, BusyError)
                kept.renew_at = self._clock() + max(problem.retry_after or 0, AGAIN) if busy else kept.last

    def due(self) -> list[Name]:
        """Return whose lease is in use and near its end, and forget what is over."""
        with self._lock:
            now = self._clock()
            self._kept = {name: kept for name, kept in self._kept.items() if now < kept.last}
            self._replaced = {one: name for one, name in self._replaced.items() if name in self._kept}
            return [name for name, kept in self._kept.items() if kept.used and now >= kept.renew_at]

    def __bool__(self) -> bool:
        return bool(self._kept)
