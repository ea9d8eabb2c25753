"""A throttle on the calls of one channel app: what the channel says of its limits holds for all its tokens, and a budget a day is kept.

A pause is for checks and for questions that can wait. Renewals go on: a token that is not renewed ends.
"""

import threading
import time
from dataclasses import dataclass
from math import ceil

from infra import database_clock
from tokens.channels import shared

UNTOLD = 60  # seconds of a pause where the channel names none
SLOW_FROM = 0.8  # part of a budget or an announced limit from which on checks slow down
DAY = 86_400
SLOW_WINDOW = 60  # seconds within which the checks of an app are counted that has to go slowly
CALLS_PER_CHECK = 3
PACE_KEPT = 5  # seconds
FLUSH_EVERY = 2.0  # seconds
LOOK_EVERY = 1.0  # seconds


@dataclass(frozen=True)
class BrakeReading:
    """How an app stands: seconds until it may be asked again, calls made today (UTC), and the announced part of a limit that is used up."""

    pause: int = 0
    calls_today: int = 0
    used: float = 0.0


_counted: dict[str, int] = {}
_flushed: dict[str, float] = {}
_seen: dict[str, tuple[float, BrakeReading]] = {}
_lock = threading.Lock()


def read(app: str) -> BrakeReading:
    """Return how an app (`facebook:1234`) stands."""
    at, reading = _seen.get(app, (0.0, BrakeReading()))
    if time.monotonic() - at < LOOK_EVERY:
        return reading
    now = database_clock.seconds()
    names = {part: _key(app, part, now) for part in ("pause", "calls", "used")}
    found = shared.read(names.values())
    pause = float(found.get(names["pause"], 0)) - now
    reading = BrakeReading(
        max(0, ceil(pause)),
        int(found.get(names["calls"], 0)),
        float(found.get(names["used"], 0)),
    )
    _seen[app] = (time.monotonic(), reading)
    return reading


def pause(app: str, seconds: int) -> None:
    """Have the whole app left alone for so many seconds. A longer pause that runs already stays."""
    now = database_clock.seconds()
    key = _key(app, "pause", now)
    if float(shared.read([key]).get(key, 0)) < now + seconds:
        shared.write(key, now + seconds, seconds + 1)
        _seen.pop(app, None)


def note_use(app: str, used: float) -> None:
    """Note the part of a limit that the channel says is used up; it counts for an hour, or until it says another."""
    if used >= SLOW_FROM or read(app).used:
        shared.write(_key(app, "used", database_clock.seconds()), used, 3600)
        _seen.pop(app, None)


def count(app: str) -> None:
    """Count a call. The numbers of a process reach the others after two seconds."""
    with _lock:
        _counted[app] = _counted.get(app, 0) + 1
    flush(app)


def flush(app: str) -> None:
    """Tell the others of the calls that were counted, where that is due."""
    now = time.monotonic()
    with _lock:
        if now - _flushed.get(app, 0.0) < FLUSH_EVERY:
            return
        calls, _flushed[app] = _counted.pop(app, 0), now
    if calls:
        shared.count(_key(app, "calls", database_clock.seconds()), 2 * DAY, calls)


def is_at_hand(app: str) -> bool:
    """Return whether this process looked lately, saw no limit, and has not to say yet how many calls it made: one more asks nobody."""
    now = time.monotonic()
    at, reading = _seen.get(app, (0.0, BrakeReading()))
    flushed = _flushed.get(app, 0.0)
    return now - at < LOOK_EVERY and not reading.used and now - flushed < FLUSH_EVERY


def slows_checks(app: str, *, budget: int | None) -> bool:
    """Return whether checks of an app wait on purpose: in a pause, or because its day's budget or an announced limit is nearly used up."""
    reading = read(app)
    return bool(reading.pause) or _rate(reading, budget) is not None


def begin_checks(app: str, wanted: int, *, budget: int | None) -> int:
    """Return how many of the `wanted` checks may begin now; the others have to wait. None may in a pause.

    From 80 % of the day's budget on, what is left is spread over the rest of the day (UTC), for all processes together.
    """
    reading = read(app)
    rate = _rate(reading, budget)
    if reading.pause or wanted <= 0:
        return 0
    if rate is None:
        return wanted
    allowed = int(rate * SLOW_WINDOW)
    if allowed == 0:  # less than one in a window
        return int(rate > 0 and shared.take(_key(app, "check", 0), min(DAY, 1 / rate)))
    counted = f"{_key(app, 'checks', 0)}:{int(database_clock.seconds() // SLOW_WINDOW)}"
    begun = shared.count(counted, 2 * SLOW_WINDOW, wanted) - wanted
    return max(0, min(wanted, allowed - begun))


def keep_pace(app: str, wanted: int, *, calls_a_second: int) -> int:
    """Return how many of the `wanted` checks may begin in this second, of all processes, at an app that takes so many calls in one.

    A fifth of its calls is left to whoever waits for an answer.
    """
    allowed = max(1, int(SLOW_FROM * calls_a_second / CALLS_PER_CHECK))
    counted = f"{_key(app, 'pace', 0)}:{int(database_clock.seconds())}"
    begun = shared.count(counted, PACE_KEPT, wanted) - wanted
    return max(0, min(wanted, allowed - begun))


def _rate(reading: BrakeReading, budget: int | None) -> float | None:
    """Return how many checks a second an app may have; None: as many as there are."""
    if budget and reading.calls_today >= SLOW_FROM * budget:
        left = max(0, budget - reading.calls_today)
        return left / CALLS_PER_CHECK / (DAY - database_clock.seconds() % DAY)
    if reading.used >= SLOW_FROM:
        return 0.0 if reading.used >= 1 else 0.1
    return None


def forget() -> None:
    """Forget what this process has seen and counted, as a new one would."""
    _seen.clear()
    _counted.clear()
    _flushed.clear()


def _key(app: str, part: str, now: float) -> str:
    day = f":{int(now // DAY)}" if part == "calls" else ""
    return f"brake:{app}:{part}{day}"
