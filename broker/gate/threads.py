"""Where the event loop leaves work that waits: PostgreSQL by the ordinary code, Valkey, questions to channels."""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

from django.db import close_old_connections
from django.utils.translation import override

from users.people.languages import ENGLISH

_under_way: dict[tuple[asyncio.AbstractEventLoop, Hashable], asyncio.Task[Any]] = {}
_threads = ThreadPoolExecutor(8, thread_name_prefix="gate")


async def in_thread[**P, R](function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run it in a thread, which gives its connection to PostgreSQL back afterwards. What it says is English, as all that jobs read."""
    call = partial(copy_context().run, partial(_run, partial(function, *args, **kwargs)))
    return await asyncio.get_running_loop().run_in_executor(_threads, call)


async def once[**P, R](key: Hashable, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run it in a thread, once for all who ask with this key until it is done: what is known for a second ends for all of them together."""
    mine = asyncio.get_running_loop(), key
    task = _under_way.get(mine)
    if task is None:
        # A task of its own: who began it may leave while others wait.
        task = _under_way[mine] = asyncio.create_task(in_thread(function, *args, **kwargs))
        task.add_done_callback(lambda _done: _under_way.pop(mine))
    return await asyncio.shield(task)


def _run[R](function: Callable[[], R]) -> R:
    try:
        with override(ENGLISH):
            return function()
    finally:
        close_old_connections()
