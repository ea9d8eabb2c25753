"""A breaker per channel app: after a few calls in a row without an answer the channel is not asked for a while, then by one call at a time.

Nothing follows for a token from a call that was not made. The state is shared by all processes (`shared`).
"""

import time
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from infra import database_clock
from tokens.channels import shared

TRIPS_AFTER = 5  # calls in a row without an answer, of all processes together
IN_A_ROW = 120  # seconds after which a failure counts no more
OPEN_FOR = 15  # seconds, the first time
LONGEST = 30  # seconds between two tries: so long a channel that is well again may stay dark for its jobs
KEPT = 900  # seconds for which an open breaker is remembered that nobody tries to close
WORTH = 3.0  # seconds: who waited for less cannot tell a slow channel from a silent one
LEFT_TO_WORKERS = 45  # seconds for which requests leave the one try to a worker's sweep
AGAIN_AFTER = 5  # seconds after which they come again
LOOK_EVERY = 0.3  # seconds; each process looks so often at what the others found

State = Literal["closed", "open", "half-open"]


@dataclass(frozen=True)
class BreakerReading:
    """How a breaker stands: the pages and the metrics show it."""

    state: State
    failures: int = 0  # in a row
    seconds: int = 0  # until the next try
    trips: int = 0  # how often it has opened since it was last closed
    overdue: float = 0.0  # seconds since the next try was due


_seen: dict[str, tuple[float, dict[str, Any]]] = {}


def read(app: str) -> BreakerReading:
    """Return how the breaker of an app (`facebook:1234`) stands."""
    facts = _facts(app)
    failures = int(facts.get(_key(app, "failures"), 0))
    opened = facts.get(_key(app, "open"))
    if not isinstance(opened, dict):
        return BreakerReading("closed", failures)
    left = float(opened["until"]) - database_clock.seconds()
    if left > LONGEST:  # no pause is so long: whoever wrote it, or this host, has a wrong clock
        left = 0.0
    state: State = "open" if left > 0 else "half-open"
    seconds = max(0, ceil(left))
    return BreakerReading(state, failures, seconds, int(opened["trips"]), max(0.0, -left))


def refuses(app: str, *, patience: float) -> int:
    """Return for how many seconds the app is not to be called; 0: call now.

    Whoever gets 0 from a breaker that is half open makes the one try, and says what came of it (`answered`, `failed`).
    """
    reading = read(app)
    if reading.state == "closed":
        return 0
    if reading.state == "open":
        return reading.seconds
    return 0 if shared.take(_key(app, "trial"), patience + 2) else AGAIN_AFTER


def would_refuse(app: str) -> int:
    """Return for how many seconds whoever would wait for an answer had better not ask; 0: ask.

    The one try is left to a worker, which holds nobody up; where none comes to it, to whoever asks.
    """
    reading = read(app)
    if reading.state == "half-open" and reading.overdue < LEFT_TO_WORKERS:
        return AGAIN_AFTER
    return reading.seconds


def answered(app: str) -> None:
    """Note an answer, whatever it says: the channel is there."""
    if _facts(app):
        shared.drop(_key(app, part) for part in ("failures", "open", "trial"))
        _seen.pop(app, None)


def not_tried(app: str) -> None:
    """Leave the one try of a breaker that is half open to somebody else: the call was not made."""
    if read(app).state == "half-open":
        shared.drop([_key(app, "trial")])


def failed(app: str, *, waited: float) -> None:
    """Note a call that got no answer, and open where it was one too many. `waited`: the patience that the call had."""
    _seen.pop(app, None)
    reading = read(app)
    if waited < WORTH:
        not_tried(app)
        return
    if reading.state == "open":
        return  # it was on its way when the breaker opened
    failures = shared.count(_key(app, "failures"), IN_A_ROW)
    _seen.pop(app, None)
    if reading.state == "half-open" or failures >= TRIPS_AFTER:
        _open(app, reading.trips + 1)


def _open(app: str, trips: int) -> None:
    pause = min(OPEN_FOR * 2 ** (trips - 1), LONGEST)
    shared.write(_key(app, "open"), {"until": database_clock.seconds() + pause, "trips": trips}, KEPT)
    shared.drop([_key(app, "trial")])
    _seen.pop(app, None)


def is_at_hand(app: str) -> bool:
    """Return whether all went well as far as this process knows, and it looked lately: a call and its good answer ask nobody."""
    at, facts = _seen.get(app, (0.0, {}))
    return not facts and time.monotonic() - at < LOOK_EVERY


def forget() -> None:
    """Forget what this process has seen, as a new one would."""
    _seen.clear()


def _facts(app: str) -> dict[str, Any]:
    at, facts = _seen.get(app, (0.0, {}))
    if time.monotonic() - at > LOOK_EVERY:
        facts = shared.read(_key(app, part) for part in ("failures", "open"))
        _seen[app] = (time.monotonic(), facts)
    return facts


def _key(app: str, part: str) -> str:
    return f"breaker:{app}:{part}"
