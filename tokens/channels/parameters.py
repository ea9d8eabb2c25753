"""The parameters of a request, wherever they stand: in its query, its form, its files' form, its JSON.

Read strictly: what could be read in another way by somebody else is refused.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl

Pair = tuple[str, Any]  # a parameter with its value

# The event loop reads them, and everybody waits for it.
MOST_VALUES, DEEPEST = 100_000, 40
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
    try:
        if plain == "multipart/form-data":
            return _multipart_pairs(body, kind)
        if not _UTF8.fullmatch(kind):
            return None
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


def _multipart_pairs(body: bytes, kind: str) -> list[Pair]:
    """Return the fields of a form with files; of files no more than their names."""
    found = _MULTIPART.fullmatch(kind)
    boundary = b"--" + found[1].encode() if found else b""
    parts = (b"\r\n" + body).split(b"\r\n" + boundary)
    strict = len(parts) > 1 and parts[0] in (b"", b"\r\n") and parts[-1] in (b"--", b"--\r\n")
    # Some take a boundary in the middle of a part for one, where a line ends by LF alone.
    if not boundary or not strict or body.count(boundary) != len(parts) - 1:
        raise Refused("The form with files cannot be read.", 400)
    return _without_nul([_field(*part.removeprefix(b"\r\n").partition(b"\r\n\r\n")) for part in parts[1:-1]])


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
