"""How often an API key may call, and a team at the gate: `API_CALLS_A_MINUTE` in each web process, which no honest job does.

Counted in the process, since a count that all share would cost a lease more than its own read. What a process says is left is left there.
"""

import time
from collections.abc import Hashable
from typing import NamedTuple

from django.conf import settings
from django.http import HttpResponse

WINDOW = 60  # seconds
COUNTED = "adtoken.share"  # in the environment of a request whose call is counted already


class Share(NamedTuple):
    """What a key or a team may still do in this window. Below zero: this call is one too many."""

    limit: int
    left: int
    seconds: int  # until the next window


class TooMany(Exception):  # noqa: N818  # an answer
    """The key calls too often."""

    def __init__(self, share: Share) -> None:
        super().__init__()
        self.share = share


# Key, or word and team -> window, calls in it. Of two threads at once one may go uncounted.
_counts: dict[Hashable, list[int]] = {}


def count_call(caller: Hashable) -> Share | None:
    """Count a call of a key (its id), or of whoever else is told apart so. None: there is no limit."""
    limit = settings.API_CALLS_A_MINUTE
    if not limit:
        return None
    window, gone = divmod(int(time.time()), WINDOW)
    counted = _counts.get(caller)
    if counted is None or counted[0] != window:
        counted = _counts[caller] = [window, 0]
    counted[1] += 1
    return Share(limit, limit - counted[1], WINDOW - gone)


def tell(share: Share, answer: HttpResponse) -> None:
    """Write what is left into the headers, as draft-ietf-httpapi-ratelimit-headers-10 has them."""
    answer["RateLimit-Policy"] = f'"key";q={share.limit};w={WINDOW}'
    answer["RateLimit"] = f'"key";r={max(0, share.left)};t={share.seconds}'
