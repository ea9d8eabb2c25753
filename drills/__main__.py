"""`python -m drills [NAME ...]`: run the drills, two side by side (all of them: `make drills`), and say what they counted.

Each is a process of its own with a time limit of its own, on throw-away servers of its own; all together end after 20 minutes. One that
overruns is ended, and counts as failed, as does one for which no time was left. Prints each drill's line of JSON (see `stage.Tally`) and a
table; its whole output is in var/drills/. The exit status is 1 where a drill lost or doubled something, or its naive control did not.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devtools.embedded.processes import Child
from devtools.launcher import last_json
from drills.registry import DRILLS, Drill
from tests.launcher.traces import processes_in
from tests.support.sandbox import ROOT

MINUTES = 20  # for all together
AT_ONCE = 2  # a drill mostly waits: for what it broke to be well again
GRACE = 20  # seconds in which a drill that is told to end puts its servers away
LOGS = ROOT / "var" / "drills"
COLUMNS = ("drill", "tries", "lost", "doubled", "slowest recovery", "took", "result", "naive control")


@dataclass
class Outcome:
    """What came of one drill: its tally as it was printed, and where there is none, why not."""

    drill: Drill
    took: float = 0.0
    tally: dict[str, Any] = field(default_factory=dict)
    failure: str = ""

    @property
    def good(self) -> bool:
        """Whether it ran to its end, nothing was lost or doubled, and the naive control failed."""
        return not self.failure and bool(self.tally.get("good"))

    def row(self) -> tuple[str, ...]:
        """Return the cells of its line of the table."""
        said = self.tally
        counts = [f"{said[name]:,}" if name in said else "-" for name in ("tries", "lost", "doubled")]
        recovery = f"{said['seconds']:.1f} s" if said.get("seconds") else "-"
        result = "good" if self.good else self.failure or "BROKEN"
        return (
            self.drill.name,
            *counts,
            recovery,
            f"{self.took:.0f} s",
            result,
            str(said.get("control", "-")),
        )


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked for. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m drills",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [drill.name for drill in DRILLS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(names)}; none: all")
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"for all together ({MINUTES})")
    options = parser.parse_args(words)
    unknown = set(options.names) - set(names)
    if unknown:
        parser.error(f"there is no drill {', '.join(sorted(unknown))}; drills: {', '.join(names)}")
    wanted = [drill for drill in DRILLS if not options.names or drill.name in options.names]
    outcomes = run_all(wanted, seconds=options.minutes * 60)
    _say("\n" + table(outcomes))
    return 0 if all(outcome.good for outcome in outcomes) else 1


def run_all(drills: Sequence[Drill], *, seconds: float) -> list[Outcome]:
    """Run drills, some side by side, all within so many seconds."""
    ends, stop = time.monotonic() + seconds, threading.Event()

    def one(drill: Drill) -> Outcome:
        left = ends - time.monotonic()
        if left <= 0 or stop.is_set():
            return Outcome(drill, failure="NO TIME LEFT")
        _say(f"{drill.name}, at most {min(drill.seconds, left):.0f} s ...")
        outcome = run(drill, seconds=left, stop=stop)
        _say(json.dumps(outcome.tally) if outcome.tally else f"{drill.name}: {outcome.failure}")
        return outcome

    with ThreadPoolExecutor(AT_ONCE) as lanes:
        try:
            return list(lanes.map(one, drills))
        except BaseException:  # Ctrl-C: the drills that run are ended with their servers
            stop.set()
            raise


def run(drill: Drill, *, seconds: float, stop: threading.Event | None = None) -> Outcome:
    """Run one drill for as long as it may, at most `seconds` or until `stop`, and leave nothing of it behind."""
    limit, began = min(drill.seconds, seconds), time.monotonic()
    with _own_folder() as folder:
        child = Child(
            name=drill.name,
            command=[sys.executable, "-m", f"drills.{drill.name}", *drill.arguments],
            log=LOGS / f"{drill.name}.log",
            # By the folder's name its processes are found, also those whose environment PostgreSQL and Valkey overwrite.
            env={**os.environ, "TMPDIR": str(folder), "ADTOKEN_RUN": str(folder)},
            cwd=ROOT,
            stops=((signal.SIGINT, GRACE),),
            orphan_signal=signal.SIGINT,
        )
        child.start()
        try:
            status = _wait(child, until=began + limit, stop=stop or threading.Event())
        finally:
            child.stop()
    outcome = Outcome(drill, took=time.monotonic() - began)
    if status is None:
        outcome.failure = "OVERRAN"
    else:
        said = last_json(child.output())
        outcome.tally = said if "good" in said else {}
        outcome.failure = "" if outcome.tally else f"ENDED WITH {status}"
    if not outcome.good:
        _say(f"{drill.name} failed; the end of {child.log}:\n{child.last_lines(30)}")
    return outcome


def _wait(child: Child, *, until: float, stop: threading.Event) -> int | None:
    while not stop.is_set() and time.monotonic() < until:
        if (status := child.wait(seconds=min(1.0, max(0.0, until - time.monotonic())))) is not None:
            return status
    return None


@contextmanager
def _own_folder() -> Iterator[Path]:
    """Give a folder for a drill's files. What still runs in it at the end is killed, and the folder removed."""
    folder = Path(tempfile.mkdtemp(prefix="adtoken-drills-"))
    folder.chmod(0o711)  # nobody, who may have to run PostgreSQL, passes through
    try:
        yield folder
    finally:
        for number in processes_in(folder):
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a table in Markdown, aligned."""
    rows = [COLUMNS, *(outcome.row() for outcome in outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS) - 1)]
    lines = [
        "| "
        + " | ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        + " |"
        for row in rows
    ]
    lines.insert(1, "| " + " | ".join(["-" * width for width in widths] + ["---"]) + " |")
    return "\n".join(lines)


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
