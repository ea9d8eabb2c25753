"""One worker process: its lanes, the clock and the refreshes beside them, and one sign of life for all.

PostgreSQL holds every claim, so any number of such processes share the work, on any hosts. Told to stop, it takes nothing new and ends once
what it has begun is done, and the last refresh that was sent is answered and stored.
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event, Thread
from typing import Any

from celery.concurrency.thread import TaskPool
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.db import connection

from accounts import tasks
from adtoken_project.celery import app
from adtoken_project.workers import lanes
from adtoken_project.workers.clock import Clock
from adtoken_project.workers.signs_of_life import Sign, host
from infra.asking_workers import ask_on_commit
from tokens.checks import refresh_lane

logger = logging.getLogger(__name__)

TURNS_EVERY = 5.0  # seconds between two signs of Celery's main loop
CLOCK_STOPS_WITHIN = 10.0  # seconds: beat waits for a Valkey that is away, and hears nothing meanwhile


class LanePools(TaskPool):
    """Celery's pool of threads, once for each lane. A task runs in that of the queue that it came from."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = lanes.LANES.values()
        self._pools = {lane.name: ThreadPoolExecutor(lane.threads, lane.name) for lane in found}

    def on_apply(self, target: Any, args: Any = None, *more: Any, **how: Any) -> Any:
        """Begin a task as soon as a thread of its lane is free. `args[2]` is the call as it came."""
        self.executor = self._pools[args[2]["delivery_info"]["routing_key"]]
        return super().on_apply(target, args, *more, **how)

    def on_stop(self) -> None:
        """Begin nothing more, and wait for what runs."""
        for wait in (False, True):
            for pool in self._pools.values():
                pool.shutdown(wait=wait, cancel_futures=True)
        super().on_stop()


class WorkerProcess:
    """The process that serves some lanes. `name` is a lane's, or `lanes.ALL`."""

    def __init__(self, name: str) -> None:
        self.lanes = lanes.lanes_of(name)
        self.name = f"{name}-{os.getpid()}@{host()}"
        self.clock = Clock() if lanes.MAIL in self.lanes else None
        self.refreshes = self._refresh_lane() if lanes.REFRESHES in self.lanes else None
        self.sign = Sign(self.name, self.lanes)
        self.stopping = False  # no event: a signal that came while this thread took its lock would hang
        self.failed = False

    def run(self) -> int:
        """Work until SIGTERM. Returns the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        worker, over = self._worker(), Event()
        signs = self._thread("signs", partial(self.sign.keep, over))
        refreshes = self._thread("refreshes", self.refreshes.run) if self.refreshes else None
        clock = self._thread("clock", self.clock.run) if self.clock else None
        try:
            status = self._take_tasks(worker) if worker else self._wait()
        finally:
            self.stop()
            if refreshes:
                refreshes.join()
            if clock:
                clock.join(CLOCK_STOPS_WITHIN)
            over.set()
            signs.join()
        logger.info("%s stopped.", self.name)
        return status or int(self.failed)

    def stop(self, *_: Any, **__: Any) -> None:
        """Take nothing new."""
        if self.clock:
            self.clock.stop()
        if self.refreshes:
            self.refreshes.stop()
        self.stopping = True

    def _refresh_lane(self) -> refresh_lane.RefreshLane:
        return refresh_lane.RefreshLane(
            at_once=lanes.LANES[lanes.REFRESHES].threads * refresh_lane.FOR_EACH,
            turns=lambda: self.sign.turns(lanes.REFRESHES),
            checked=lambda token_id: ask_on_commit(tasks.check_tokens, token_id),
        )

    def _thread(self, name: str, work: Callable[[], None]) -> Thread:
        """Start a thread whose end is the end of the process: whoever watches that starts it again."""

        def run() -> None:
            try:
                work()
            except Exception:
                logger.exception("%s: %s failed", self.name, name)
            finally:
                connection.close()
            if not self.stopping:
                self.failed = True
                os.kill(os.getpid(), signal.SIGTERM)

        thread = Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def _worker(self) -> Any:
        """Return Celery's worker for the queues of the lanes; None where they have none."""
        queues = [lane for lane in self.lanes if lane in lanes.QUEUES]
        if not queues:
            return None
        several = len(queues) > 1
        return app.Worker(
            hostname=self.name,
            queues=queues,
            pool_cls=LanePools if several else "threads",
            concurrency=sum(lanes.LANES[lane].threads for lane in queues),
            # What waits for the threads of one lane must not keep the calls of another in Valkey.
            prefetch_multiplier=0 if several else 1,
            loglevel=settings.LOG_LEVEL,
            quiet=True,
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
        )

    def _take_tasks(self, worker: Any) -> int:
        """Run Celery's worker in this thread. Returns its exit status."""

        def ready(sender: Any, **_: Any) -> None:
            sender.timer.call_repeatedly(TURNS_EVERY, self._turns)
            if self.stopping:  # told so before Celery could hear it
                os.kill(os.getpid(), signal.SIGTERM)

        worker_ready.connect(ready, weak=False)
        worker_shutting_down.connect(self.stop)
        if not self.stopping:
            worker.start()
        return int(worker.exitcode or 0)

    def _turns(self) -> None:
        """Note that Celery's main loop turns."""
        self.sign.turns(*(lane for lane in self.lanes if lane in lanes.QUEUES))
        if self.clock:
            self.clock.look()

    def _wait(self) -> int:
        """Wait for SIGTERM."""
        logger.info("%s ready.", self.name)
        while not self.stopping:
            time.sleep(1)
        return 0
