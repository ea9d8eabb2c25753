"""An export as a workbook (XLSX): numbers and moments are such, all else is text, and no cell is a formula or a link.

A row goes to the disk as it is written, so memory stays flat however many there are.
"""

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import xlsxwriter

from accounts.export_rows import HEAD

_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_NUMBERS = frozenset({"usable_tokens", "tokens", "people"})
_WIDTHS = {"name": 34, "native_id": 20, "reason": 22, "team": 20, "active_person": 24}


def write(rows: Iterable[Sequence[str]]) -> bytes:
    """Return a workbook of these rows, below the names of the columns."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, _OPTIONS)
    # The format's own number 22: day and time as the reader's program writes them.
    moments = book.add_format({"num_format": 22})
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(HEAD):
        sheet.set_column(column, column, 20 if name.endswith("_utc") else _WIDTHS.get(name, 14))
        sheet.write_string(0, column, name, bold)
    for place, cells in enumerate(rows, 1):
        for column, (name, text) in enumerate(zip(HEAD, cells, strict=True)):
            if text:
                _cell(sheet, place, column, name, text, moments)
    book.close()
    return file.getvalue()


def _cell(sheet: Any, row: int, column: int, name: str, text: str, moments: Any) -> None:
    if name in _NUMBERS:
        sheet.write_number(row, column, int(text))
    elif name.endswith("_utc"):
        sheet.write_datetime(row, column, datetime.fromisoformat(text.removesuffix("Z")), moments)
    else:
        sheet.write_string(row, column, text)
