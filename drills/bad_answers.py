"""Drill: each channel answers with what it never means, at each kind of call.

    python -m drills.bad_answers                                  # six channels, all shapes of answers, then 40 seconds of silence
    python -m drills.bad_answers --channels x --shapes "null"     # some

Answers are in `shapes.py`: status 500 and 429, pages, half a body, nothing, 20 MB, other charsets, broken gzip, JSON of another shape.
Calls: a check's question about the log-in, its reading of one and of many ad accounts, a renewal, a job's lease whose access token is
over, a job's report of a refusal, a person's way back. Checks and renewals meet it twice, the second time 80 hours later.

Lost counts cases after which something was dead, deactivated, not as before after the channel's first good answer, answered 500, logged
with a traceback, kept or logged with a secret in it, or too large; doubled counts cases with mails to people. The naive control takes
everything that is no token for a dead one.
"""

import argparse
import ctypes
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx2

from drills import bench
from drills.bench import CHANNELS, QUESTION, REFRESHED, RENEWED, TOKENS, Bench
from drills.shapes import MOST_TOLD, SHAPES, told
from drills.silence import silence
from drills.stage import Tally, stage

LATER = timedelta(hours=80)  # longer than a doubt may last
THREADS = 64  # that may ask PostgreSQL at once
MOST_CALLS = 1000  # of one case
MOST_MEMORY = 24  # MB that one answer may cost


# ---- the calls


def check(site: Bench, channel: str, now: datetime) -> list[str]:
    """A sweep asks about the log-ins, and where they work, reads one ad account of the one and many of the other."""
    from accounts import sweeps
    from tokens import refreshing

    with refreshing.here():
        for at in (now, now + LATER):
            ids = [bench.token_of(channel, name).pk for name in ("ada", "ben")]
            sweeps.check_these(token_ids=ids, now=at, source="sweep")
    return []


def refresh(site: Bench, channel: str, now: datetime) -> list[str]:
    """A renewal, made as its process makes it."""
    from tokens import probe, refreshing

    with refreshing.here():
        for at in (now, now + LATER):
            probe.probe(bench.token_of(channel, "ben").pk, now=at, source="sweep", renew=True)
    return []


def _everything(_channel: str) -> str:
    return ""


def _tokens(_channel: str) -> str:
    return TOKENS


def _nothing_but_accounts(channel: str) -> str:
    return f"^(?!.*({TOKENS}|{QUESTION[channel]}))"


def _after_the_exchange(_channel: str) -> str:
    return f"^(?!.*({TOKENS}))"


@dataclass(frozen=True)
class Kind:
    """A kind of call: at which paths the channel answers badly, on which channels it is made, and how."""

    path: Callable[[str], str]
    channels: Sequence[str]
    make: Callable[[Bench, str, datetime], list[str]] | None = None  # None: a person's way back

    @property
    def asks_again(self) -> bool:
        """Whether a good check is to follow whatever it left."""
        return self.make in {check, refresh}


KINDS: Mapping[str, Kind] = {
    "check": Kind(_everything, CHANNELS, check),
    "reading": Kind(_nothing_but_accounts, CHANNELS, check),
    "refresh": Kind(_tokens, RENEWED, refresh),
    "refresh and check": Kind(_everything, RENEWED, refresh),
    "lease": Kind(_everything, REFRESHED, bench.lease),
    "report": Kind(_everything, CHANNELS, bench.report),
    "leaving": Kind(_everything, ("x",), bench.leave),
    "exchange": Kind(_everything, CHANNELS),
    "after the exchange": Kind(_after_the_exchange, CHANNELS),
}


