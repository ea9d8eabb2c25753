"""An export as a workbook (XLSX), made from its lines: numbers and moments are such, all else is text, and no cell is a formula or a link.

A row goes to the disk as it is written, so memory stays flat however many there are.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, Any

import xlsxwriter

from accounts.export_rows import HEAD

ROWS = 1_000_000  # lines on one sheet: the format takes 1,048,576
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
    "use_zip64": True,
}
_NUMBERS = frozenset({"usable_tokens", "tokens", "people"})
_WIDTHS = {"name": 34, "native_id": 20, "reason": 22, "team": 20, "active_person": 24}


def write(parts: Iterable[bytes], file: IO[bytes]) -> None:
    """Write a workbook of these parts of CSV, whose first line names the columns; a part holds whole lines."""
    book = xlsxwriter.Workbook(file, _OPTIONS)
    # The format's own number 22: day and time as the reader's program writes them.
    moments = book.add_format({"num_format": 22})
    bold = book.add_format({"bold": True})
    sheet, row = None, ROWS
    for cells in _lines(parts):
        if row == ROWS:
            sheet, row = book.add_worksheet(), 0
            _head(sheet, bold)
        row += 1
        for column, (name, text) in enumerate(zip(HEAD, cells, strict=True)):
            if text:
                _cell(sheet, row, column, name, text, moments)
    if sheet is None:
        _head(book.add_worksheet(), bold)
    book.close()


def _lines(parts: Iterable[bytes]) -> Iterator[list[str]]:
    """Yield the lines without the head."""
    first = True
    for part in parts:
        for cells in csv.reader(io.StringIO(part.decode(), newline="")):
            if not first:
                yield cells
            first = False


def _head(sheet: Any, bold: Any) -> None:
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(HEAD):
        sheet.set_column(column, column, 20 if name.endswith("_utc") else _WIDTHS.get(name, 14))
        sheet.write_string(0, column, name, bold)


def _cell(sheet: Any, row: int, column: int, name: str, text: str, moments: Any) -> None:
    if name in _NUMBERS:
        sheet.write_number(row, column, int(text))
    elif name.endswith("_utc"):
        sheet.write_datetime(row, column, datetime.fromisoformat(text.removesuffix("Z")), moments)
    else:
        sheet.write_string(row, column, text)
