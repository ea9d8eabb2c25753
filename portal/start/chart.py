"""A chart of stacked columns as numbers for an SVG: `templates/ui/_chart.html` draws it, style sheets colour it.

stacked([Column("23 Nov", "Week of 23 Nov", [Part("a", "Channel A", 4, "?week=2026-11-23&channel=a")])])
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ui import text as counts

WIDTH, HEIGHT = 480, 190  # of the drawing, in its own units
_TOP, _RIGHT, _BOTTOM = 18, 14, 24  # beside the columns: the highest number, half a name, the names
_LETTER = 7.5  # the room that a figure of the scale takes
_GAP = 1.5  # between the parts of a column
_LEAST = 1.5  # a part of one among hundreds is still seen
_LINES = 4  # above the ground line
_FILLS = 0.8  # of its place a column fills


@dataclass(frozen=True)
class Part:
    """A part of a column: which fill of the style sheet, what it is in words, how many, and where that leads."""

    fill: str
    label: str
    number: int
    url: str


@dataclass(frozen=True)
class Column:
    """A column: its name below, its name in words, and its parts from the ground up."""

    name: str
    label: str
    parts: Sequence[Part]

    @property
    def total(self) -> int:
        """How many all parts are."""
        return sum(part.number for part in self.parts)


@dataclass(frozen=True)
class Box:
    """A part as it is drawn."""

    part: Part
    at: str
    y: str
    width: str
    height: str


@dataclass(frozen=True)
class Drawn:
    """A column as it is drawn. `name` and `total` are "" where there is no room or need for them."""

    column: Column
    middle: str
    boxes: Sequence[Box]
    name: str
    total: str
    top: str


@dataclass(frozen=True)
class Chart:
    """The whole drawing. `lines` are heights with their numbers, the ground line first."""

    columns: Sequence[Drawn]
    lines: Sequence[tuple[str, int]]
    legend: Sequence[tuple[str, str]]  # fill and words of what occurs
    left: int  # where the lines begin
    width: int = WIDTH
    height: int = HEIGHT
    names_at: int = HEIGHT - 6


def scale(highest: int) -> int:
    """Return the number of the top line: the smallest of four round steps (1, 2, 3, 5, 10, 20 ...) that holds the highest column."""
    ten = 1
    while True:
        for step in (1, 2, 3, 5):
            if step * ten * _LINES >= highest:
                return step * ten * _LINES
        ten *= 10


def stacked(columns: Sequence[Column], *, named: int = 3) -> Chart | None:
    """Return the drawing; None where every column is empty. Every `named`th column has its name, the first and the highest their totals."""
    highest = max((column.total for column in columns), default=0)
    if not highest:
        return None
    top, ground = scale(highest), HEIGHT - _BOTTOM
    unit = (ground - _TOP) / top
    left = 12 + round(len(f"{top:,}") * _LETTER)
    place = (WIDTH - left - _RIGHT) / len(columns)
    first = next(number for number, column in enumerate(columns) if column.total)
    peak = next(number for number, column in enumerate(columns) if column.total == highest)
    drawn = []
    for number, column in enumerate(columns):
        at = left + number * place + place * (1 - _FILLS) / 2
        boxes, y = _boxes(column, at, place * _FILLS, ground, unit)
        drawn.append(
            Drawn(
                column,
                middle=f"{at + place * _FILLS / 2:.1f}",
                boxes=boxes,
                name=column.name if number % named == 0 else "",
                total=counts.number(column.total) if number in {first, peak} else "",
                top=f"{y - 4:.1f}",
            )
        )
    legend = {part.fill: part.label for column in columns for part in column.parts if part.number}
    lines = [
        (f"{ground - top * unit * line / _LINES:.1f}", top * line // _LINES) for line in range(_LINES + 1)
    ]
    return Chart(drawn, lines, list(legend.items()), left)


def _boxes(column: Column, at: float, width: float, ground: float, unit: float) -> tuple[list[Box], float]:
    """Return a column's parts from the ground up, and where its top is."""
    boxes, y = [], float(ground)
    for part in column.parts:
        if part.number:
            height = max(part.number * unit, _LEAST)
            y -= height
            boxes.append(Box(part, f"{at:.1f}", f"{y:.1f}", f"{width:.1f}", f"{max(height - _GAP, 1):.1f}"))
    return boxes, y
