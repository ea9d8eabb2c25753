"""A file as lines of cells: CSV as Excel and others write it, or the first sheet of a workbook. Nothing is written to a disk."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from accounts.imports import workbook_rows
from ui.phrases import phrase

WORDS = "words/importing.txt"


@dataclass(frozen=True)
class Problem:
    """A block of words/importing.txt with what it names. `number` is the line in the file; 0: it is about the file."""

    number: int
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What is wrong, without the line."""
        return phrase(WORDS, self.code, **self.facts)

    def __str__(self) -> str:
        return phrase(WORDS, "on_line", number=self.number, text=self.text) if self.number else self.text


class ImportRefused(Exception):  # noqa: N818  # an answer
    """The file is not imported, because of these problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems[:3]))
        self.problems = list(problems)


MOST_LINES = 5_000  # of accounts, in a file that a page takes: a web process checks them within half a second
MOST_COLUMNS = 50  # far more than are known: what is said of them takes time by their square
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # "Unicode text" of Excel
_DELIMITERS = ",;\t"
PATIENCE = 30.0  # seconds for a workbook, where others use the processors

Numbered = tuple[int, list[str]]  # the number of a line in the file, and its cells


@dataclass(frozen=True)
class Table:
    """What a file holds. `guessed`: its text is not Unicode, and was read as Windows writes it in Western Europe."""

    header: list[str]
    lines: list[Numbered]
    guessed: bool = False


def read_table(content: bytes) -> Table:
    """Read a file that a page was given. Raises ImportRefused where it is no table, or a long one."""
    if content.startswith(b"PK"):
        return _table(iter(_of_workbook(content)), guessed=False)
    text, guessed = _text(content)
    return _table(_numbered(io.StringIO(text, newline="")), guessed=guessed)


def _of_workbook(content: bytes) -> list[Numbered]:
    """Return the first rows of the first sheet of a workbook, without those that are empty. Raises ImportRefused.

    A library reads it, in a process of its own that may use so much memory and time: a file that unpacks to gigabytes, or names a cell a
    million rows down, ends that process and nothing else. All rows are as wide as the widest: a workbook leaves empty cells out.
    """
    program = str(Path(workbook_rows.__file__).resolve())
    try:
        done = subprocess.run(  # noqa: S603  # our own program
            [sys.executable, "-I", program, str(MOST_LINES + 1)],
            input=content,
            capture_output=True,
            check=True,
            timeout=PATIENCE,
            env={},
        )
        return [(number, cells) for number, cells in json.loads(done.stdout)]
    except (subprocess.SubprocessError, ValueError):  # encrypted, damaged, or too big when it is unpacked
        raise ImportRefused([Problem(0, "no_workbook")]) from None  # what was raised holds the file


def _text(content: bytes) -> tuple[str, bool]:
    marked = _MARKS.get(content[:2])
    try:
        return content.decode(marked or "utf-8-sig"), False
    except UnicodeDecodeError:
        if marked:
            raise ImportRefused([Problem(0, "no_table")]) from None
        return content.decode("cp1252", errors="replace"), True


def _numbered(source: TextIO) -> Iterator[Numbered]:
    """Yield the lines of CSV, whatever divides its cells. Raises ImportRefused."""
    reader = None
    try:
        first = source.readline()
        reader = csv.reader(_again(first, source), delimiter=_delimiter(first))
        for cells in reader:
            yield reader.line_num, cells
    except (csv.Error, UnicodeDecodeError) as error:
        if reader is None or reader.line_num < 1:
            raise ImportRefused([Problem(0, "no_table")]) from None
        raise ImportRefused([Problem(reader.line_num, "no_csv", {"why": _why(error)})]) from None


def _why(error: Exception) -> str:
    """Return what the library says, without what the file holds."""
    return error.reason if isinstance(error, UnicodeDecodeError) else str(error)


def _again(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _delimiter(line: str) -> str:
    """Return what divides the names of the columns: a semicolon where Excel speaks German."""
    return max(_DELIMITERS, key=line.count)


def _table(numbered: Iterator[Numbered], *, guessed: bool) -> Table:
    header: list[str] | None = None
    lines: list[Numbered] = []
    for number, cells in numbered:
        if len(cells) > MOST_COLUMNS:
            raise ImportRefused([Problem(number, "too_many_columns", {"most": MOST_COLUMNS})])
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [name.strip("\ufeff \t").lower() for name in cells]
            continue
        lines.append((number, cells))
        if len(lines) > MOST_LINES:
            raise ImportRefused([Problem(0, "too_many_lines", {"most": MOST_LINES})])
    if header is None:
        raise ImportRefused([Problem(0, "no_table")])
    return Table(header, lines, guessed)
