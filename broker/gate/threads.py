"""Where the event loop leaves work that waits: PostgreSQL by the ordinary code, Valkey, questions to channels."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial

from django.db import close_old_connections
from django.utils.translation import override

from users.people.languages import ENGLISH

_threads = ThreadPoolExecutor(8, thread_name_prefix="gate")


async def in_thread[**P, R](function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run it in a thread, which gives its connection to PostgreSQL back afterwards. What it says is English, as all that jobs read."""
    call = partial(copy_context().run, partial(_run, partial(function, *args, **kwargs)))
    return await asyncio.get_running_loop().run_in_executor(_threads, call)


def _run[R](function: Callable[[], R]) -> R:
    try:
        with override(ENGLISH):
            return function()
    finally:
        close_old_connections()
