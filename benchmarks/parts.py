"""What `python -m benchmarks` can measure, in one list.

A part is one module of this package with `measure(run: Run) -> list[Section]`. To add one: write the module, add a line to `PARTS`.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from benchmarks.environment import Environment
from benchmarks.measure import Section

SMALL, MIDDLE, LARGE = 10_000, 100_000, 1_000_000


@dataclass(frozen=True)
class Run:
    """What a part is given: how many accounts there are, how often and how long it measures."""

    environment: Environment
    accounts: int
    now: datetime
    rounds: int
    seconds: float  # of each round of requests


@dataclass(frozen=True)
class Part:
    """One part: its name on the command line, and at how many accounts it is measured when nothing is said."""

    name: str
    sizes: Sequence[int]
    module: str = ""  # of this package; empty: called like the part
    own_data: bool = (
        False  # it writes its own rows, or spoils those of data.fill, which the next part then gets anew
    )

    def load(self) -> Callable[[Run], list[Section]]:
        """Return the part's `measure`. Its module is imported here, once Django stands."""
        module = importlib.import_module(f"benchmarks.{self.module or self.name}")
        return cast("Callable[[Run], list[Section]]", module.measure)


PARTS = (
    Part("lease", (SMALL,)),
    Part("gate", (SMALL,)),
    Part("start", (SMALL,)),
    Part("silent", (SMALL,)),
    Part("settle", (SMALL, MIDDLE, LARGE)),
    Part("evaluation", (SMALL, MIDDLE, LARGE)),
    Part("mail", (SMALL,), module="warning_mail"),
    Part("sweeps", (SMALL,), own_data=True),
    Part("pages", (MIDDLE,), own_data=True),
    Part("mails", (SMALL,)),
    Part("export", (MIDDLE,)),
)
