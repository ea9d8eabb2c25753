"""Reading the first sheet of a workbook (XLSX, ECMA-376): texts and numbers, no formula is worked out, nothing outside the file is read.

What a file unpacks to is bounded, and its XML may declare nothing (no DOCTYPE), so it can neither grow nor name other files.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

MOST_UNPACKED = 20_000_000  # bytes of one part of the file
MOST_COLUMNS = 100
MOST_ROWS = 1_048_576  # of a sheet, by the format
EXACT_DIGITS = 15  # of a number in a spreadsheet: it forgets those behind
_CHUNK = 65_536  # bytes that are unpacked at one time
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
_LINK = re.compile(r"\}id$")
_PLACE = re.compile(r"^([A-Z]{1,3})(\d{1,7})$")
_INTEGER = re.compile(r"-?\d+")


_DAMAGED = (
    zipfile.BadZipFile, zlib.error, ParseError, LookupError, ValueError, ArithmeticError, RuntimeError, EOFError, OSError,
    StopIteration,
)  # fmt: skip


class NoWorkbook(Exception):  # noqa: N818  # an answer
    """This is no workbook, or one that is not read: encrypted, damaged, or too big when it is unpacked."""


class _Elements(TreeBuilder):
    """Gathers elements as they end."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[Element] = []

    def end(self, tag: str) -> Element:
        """Keep the element."""
        element = super().end(tag)
        self.ended.append(element)
        return element

    def doctype(self, *_declared: str | None) -> None:
        """Refuse it: a workbook has none, and what it declares may grow without end."""
        raise NoWorkbook


def rows(content: bytes, *, most: int) -> list[tuple[int, list[str]]]:
    """Return the first rows of the first sheet, `most` and the header, each with its number, those that are empty left out.

    All are as wide as the widest: a workbook leaves empty cells out. Raises NoWorkbook.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            texts = _shared(book)
            found = []
            for number, cells in _sheet(book, _first_sheet(book), texts):
                if any(cells):
                    found.append((number, cells))
                if len(found) > most:
                    break
    except _DAMAGED as error:
        raise NoWorkbook from error
    width = max((len(cells) for _, cells in found), default=0)
    return [(number, cells + [""] * (width - len(cells))) for number, cells in found]


def _elements(book: zipfile.ZipFile, name: str) -> Iterator[Element]:
    """Yield the elements of a part as they end, a piece of the file at a time."""
    gathered, read = _Elements(), 0
    parser = XMLParser(target=gathered)  # noqa: S314  # bounded, and a DOCTYPE is refused
    with book.open(name) as source:
        while chunk := source.read(_CHUNK):
            read += len(chunk)
            if read > MOST_UNPACKED:
                raise NoWorkbook
            parser.feed(chunk)
            ended, gathered.ended = gathered.ended, []
            yield from ended


def _local(element: Element) -> str:
    return element.tag.replace(_STRICT, _MAIN).removeprefix(_MAIN)


def _first_sheet(book: zipfile.ZipFile) -> str:
    """Return the name of the part that holds the first sheet."""
    sheet = next(one for one in _elements(book, "xl/workbook.xml") if _local(one) == "sheet")
    link = next(value for key, value in sheet.attrib.items() if _LINK.search(key))
    for one in _elements(book, "xl/_rels/workbook.xml.rels"):
        if one.get("Id") == link:
            target = str(one.get("Target"))
            return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    raise NoWorkbook


def _shared(book: zipfile.ZipFile) -> list[str]:
    """Return the texts that cells name by number."""
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    found = []
    for one in _elements(book, "xl/sharedStrings.xml"):
        if _local(one) == "si":
            found.append(_text_of(one))
            one.clear()
    return found


def _text_of(element: Element) -> str:
    """Return a text without what is written small above it (phonetic hints)."""
    parts = []
    for child in element:
        if _local(child) == "t":
            parts.append(child.text or "")
        elif _local(child) == "r":
            parts += [one.text or "" for one in child if _local(one) == "t"]
    return "".join(parts)


def _sheet(book: zipfile.ZipFile, name: str, texts: list[str]) -> Iterator[tuple[int, list[str]]]:
    number = 0
    for row in _elements(book, name):
        if _local(row) != "row":
            continue
        number = max(int(row.get("r") or 0), number + 1)
        if number > MOST_ROWS:
            raise NoWorkbook
        cells: list[str] = []
        for cell in row:
            column = _column(cell.get("r"), len(cells))
            if column >= MOST_COLUMNS:
                break
            cells += [""] * (column + 1 - len(cells))
            cells[column] = _value(cell, texts)
        row.clear()
        yield number, cells


def _column(place: str | None, otherwise: int) -> int:
    """Return the number of a cell's column, from 0: of "C7" it is 2."""
    found = _PLACE.match(place or "")
    if found is None:
        return otherwise
    number = 0
    for letter in found[1]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _value(cell: Element, texts: list[str]) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return "".join(_text_of(one) for one in cell if _local(one) == "is")
    value = next((one.text or "" for one in cell if _local(one) == "v"), "")
    if kind == "s":
        place = int(value)
        return texts[place] if 0 <= place < len(texts) else ""
    return _number(value) if kind == "n" and value else value


def _number(value: str) -> str:
    """Return a number as people wrote it. One with more digits than a spreadsheet keeps stays as it counts them: 1.02152E+16."""
    if _INTEGER.fullmatch(value) and len(value.lstrip("-")) <= EXACT_DIGITS:
        return value
    number = float(value)
    if abs(number) >= 10**EXACT_DIGITS:
        return f"{number:.5E}"
    return str(int(number)) if number.is_integer() else value
