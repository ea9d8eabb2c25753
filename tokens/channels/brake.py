"""When the calls of one channel app are held back: a breaker where it does not answer, a throttle for what its channel says of limits.

After a few calls in a row without an answer the channel is not asked for a while, then by one call at a time. Nothing follows for a token
from a call that was not made. What the channel says of its limits holds for all tokens of the app, and a budget a day is kept. A pause is
for checks and for questions that can wait. Renewals go on: a token that is not renewed ends. All processes share this (`shared`).
"""

import threading
import time
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Literal

from infra import database_clock
from tokens.channels import shared

LOOK_EVERY = 0.3  # seconds; each process looks so often at what the others found

TRIPS_AFTER = 5  # calls in a row without an answer, of all processes together
IN_A_ROW = 120  # seconds after which a failure counts no more
OPEN_FOR = 15  # seconds, the first time
LONGEST = 30  # seconds between two tries: so long a channel that is well again may stay dark for its jobs
KEPT = 900  # seconds for which an open breaker is remembered that nobody tries to close
WORTH = 3.0  # seconds: who waited for less cannot tell a slow channel from a silent one
LEFT_TO_WORKERS = 45  # seconds for which requests leave the one try to a worker's sweep
AGAIN_AFTER = 5  # seconds after which they come again

UNTOLD = 60  # seconds of a pause where the channel names none
SLOW_FROM = 0.8  # part of a budget or an announced limit from which on checks slow down
DAY = 86_400
SLOW_WINDOW = 60  # seconds within which the checks of an app are counted that has to go slowly
CALLS_PER_CHECK = 3
PACE_KEPT = 5  # seconds
FLUSH_EVERY = 2.0  # seconds

State = Literal["closed", "open", "half-open"]


@dataclass(frozen=True)
class BrakeReading:
    """How an app stands."""

    state: State = "closed"  # of its breaker
    failures: int = 0  # in a row
    seconds: int = 0  # until the next try
    trips: int = 0  # how often it has opened since it was last closed
    overdue: float = 0.0  # seconds since the next try was due
    pause: int = 0  # seconds until it may be asked again
    calls_today: int = 0  # UTC
    used: float = 0.0  # the announced part of a limit that is used up


_seen: dict[str, tuple[float, dict[str, Any]]] = {}
_counted: dict[str, int] = {}
_flushed: dict[str, float] = {}
_lock = threading.Lock()


def read(app: str) -> BrakeReading:
    """Return how an app (`facebook:1234`) stands."""
    facts, now = _facts(app), database_clock.seconds()
    limits = BrakeReading(
        failures=int(facts.get("failures", 0)),
        pause=max(0, ceil(float(facts.get("pause", 0)) - now)),
        calls_today=int(facts.get("calls", 0)),
        used=float(facts.get("used", 0)),
    )
    opened = facts.get("open")
    if not isinstance(opened, dict):
        return limits
    left = float(opened["until"]) - now
    if left > LONGEST:  # no pause is so long: whoever wrote it, or this host, has a wrong clock
        left = 0.0
    state: State = "open" if left > 0 else "half-open"
    seconds, trips = max(0, ceil(left)), int(opened["trips"])
    return replace(limits, state=state, seconds=seconds, trips=trips, overdue=max(0.0, -left))


def _facts(app: str) -> dict[str, Any]:
    at, facts = _seen.get(app, (0.0, {}))
    if time.monotonic() - at > LOOK_EVERY:
        names = {part: _key(app, part) for part in ("failures", "open", "pause", "calls", "used")}
        found = shared.read(names.values())
        facts = {part: found[name] for part, name in names.items() if name in found}
        _seen[app] = (time.monotonic(), facts)
    return facts


def _key(app: str, part: str) -> str:
    day = f":{int(database_clock.seconds() // DAY)}" if part == "calls" else ""
    return f"brake:{app}:{part}{day}"


def is_at_hand(app: str) -> bool:
    """Return whether all went well as far as this process knows, it looked lately, and has not to say yet how many calls it made.

    Then a call and its good answer ask nobody.
    """
    now = time.monotonic()
    at, facts = _seen.get(app, (0.0, {}))
    well = not (facts.get("failures") or facts.get("open") or facts.get("used"))
    return well and now - at < LOOK_EVERY and now - _flushed.get(app, 0.0) < FLUSH_EVERY


def forget() -> None:
    """Forget what this process has seen and counted, as a new one would."""
    _seen.clear()
    _counted.clear()
    _flushed.clear()


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
    if _facts(app).keys() & {"failures", "open"}:
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


def pause(app: str, seconds: int) -> None:
    """Have the whole app left alone for so many seconds. A longer pause that runs already stays."""
    now = database_clock.seconds()
    key = _key(app, "pause")
    if float(shared.read([key]).get(key, 0)) < now + seconds:
        shared.write(key, now + seconds, seconds + 1)
        _seen.pop(app, None)


def note_use(app: str, used: float) -> None:
    """Note the part of a limit that the channel says is used up; it counts for an hour, or until it says another."""
    if used >= SLOW_FROM or read(app).used:
        shared.write(_key(app, "used"), used, 3600)
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
        shared.count(_key(app, "calls"), 2 * DAY, calls)


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
        return int(rate > 0 and shared.take(_key(app, "check"), min(DAY, 1 / rate)))
    counted = f"{_key(app, 'checks')}:{int(database_clock.seconds() // SLOW_WINDOW)}"
    begun = shared.count(counted, 2 * SLOW_WINDOW, wanted) - wanted
    return max(0, min(wanted, allowed - begun))


def keep_pace(app: str, wanted: int, *, calls_a_second: int) -> int:
    """Return how many of the `wanted` checks may begin in this second, of all processes, at an app that takes so many calls in one.

    A fifth of its calls is left to whoever waits for an answer.
    """
    allowed = max(1, int(SLOW_FROM * calls_a_second / CALLS_PER_CHECK))
    counted = f"{_key(app, 'pace')}:{int(database_clock.seconds())}"
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
