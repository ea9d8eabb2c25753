"""`python -m benchmarks [--seconds N] [--rounds N] [--accounts N] [--json FILE] [lease|settle|evaluation|mail ...]`.

Measures the hot paths beside the limit that each could reach on this machine in this run. It judges nothing: the
exit status is 0 once it has measured. Without DATABASE_URL and REDIS_URL it starts throw-away servers of its own.
"""

import argparse
import json
import os
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adtoken_project.embedded.processes import StartError
from benchmarks.environment import Environment, machine, prepare, start_django, stop_on_signals
from benchmarks.measure import Section, load_average

PARTS = ("lease", "settle", "evaluation", "mail")
SIZES = {"lease": [10_000], "settle": [10_000, 100_000], "evaluation": [10_000, 100_000], "mail": [10_000]}
BUSY = (
    "On a busy machine every time is an upper bound and every rate a lower bound; compare figures of one run."
)


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure AdToken's hot paths.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; none: all")
    parser.add_argument("--seconds", type=float, default=5, help="of each round of requests (5)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender runs (3)")
    parser.add_argument(
        "--accounts", type=int, help="10000 for the lease, 10000 and then 100000 for the others"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rounds there")
    options = parser.parse_args(words)
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; parts: {', '.join(PARTS)}")
    if options.rounds < 1 or options.seconds <= 0 or (options.accounts is not None and options.accounts < 10):
        parser.error("--rounds must be at least 1, --seconds above 0, --accounts at least 10")
    return options


def sizes(options: argparse.Namespace) -> dict[int, list[str]]:
    """Return which parts are measured at which number of accounts, smallest first."""
    wanted = options.parts or list(PARTS)
    plan: dict[int, list[str]] = {}
    for part in PARTS:
        if part in wanted:
            for size in [options.accounts] if options.accounts else SIZES[part]:
                plan.setdefault(size, []).append(part)
    return dict(sorted(plan.items()))


def run(environment: Environment, options: argparse.Namespace, now: datetime) -> list[Section]:
    """Fill and measure, one size after the other."""
    from benchmarks import data, evaluation, lease, settle, warning_mail

    modules = {"settle": settle, "evaluation": evaluation, "mail": warning_mail}
    sections: list[Section] = []
    for accounts, parts in sizes(options).items():
        say(f"Writing {accounts:,} accounts ...")
        data.fill(accounts=accounts, now=now)
        for part in parts:
            say(f"Measuring {part} ...")
            before = load_average()
            if part == "lease":
                found = lease.measure(
                    environment, accounts=accounts, seconds=options.seconds, rounds=options.rounds
                )
            else:
                found = [modules[part].measure(accounts=accounts, now=now, rounds=options.rounds)]
            found[0].notes.append(f"load average {before:.1f} before, {load_average():.1f} after")
            sections += found
    return sections


def show(facts: dict[str, Any], sections: list[Section]) -> None:
    """Print the table: median, and in brackets the lowest and the highest round."""
    lines = [f"{name:<12}{value}" for name, value in facts.items()]
    print("\n".join(["", *lines, BUSY, "Figures are medians [lowest – highest round].", ""]))
    print("\n\n".join(section.as_text() for section in sections))


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
            facts = {"date": f"{now:%Y-%m-%d %H:%M} UTC"} | machine(list(sizes(options)))
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
