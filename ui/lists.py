"""The lines, cells and chips that a list of the portal is made of; `templates/portal/list.html` draws them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cell:
    """One cell of a line. `kind`: head (the row's name), state (beside it on cards), show or hide (on cards)."""

    name: str
    kind: str
    label: str
    value: Any


@dataclass(frozen=True)
class RowLink:
    """An action on one row, or a page of it."""

    label: str
    icon: str
    url: str


@dataclass(frozen=True)
class ListLine:
    """One line of the list."""

    pk: Any
    label: str
    cells: Sequence[Cell]
    links: Sequence["RowLink"] = ()


@dataclass(frozen=True)
class Chip:
    """One filter as a chip: what is chosen, and the links that choose."""

    title: str
    chosen: str  # "" where the filter is off
    remove: str
    choices: Sequence[dict[str, Any]]
    toggle: bool = False  # its one choice is on or off
    finds: tuple[str, str] = ("", "")  # parameter and words of a field that finds what is not listed
