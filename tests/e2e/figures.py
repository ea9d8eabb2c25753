"""How many presses and seconds a journey takes: counted in the browser, and written as lines of JSON into the file that FIGURES names.

A press is whatever a hand does on the way: a button, a link, a tick, a key beside a field, going into a field to write in it (what is
written does not count), and two for a choice from a list. The seconds are the browser's and the product's: nobody reads or thinks, and
pictures that are taken on the way do not count.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.e2e.driver import Visitor

COUNTER = """() => {
  const written = new WeakSet();
  const field = one => one.matches?.('select, textarea, input:not([type=checkbox], [type=radio], [type=submit])');
  addEventListener('pointerdown', () => window.atPressed(1), true);
  addEventListener('keydown', event => { if (event.key === 'Enter' || !field(event.target)) window.atPressed(1); }, true);
  addEventListener('input', event => {
    if (!field(event.target) || written.has(event.target)) return;
    written.add(event.target);
    window.atPressed(event.target.matches('select') ? 2 : 1);
  }, true);
}"""


@dataclass
class Figure:
    """What a journey took. Whole at the end of `measured`."""

    journey: str
    width: int
    presses: int = 0
    seconds: float = 0.0


@contextmanager
def measured(visitor: "Visitor", journey: str, **facts: Any) -> Iterator[Figure]:
    """Count what the visitor does meanwhile. `facts` are kept with the line, as which channel it was."""
    figure = Figure(journey, visitor.width)
    before, posed = visitor.presses, visitor.posed
    began = time.monotonic()
    yield figure
    figure.seconds = round(time.monotonic() - began - (visitor.posed - posed), 1)
    figure.presses = visitor.presses - before
    keep(figure, **facts)


def keep(figure: Figure, **facts: Any) -> None:
    """Write a figure down, with how busy the machine was: processes that want a processor, over the last minute."""
    if file := os.environ.get("FIGURES"):
        line = asdict(figure) | facts | {"load": round(os.getloadavg()[0], 1), "processors": os.cpu_count()}
        with Path(file).open("a", encoding="utf-8") as kept:
            kept.write(json.dumps(line) + "\n")
