"""The parameters of a request, wherever they stand: in its query, its form, its files' form, its JSON.

Read strictly: what could be read in another way by somebody else is refused.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl

Pair = tuple[str, Any]  # a parameter with its value

# The event loop reads them, and everybody waits for it.
MOST_VALUES, DEEPEST = 100_000, 40
LONGEST_FIELD = 64 * 1024  # bytes; in a form with files that is longer than what is kept
_QUERY = re.compile(r"[A-Za-z0-9_.~:,/?@!$'()*+;=&%{}\[\]|\"-]*")
# Of one that names another charset somebody else may read other parameters.
_UTF8 = re.compile(r"[^;]*(;\s*charset=\"?utf-8\"?)?[;\s]*", re.IGNORECASE)
_MULTIPART = re.compile(r"multipart/form-data;\s*boundary=\"?([0-9A-Za-z'()+_,./:=?-]{1,70})\"?")
_PART = re.compile(
    rb'content-disposition: ?form-data; ?name="([^"\x00-\x1f]+)"(; ?filename\*?=.*)?', re.IGNORECASE
)
_BESIDE = re.compile(rb"content-(type|length):.*|content-transfer-encoding: ?binary", re.IGNORECASE)


class Refused(ValueError):  # noqa: N818  # an answer
    """The request is not for whoever holds this credential. The text says what to do; `status` is that of the answer."""

    def __init__(self, text: str, status: int = 403) -> None:
        super().__init__(text)
        self.status = status


def query_pairs(query: str) -> list[Pair]:
    """Return the parameters of a query. Raises Refused."""
    if not _QUERY.fullmatch(query):
        raise Refused("The query holds characters that must be percent-encoded.")
    return form_pairs(query)


def form_pairs(text: str) -> list[Pair]:
    """Return the parameters of a form. Raises Refused."""
    try:
        pairs: list[Pair] = list(
            parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=1000)
        )
    except ValueError as error:
        raise Refused(
            "Query or form cannot be read: percent-encoded UTF-8, at most 1000 parameters.", 400
        ) from error
    return _without_nul(pairs)


def _without_nul(pairs: list[Pair]) -> list[Pair]:
    if any("\0" in name or (isinstance(value, str) and "\0" in value) for name, value in pairs):
        raise Refused("No parameter may hold NUL.", 400)
    return pairs


def body_pairs(body: bytes, kind: str, plain: str) -> list[Pair] | None:
    """Return the parameters of a body; None: of a kind that we do not read."""
    if plain == "multipart/form-data":
        return _files_form_pairs(body, kind)
    if not _UTF8.fullmatch(kind):
        return None
    try:
        if plain == "application/x-www-form-urlencoded":
            return form_pairs(body.decode("ascii"))
        if plain == "application/json":
            return _without_nul(_json_pairs(body.decode()))
    except UnicodeDecodeError as error:
        raise Refused("The body cannot be read: it must be UTF-8.", 400) from error
    return None


class Object(list[Pair]):
    """A JSON object with all its pairs, those that are there twice too."""


_READER = json.JSONDecoder(object_pairs_hook=Object)


def json_of(text: str) -> Any:
    """Return a JSON value, its objects as `Object`. Raises ValueError."""
    try:
        return _READER.decode(text)
    except RecursionError as error:
        raise ValueError("too deep") from error


def _json_pairs(text: str) -> list[Pair]:
    try:
        whole = json_of(text)
    except ValueError as error:
        raise Refused("The body is no JSON.", 400) from error
    return whole if isinstance(whole, Object) else [("", whole)]


class FilesForm:
    """A form with files, read as it comes in pieces: its fields, and of files no more than their names."""

    def __init__(self, kind: str, look: Callable[[list[Pair]], object]) -> None:
        """`kind`: the header Content-Type. `look` sees the fields. Raises Refused."""
        found = _MULTIPART.fullmatch(kind)
        if not found:
            raise Refused("The form with files cannot be read.", 400)
        self._boundary = b"--" + found[1].encode()
        self._rest, self._begun, self._look = b"\r\n", False, look

    def piece(self, text: bytes) -> None:
        """Read on. Raises Refused."""
        # Some take a boundary in the middle of a part for one, where a line ends by LF alone: it must stand after a whole line.
        *parts, self._rest = (self._rest + text).split(self._boundary)
        first = [] if self._begun else parts[:1]
        self._begun = self._begun or bool(parts)
        if not all(part.endswith(b"\r\n") for part in parts) or any(part.strip(b"\r\n") for part in first):
            raise Refused("The form with files cannot be read.", 400)
        if len(self._rest) > LONGEST_FIELD:
            self._rest = self._of_file()
        whole = (part.removeprefix(b"\r\n").removesuffix(b"\r\n") for part in parts[len(first) :])
        try:
            pairs = _without_nul([_field(*part.partition(b"\r\n\r\n")) for part in whole])
        except UnicodeDecodeError as error:
            raise Refused("The form with files cannot be read: it must be UTF-8.", 400) from error
        self._look(pairs)

    def _of_file(self) -> bytes:
        """Return what is to be kept of a file that goes on: its head, and what may begin a boundary."""
        head = self._rest[: self._rest.find(b"\r\n\r\n") + 4]
        said = filter(None, map(_PART.fullmatch, head.split(b"\r\n")))
        if not any(found[2] for found in said):
            raise Refused("A field of a form with files is too long to be read.", 413)
        return head + self._rest[-len(self._boundary) - 2 :]

    def end(self) -> None:
        """Raise Refused where that was not all."""
        if not self._begun or self._rest not in (b"--", b"--\r\n"):
            raise Refused("The form with files cannot be read.", 400)


def _files_form_pairs(body: bytes, kind: str) -> list[Pair]:
    pairs: list[Pair] = []
    form = FilesForm(kind, pairs.extend)
    form.piece(body)
    form.end()
    return pairs


def _field(head: bytes, gap: bytes, content: bytes) -> Pair:
    lines = head.split(b"\r\n")
    said = [found for found in map(_PART.fullmatch, lines) if found]
    if (
        not gap
        or len(said) != 1
        or len([line for line in lines if _BESIDE.fullmatch(line)]) != len(lines) - 1
    ):
        raise Refused("The form with files has a part that cannot be read.", 400)
    name = said[0][1].decode()
    if said[0][2]:
        return name, ""
    if b"octet-stream" in head:  # twitter-api-v2 gives its files no name
        return name, content.decode(errors="replace").replace("\0", "\ufffd")
    return name, content.decode()


def deep_pairs(pairs: Iterable[Pair], names: re.Pattern[str]) -> Iterator[Pair]:
    """Give parameters, those within their values, and those within values that are JSON as text. Raises Refused."""
    waiting, count = [(1, *one) for one in pairs][::-1], 0
    while waiting:
        depth, name, value = waiting.pop()
        yield name, value
        if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
            value = _value_of(name, value, names)
        below = list[Pair]()
        if isinstance(value, list):
            below = value if isinstance(value, Object) else [(name, one) for one in value]
        count += len(below)
        if depth > DEEPEST or count > MOST_VALUES:
            raise Refused(f"JSON may hold {MOST_VALUES} values, {DEEPEST} deep: send it in parts.", 413)
        waiting += [(depth + 1, *one) for one in reversed(below)]


def _value_of(name: str, text: str, names: re.Pattern[str]) -> Any:
    try:
        return json_of(text)
    except ValueError:
        # Some read what is nearly JSON.
        if names.search(text.lower()):
            raise Refused(f"The value of {name} is no JSON.", 400) from None
        return None