def case(site: Bench, channel: str, shape: str, kind: str) -> list[str]:
    """Run one case. Returns what was wrong; nothing is the good end."""
    from django.utils import timezone

    made, now = KINDS[kind], timezone.now()
    site.clear_log()
    come_back = bench.on_the_way_back("ada", channel) if made.make is None else None
    fault = told(shape, bench.token_of(channel, "ben").unseal().access_token)
    site.world.add_fault(channel, path=made.path(channel), count=MOST_CALLS, **fault)
    wrong = made.make(site, channel, now) if made.make is not None else come_back() if come_back else []
    if site.world.control("GET", "faults")[0]["count"] == MOST_CALLS:
        wrong.append("nobody asked, so this shows nothing")
    wrong += bench.ended(channel)
    site.world.clear_faults()
    bench.forget()
    if made.asks_again or bench.states_of(channel) != site.states[channel]:
        bench.ask_again(channel, now + bench.AFTERWARDS)
    if (
        bench.states_of(channel) != site.states[channel]
    ):  # a renewal was the good answer; now the log-in is asked about
        bench.ask_again(channel, now + bench.AFTERWARDS + bench.NEXT_CHECK)
    if (left := bench.states_of(channel)) != site.states[channel]:
        wrong.append(f"not as before after a good answer: {left}")
    return wrong + bench.leaks(site)


# ---- memory


@contextmanager
def _peak() -> Iterator[list[float]]:
    """Measure how much more memory this process had at most than at the beginning; MB, given at the end."""
    found: list[float] = []
    ctypes.CDLL(None).malloc_trim(
        0
    )  # what earlier answers took is given back, so that this one's share is seen
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _memory("VmRSS")
    yield found
    found.append(_memory("VmHWM") - before)


def _memory(which: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(which)) / 1024


# ---- the naive way


def control(site: Bench, tally: Tally) -> None:
    """A renewal as it is often written: what is no 200 with a token in it means that the person must log in again."""
    dead, most = 0, 0.0
    form = {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "c", "client_secret": "s"}
    address = f"{site.world.snapchat}/login/oauth2/access_token"
    for shape in SHAPES:
        site.world.add_fault("snapchat", **told(shape, "t"))
        with _peak() as peak:
            try:
                answer = httpx2.post(address, data=form, timeout=5, trust_env=False)
                lives = answer.status_code == 200 and isinstance(answer.json()["access_token"], str)
            except Exception:  # noqa: BLE001  # the naive way knows no difference
                lives = False
        dead, most = dead + (not lives), max(most, *peak)
        site.world.clear_faults()
    tally.control = f"{len(SHAPES)} answers: {dead} log-ins dead, up to {most:.0f} MB for one answer"
    tally.control_failed = dead > 0


# ---- the drill


def main() -> int:
    """Run the cases, count, and print what came of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--channels", nargs="*", default=CHANNELS)
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES))
    parser.add_argument(
        "--most-told", action="store_const", dest="shapes", const=MOST_TOLD, help="12 of the shapes"
    )
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--no-silence", action="store_true", help="without the 40 seconds of silence")
    options = parser.parse_args()
    tally = Tally("answers that no channel means")
    with stage(DATABASE_POOL=str(THREADS)) as world, bench.opened(world) as site:
        for kind in options.kinds:
            _all_of(site, tally, kind, options.channels, options.shapes)
        if not options.no_silence:
            silence(site, tally)
        control(site, tally)
    return tally.tell()


def _all_of(site: Bench, tally: Tally, kind: str, channels: Sequence[str], shapes: Sequence[str]) -> None:
    """Run one kind of call at all channels in all shapes."""
    began, tries, most = time.monotonic(), 0, 0.0
    for channel in KINDS[kind].channels:
        for shape in shapes if channel in channels else ():
            with _peak() as peak:
                wrong = case(site, channel, shape, kind)
            most = max(most, *peak)
            if peak[0] > MOST_MEMORY:
                wrong.append(f"{peak[0]:.0f} MB of memory")
            mailed = any(bench.MAILED in one for one in wrong)
            tally.lost, tally.doubled, tries = (
                tally.lost + (len(wrong) > mailed),
                tally.doubled + mailed,
                tries + 1,
            )
            for one in wrong:
                tally.note(f"WRONG {kind}, {channel}, {shape}: {one}")
            site.restore()
    tally.tries += tries
    tally.note(f"{kind}: {tries} cases in {time.monotonic() - began:.0f} s, at most {most:.0f} MB for one")


if __name__ == "__main__":
    sys.exit(main())
