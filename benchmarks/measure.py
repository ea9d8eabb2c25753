"""Rounds, medians, CPU time of process trees, and the table they are printed in."""

import gc
import os
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Figures = Mapping[str, float]  # measure (with its unit) -> value of one round
Contender = Callable[[], Figures]


@dataclass
class Section:
    """What one part measured: contender -> measure -> one value per round."""

    title: str
    results: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    part: str = ""  # which part measured it, at how many accounts: written by whoever ran it
    accounts: int = 0

    def measures(self) -> list[str]:
        """Return the names of all measures, in the order of their first appearance."""
        return list(dict.fromkeys(name for figures in self.results.values() for name in figures))

    def as_json(self) -> dict[str, Any]:
        """Return plain data: every round's value, and the median."""
        figures = {
            contender: {
                name: {"median": statistics.median(values), "rounds": values}
                for name, values in found.items()
            }
            for contender, found in self.results.items()
        }
        return {
            "part": self.part,
            "accounts": self.accounts,
            "title": self.title,
            "results": figures,
            "notes": self.notes,
        }

    def as_text(self) -> str:
        """Return the section as lines: under each measure the contenders with median and range."""
        lines = [self.title, "-" * len(self.title)]
        for measure in self.measures():
            lines.append(f"  {measure}")
            for contender, found in self.results.items():
                if measure in found:
                    lines.append(f"    {contender:<60}{_spread(found[measure])}")
        return "\n".join(lines + [f"  Note: {note}" for note in self.notes])


def interleave(contenders: Mapping[str, Contender], *, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Run A B C, A B C ..., so that a busy moment of the machine hits all alike. Returns every round's values.

    Garbage is collected beforehand, and what is left is never looked at again: a collection of the oldest generation takes 0.1 s, which
    would fall on some rounds and not on others.
    """
    results: dict[str, dict[str, list[float]]] = {name: {} for name in contenders}
    for _ in range(rounds):
        for name, measure in contenders.items():
            gc.collect()
            gc.freeze()
            for figure, value in measure().items():
                results[name].setdefault(figure, []).append(value)
    return results


def ratio(section: Section, one: str, other: str, measure: str) -> float:
    """Return the median of one contender's figure as a multiple of the other's."""
    values = [statistics.median(section.results[name][measure]) for name in (one, other)]
    return values[0] / values[1]


def tree_cpu(pid: int) -> float:
    """Return the CPU seconds that a process and its descendants have used, those that ended included."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except OSError:  # ended meanwhile; its parent has its time now
                continue
            parents[int(entry.name)] = int(fields[1])
            ticks[int(entry.name)] = sum(
                int(field) for field in fields[11:15]
            )  # own and ended children's, user and system
    return sum(ticks[number] for number in ticks if _descends(number, pid, parents)) / os.sysconf(
        "SC_CLK_TCK"
    )


def _descends(number: int, ancestor: int, parents: Mapping[int, int]) -> bool:
    while number != ancestor and number in parents:
        number = parents[number]
    return number == ancestor


def load_average() -> float:
    """Return the load average of the last minute."""
    return float(Path("/proc/loadavg").read_text(encoding="ascii").split()[0])


def _spread(values: list[float]) -> str:
    middle = number(statistics.median(values))
    if len(values) == 1 or min(values) == max(values):
        return f"{middle:>10}"
    return f"{middle:>10}   [{number(min(values))} – {number(max(values))}]"


def number(value: float) -> str:
    """Return a figure with two or three digits that say something."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}" if value < 1 else f"{value:.2f}"
