"""Reading the first sheet of a workbook (XLSX): texts and numbers, no formula is worked out.

A library reads it, in a process of its own that may use so much memory and time: a file that unpacks to gigabytes, or names a cell a
million rows down, ends that process and nothing else. Nothing of the file is on a disk, or in a log.
"""

import json
import subprocess
import sys
from pathlib import Path

from accounts.importing import workbook_rows

PATIENCE = 30.0  # seconds on the clock, where others use the processors


class NoWorkbook(Exception):  # noqa: N818  # an answer
    """This is no workbook, or one that is not read: encrypted, damaged, or too big when it is unpacked."""


def rows(content: bytes, *, most: int) -> list[tuple[int, list[str]]]:
    """Return the first rows of the first sheet, `most` and the header, each with its number, those that are empty left out.

    All are as wide as the widest: a workbook leaves empty cells out. Raises NoWorkbook.
    """
    command = [sys.executable, "-I", str(Path(workbook_rows.__file__).resolve()), str(most)]
    try:
        done = subprocess.run(  # noqa: S603  # our own program
            command, input=content, capture_output=True, check=True, timeout=PATIENCE, env={}
        )
        found: list[tuple[int, list[str]]] = [(number, cells) for number, cells in json.loads(done.stdout)]
    except (subprocess.SubprocessError, ValueError):
        raise NoWorkbook from None  # what was raised holds the file
    return found
