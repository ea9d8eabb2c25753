"""`python -m benchmarks [--seconds N] [--rounds N] [--accounts N,N] [--json FILE] [PART ...]`; `benchmarks.parts` lists the parts.

Measures the hot paths beside the limit that each could reach on this machine in this run. It judges nothing: the
exit status is 0 once it has measured. Without DATABASE_URL and REDIS_URL it starts throw-away servers of its own.
"""

import argparse
import importlib
import json
import os
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.curves import as_text, curves
from benchmarks.environment import Environment, machine, prepare, start_django, stop_on_signals
from benchmarks.measure import Section, load_average
from benchmarks.parts import PARTS, Part, Run
from devtools.embedded.processes import StartError

BUSY = (
    "On a busy machine every time is an upper bound and every rate a lower bound; compare figures of one run."
)


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    names = [part.name for part in PARTS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure AdToken's hot paths.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(names)}; none: all")
    parser.add_argument("--seconds", type=float, default=5, help="of each round of requests (5)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender runs (3)")
    parser.add_argument(
        "--accounts", type=_numbers, help="one or several numbers: 10000,100000; else each part has its own"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rounds there")
    options = parser.parse_args(words)
    unknown = set(options.parts) - set(names)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; parts: {', '.join(names)}")
    if options.rounds < 1 or options.seconds <= 0 or min(options.accounts or [10]) < 10:
        parser.error("--rounds must be at least 1, --seconds above 0, --accounts at least 10")
    return options


def _numbers(text: str) -> list[int]:
    return sorted({int(word) for word in text.split(",")})


def plan(options: argparse.Namespace) -> dict[int, list[Part]]:
    """Return which parts are measured at which number of accounts, smallest first."""
    found: dict[int, list[Part]] = {}
    for part in PARTS:
        if not options.parts or part.name in options.parts:
            for size in options.accounts or part.sizes:
                found.setdefault(size, []).append(part)
    return dict(sorted(found.items()))


def run(environment: Environment, options: argparse.Namespace, now: datetime) -> list[Section]:
    """Fill and measure, one size after the other."""
    sections: list[Section] = []
    for accounts, parts in plan(options).items():
        setting = Run(environment, accounts, now, options.rounds, options.seconds)
        filled = False
        for part in parts:
            if not part.own_data and not filled:
                fill(accounts, now)
            filled = not part.own_data
            sections += measured(part, setting)
    return sections


def fill(accounts: int, now: datetime) -> None:
    """Write the rows that the parts share."""
    say(f"Writing {accounts:,} accounts ...")
    began = time.monotonic()
    importlib.import_module("benchmarks.data").fill(accounts=accounts, now=now)  # once Django stands
    say(f"... took {time.monotonic() - began:.0f} s")


def measured(part: Part, setting: Run) -> list[Section]:
    """Measure one part at one size, and say how busy the machine was."""
    say(f"Measuring {part.name} ...")
    before, began = load_average(), time.monotonic()
    sections = part.load()(setting)
    for section in sections:
        section.part, section.accounts = part.name, setting.accounts
    took = time.monotonic() - began
    sections[0].notes.append(
        f"load average {before:.1f} before, {load_average():.1f} after; took {took:.0f} s"
    )
    return sections


def show(facts: dict[str, Any], sections: list[Section]) -> None:
    """Print the table: median, and in brackets the lowest and the highest round."""
    lines = [f"{name:<12}{value}" for name, value in facts.items()]
    print("\n".join(["", *lines, BUSY, "Figures are medians [lowest – highest round].", ""]))
    print("\n\n".join(section.as_text() for section in sections))
    if grown := curves(section.as_json() for section in sections):
        print("\n" + as_text(grown))


def say(text: str) -> None:
    """Show progress, apart from the table."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Return 0 once it has measured, 1 when something did not start."""
    options = arguments()
    stop_on_signals()
    began, now = time.monotonic(), datetime.now(UTC)
    with ExitStack() as stack:
        try:
            say("Starting servers ...")
            environment = prepare(stack)
            start_django()
            facts = {"date": f"{now:%Y-%m-%d %H:%M} UTC"} | machine(list(plan(options)))
            facts["rounds"] = options.rounds
            facts["load before"] = load_average()
            sections = run(environment, options, now)
            facts["took"] = f"{time.monotonic() - began:.0f} s"
        except StartError as error:
            say(f"\n{error}")
            return 1
        except KeyboardInterrupt:
            say("\nStopped.")
            return 1
        show(facts, sections)
        if options.json:
            whole = {"facts": facts, "sections": [section.as_json() for section in sections]}
            options.json.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    os.umask(0o077)  # whatever the servers write is for our eyes only
    sys.exit(main())
