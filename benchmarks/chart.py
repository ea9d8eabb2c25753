"""`python -m benchmarks.chart bench.json FOLDER`: what `python -m benchmarks --json` measured at several sizes, as pictures (SVG).

One picture for each section and measure, both axes logarithmic: a straight line that rises by one decade per decade grows as the number
of accounts does. Floors are dashed, in the colour of what they are the limit of. The pictures follow the reader's light or dark scheme.
"""

import argparse
import json
import math
import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from benchmarks.curves import Curve, by_chart, curves
from benchmarks.measure import number

WIDTH, LEFT, RIGHT, TOP, HEIGHT = 760, 64, 24, 56, 300  # pixels; HEIGHT is that of the plot
ROW = 22  # of the legend
# Distinct for colour-blind readers too: on white, on nearly black.
COLOURS = (
    ("#0b6bcb", "#6cb6ff"),
    ("#b4530a", "#f0883e"),
    ("#1a7f37", "#57ab5a"),
    ("#8250df", "#b083f0"),
    ("#bf3989", "#e275ad"),
)


def draw(heading: str, measure: str, group: Sequence[Curve]) -> str:
    """Return the picture of curves that belong together."""
    plot = _Plot(group)
    height = TOP + HEIGHT + 52 + ROW * len(group)
    title = f"{heading}: {measure}, by the number of accounts"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(title)}</title>',
        f"<style>{_style()}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height}"/>',
        f'<text class="head" x="{LEFT}" y="30">{escape(title)}</text>',
        *plot.axes(),
    ]
    colour = -1
    for place, curve in enumerate(group):
        colour += not curve.is_floor
        kind = f"c{max(colour, 0) % len(COLOURS)}{' floor' if curve.is_floor else ''}"
        parts += [*plot.line(curve, kind), *_legend(curve, kind, TOP + HEIGHT + 52 + ROW * place)]
    return "\n".join([*parts, "</svg>", ""])


def _style() -> str:
    def scheme(which: int, ground: str, ink: str, grid: str) -> str:
        lines = "".join(
            f".c{n}{{stroke:{pair[which]}}}.c{n}.dot{{fill:{pair[which]}}}" for n, pair in enumerate(COLOURS)
        )
        return f".ground{{fill:{ground}}}text{{fill:{ink}}}.grid{{stroke:{grid}}}{lines}"

    fixed = "text{font:13px system-ui,sans-serif}.head{font-size:16px;font-weight:600}path{fill:none;stroke-width:2.5}"
    fixed += ".floor{stroke-dasharray:6 4;stroke-width:1.5}circle.dot{stroke:none}"
    dark = scheme(1, "#0d1117", "#d1d7e0", "#30363d")
    return fixed + scheme(0, "#ffffff", "#1f2328", "#d1d9e0") + f"@media(prefers-color-scheme:dark){{{dark}}}"


def _legend(curve: Curve, kind: str, y: int) -> Iterator[str]:
    yield f'<path class="{kind}" d="M{LEFT} {y - 4}h30"/>'
    yield f'<text x="{LEFT + 40}" y="{y}">{escape(curve.name)}</text>'


class _Plot:
    """Turns a number of accounts and a value into a place on the picture."""

    def __init__(self, group: Sequence[Curve]) -> None:
        values = [value for curve in group for value in curve.points.values() if value > 0]
        self._sizes = sorted({size for curve in group for size in curve.points})
        self._low = math.floor(math.log10(min(values, default=1)))
        self._high = max(math.ceil(math.log10(max(values, default=1))), self._low + 1)

    def axes(self) -> Iterator[str]:
        """Return a line for each decade, and the sizes below."""
        for decade in range(self._low, self._high + 1):
            y = self._y(10.0**decade)
            yield f'<path class="grid" style="stroke-width:1" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
            yield f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{10.0**decade:,g}</text>'
        for place, size in enumerate(self._sizes):
            anchor = "start" if place == 0 else "end" if size == self._sizes[-1] else "middle"
            yield f'<text x="{self._x(size)}" y="{TOP + HEIGHT + 20}" text-anchor="{anchor}">{size:,}</text>'

    def line(self, curve: Curve, kind: str) -> Iterator[str]:
        """Return one curve with a dot for each measured size, which tells its value."""
        points = [
            (self._x(size), self._y(value), size, value)
            for size, value in sorted(curve.points.items())
            if value > 0
        ]
        way = "L".join(f"{x} {y}" for x, y, _, _ in points)
        yield f'<path class="{kind}" d="M{way}"/>'
        for x, y, size, value in points:
            words = escape(f"{curve.name}: {number(value)} at {size:,}")
            yield f'<circle class="{kind} dot" cx="{x}" cy="{y}" r="3.5"><title>{words}</title></circle>'

    def _x(self, size: int) -> float:
        first, last = math.log10(self._sizes[0]), math.log10(self._sizes[-1])
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(size) - first) / (last - first), 1)

    def _y(self, value: float) -> float:
        return round(TOP + HEIGHT * (self._high - math.log10(value)) / (self._high - self._low), 1)


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.chart", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("measured", type=Path, help="what --json wrote")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    sections = json.loads(options.measured.read_text(encoding="utf-8"))["sections"]
    for heading, measure, group in by_chart(curves(sections)):
        name = re.sub(r"[^a-z0-9]+", "-", f"{heading} {measure}".lower()).strip("-")
        (options.folder / f"{name}.svg").write_text(draw(heading, measure, group), encoding="utf-8")
        print(options.folder / f"{name}.svg")


if __name__ == "__main__":
    main()
