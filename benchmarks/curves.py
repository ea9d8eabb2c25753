"""How figures grow with the number of accounts: one curve for each contender that was measured at several sizes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from benchmarks.measure import number

FLOOR = "floor"  # how the names of limits begin; each stands below what it is the limit of


@dataclass(frozen=True)
class Curve:
    """Medians of one contender in one measure, by the number of accounts."""

    heading: str  # of its section, without the numbers: "Evaluation"
    measure: str  # with its unit
    name: str
    points: dict[int, float] = field(default_factory=dict)

    @property
    def is_floor(self) -> bool:
        """Whether it is the limit of the curve before it."""
        return self.name.startswith(FLOOR)


def curves(sections: Iterable[Mapping[str, Any]]) -> list[Curve]:
    """Return the curves of sections as `Section.as_json` gives them: in the first measure of each contender, at two sizes or more."""
    found: dict[tuple[str, str, str], Curve] = {}
    for section in sections:
        heading = section["title"].partition(",")[0]
        for contender, measures in section["results"].items():
            measure, values = next(iter(measures.items()))
            key = (heading, measure, contender.strip())
            found.setdefault(key, Curve(*key)).points[section["accounts"]] = values["median"]
    return [curve for curve in found.values() if len(curve.points) > 1]


def by_chart(found: Sequence[Curve]) -> list[tuple[str, str, list[Curve]]]:
    """Return heading, measure and curves of what belongs into one chart."""
    ordered = sorted(found, key=_chart)  # stable, so that each floor stays below its contender
    return [(*key, list(group)) for key, group in groupby(ordered, key=_chart)]


def _chart(curve: Curve) -> tuple[str, str]:
    return curve.heading, curve.measure


def as_text(found: Sequence[Curve]) -> str:
    """Return one table of all curves: a column a size, and under each floor how many times as much its contender took."""
    sizes = sorted({size for curve in found for size in curve.points})
    lines = [f"{'How it grows: accounts':<66}" + "".join(f"{size:>12,}" for size in sizes)]
    for heading, measure, group in by_chart(found):
        lines += ["", f"{heading}, {measure}"]
        limited: Curve | None = None
        for curve in group:
            lines.append(_line(f"{'    ' if curve.is_floor else '  '}{curve.name}", curve.points, sizes))
            if curve.is_floor and limited:
                ratio = {
                    size: limited.points[size] / low
                    for size, low in curve.points.items()
                    if low and size in limited.points
                }
                lines.append(_line("    times the floor", ratio, sizes))
            limited = limited if curve.is_floor else curve
    return "\n".join(lines)


def _line(name: str, points: Mapping[int, float], sizes: Sequence[int]) -> str:
    return f"{name:<66}" + "".join(f"{number(points[size]) if size in points else '-':>12}" for size in sizes)
