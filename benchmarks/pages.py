"""Pages of a large installation, beside one of a tenth its size: server time, CPU, statements, the slowest of them, size of the answer."""

import gc
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import connection
from django.test import Client

from benchmarks import page_data, page_visits
from benchmarks.measure import Contender, Figures, Section, interleave
from benchmarks.page_data import BOSS, MATE, MEMBER, STAFF
from benchmarks.parts import Run
from benchmarks.visit import Visit
from users.installation import hold

LIMIT = 300  # milliseconds that a page may take
SHARE = 10  # of the accounts that the small installation has
COUNTS = 3  # visits of which the one with the fewest statements is told
SMALL = ", small"
_COLUMNS = (
    ("ms, small", "ms, small"),
    ("ms", "ms"),
    ("CPU ms", "CPU ms"),
    ("statements, small", "SQL, small"),
    ("statements", "SQL"),
    ("slowest statement, ms", "slowest"),
    ("KiB", "KiB"),
)


@dataclass
class Pages(Section):
    """A section of some hundred pages. Its table has a line for each kind of page; the slowest of the kind stands there."""

    visits: list[Visit] = field(default_factory=list)

    def as_text(self) -> str:
        """Return the table: medians, small and large."""
        kinds: dict[tuple[str, str, str], list[Visit]] = {}
        for visit in self.visits:
            kinds.setdefault((visit.group, visit.kind, visit.who), []).append(visit)
        lines = [self.title, "-" * len(self.title)]
        lines.append(f"  {'page':<84}" + "".join(f"{head:>12}" for _, head in _COLUMNS))
        for found in kinds.values():
            slowest = max(found, key=lambda one: self.median(one, "ms"))
            lines += [self._line(slowest, len(found))]
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    def median(self, visit: Visit, measure: str) -> float:
        """Return the median of a measure of a page; 0 where it was not measured."""
        values = sorted(self.results.get(visit.name, {}).get(measure, [0]))
        return values[len(values) // 2]

    def _line(self, visit: Visit, number: int) -> str:
        of = f", slowest of {number}" if number > 1 else ""
        figures = "".join(f"{self.median(visit, measure):>12,.0f}" for measure, _ in _COLUMNS)
        return f"  {visit.name + of:<84.84}{figures}"


def measure(run: Run) -> list[Section]:
    """Return the section. It writes data of its own: first a tenth of the accounts, looked at once, then all."""
    small = max(run.accounts // SHARE, page_data.LEAST)
    section = Pages(f"Pages, {run.accounts:,} accounts, beside {small:,}, {run.rounds} rounds")
    for accounts, suffix, rounds in ((small, SMALL, 1), (run.accounts, "", run.rounds)):
        page_data.fill(accounts=accounts, now=run.now)
        browsers = {email: page_visits.browser(email) for email in (BOSS, STAFF, MEMBER, MATE)}
        visits = page_visits.all_of_them(browsers)
        measured = visit_all(visits, browsers, rounds=rounds)
        for visit, figures in measured.items():
            kept = section.results.setdefault(visit.name, {})
            kept |= {name + suffix: values for name, values in figures.items()}
        section.visits = list(measured)
    lost = [visit.name for visit in visits if visit.named and visit not in measured]
    section.notes += [*said(section), f"no pages, though they are listed: {'; '.join(lost) or 'none'}"]
    return [section]


def visit_all(
    visits: Iterable[Visit], browsers: dict[str, Client], *, rounds: int
) -> dict[Visit, dict[str, list[float]]]:
    """Count what each page asks the database, then time all pages `rounds` times, one after the other.

    Returns measure -> values by visit; what is no page is left out.
    """
    counted = {visit: _counted(browsers[visit.who], visit) for visit in visits}
    pages = {visit.name: visit for visit, figures in counted.items() if figures}
    calls = {name: _timed(browsers[visit.who], visit) for name, visit in pages.items()}
    timed = interleave(calls, rounds=rounds)
    return {visit: counted[visit] | timed[name] for name, visit in pages.items()}


def _counted(client: Client, visit: Visit) -> dict[str, list[float]]:
    """Return what a page asks the database; nothing where it is no page.

    The fewest statements of several visits, each after reading whether this is on hold: what a process keeps for a second, or
    a cache for longer, is asked now and then, at one size and not at the other.
    """
    fewest: list[float] | None = None
    for _ in range(COUNTS):
        times: list[float] = []
        hold.current()
        with connection.execute_wrapper(partial(_clock, times)):
            response = visit.ask(client)
        if not page_visits.is_page(response):
            return {}
        fewest = min(fewest or times, times, key=len)
    return {"statements": [len(fewest or [])], "slowest statement, ms": [max(fewest or [0])]}


def _clock(times: list[float], execute: Callable[..., Any], *call: Any) -> Any:
    """Carry a statement out, and add how many milliseconds it took."""
    began = time.perf_counter()
    try:
        return execute(*call)
    finally:
        times.append((time.perf_counter() - began) * 1_000)


def _timed(client: Client, visit: Visit) -> Contender:
    def timed() -> Figures:
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        size = len(visit.ask(client).content)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return {"ms": wall * 1_000, "CPU ms": cpu * 1_000, "KiB": size / 1_024}

    return timed


def said(section: Pages) -> list[str]:
    """Return which pages take too long, and which ask the database more often the more there is."""
    slow = [
        f"{visit.name} {section.median(visit, 'ms'):,.0f}"
        for visit in section.visits
        if section.median(visit, "ms") > LIMIT
    ]
    growing = [
        f"{visit.name} ({before:.0f} to {after:.0f})"
        for visit in section.visits
        if 0
        < (before := section.median(visit, "statements" + SMALL))
        < (after := section.median(visit, "statements"))
    ]
    return [
        f"{len(section.visits)} pages, {len(slow)} of them above {LIMIT} ms: {'; '.join(slow) or 'none'}",
        f"more statements with more rows: {'; '.join(growing) or 'none'}",
    ]
