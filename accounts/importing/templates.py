"""The empty file that people fill in before they import accounts: the names of the columns, and, in a workbook, every cell as text.

As text, because a spreadsheet takes ids for numbers and forgets what is behind their fifteenth digit.
"""

import io

import xlsxwriter

from accounts.importing.checking import COLUMNS

_WIDTHS = {"name": 34, "linked_by": 28, "access_token": 40, "refresh_token": 40, "token_secret": 40}
_MARK = "\ufeff"  # by which Excel knows UTF-8


def make(file_format: str) -> bytes:
    """Return the file: "csv" or "xlsx"."""
    if file_format == "csv":
        return f"{_MARK}{','.join(COLUMNS)}\r\n".encode()
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    text, bold = book.add_format({"num_format": "@"}), book.add_format({"bold": True, "num_format": "@"})
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(COLUMNS):
        sheet.set_column(column, column, _WIDTHS.get(name, 20), text)
        sheet.write_string(0, column, name, bold)
    book.close()
    return file.getvalue()
