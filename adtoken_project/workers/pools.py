"""A pool of threads for each lane of a process, so that no lane waits for the threads of another."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery.concurrency.thread import TaskPool

from adtoken_project import lanes


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
