"""A process of its own, see `tables`: reads a workbook from its input, and writes the first rows of the first sheet as JSON.

It imports none of our modules, and limits itself before it reads anything: whatever a file does to the library, only this process ends.
"""

import io
import json
import resource
import sys

from python_calamine import CalamineWorkbook

MOST_MEMORY = 768 * 2**20  # bytes of addresses
MOST_SECONDS = 10  # of processor time
MOST_COLUMNS = 100
EXACT_DIGITS = 15  # of a number in a spreadsheet: it forgets those behind


def main() -> None:
    """Write a list of rows, `most` and the header (an argument) of those that are not empty, each with its number."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    most = int(sys.argv[1])
    book = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
    found = []
    for number, values in enumerate(book.get_sheet_by_index(0).to_python(skip_empty_area=False), 1):
        cells = [as_text(value) for value in values[:MOST_COLUMNS]]
        if any(cells):
            found.append((number, cells))
        if len(found) > most:
            break
    json.dump(found, sys.stdout)


def as_text(value: object) -> str:
    """Return a cell as people wrote it. A number with more digits than a spreadsheet keeps stays as it counts them: 1.02152E+16."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return str(value)
    if abs(value) >= 10**EXACT_DIGITS:
        return f"{value:.5E}"
    return str(int(value)) if float(value).is_integer() else str(value)


if __name__ == "__main__":
    main()
