"""What is changed in a channel's answer: addresses of the channel lead back to the gate, and a token becomes the job's own credential."""

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from urllib.parse import quote

from broker.gate.proxy.refusals import Refused

PIECE = 64 * 1024  # bytes that are taken out of a compression at once
# Media, archives and documents. Everything else may be text, whatever it calls itself.
_BINARY = ("image/", "video/", "audio/", "font/")
_BINARY_TYPES = frozenset(
    {
        "application/pdf",
        "application/zip",
        "application/gzip",
        "application/x-gzip",
        "application/vnd.ms-excel",
    }
)
_INFLATED = frozenset({"gzip", "x-gzip", "deflate"})

_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+")  # is written alike everywhere
# How other characters are: in an address, in one within another, in JSON; and what JSON for HTML escapes.
_WAYS = {
    re.compile(r"[^A-Za-z0-9_.~-]"): (
        "%{:02X}",
        "%{:02x}",
        "%25{:02X}",
        "%25{:02x}",
        "\\u{:04x}",
        "\\u{:04X}",
    ),
    re.compile(r"[=&<>']"): ("\\u{:04x}", "\\u{:04X}"),
}
Pair = tuple[bytes, bytes]  # what is looked for, and what takes its place


def is_textual(headers: Mapping[str, str]) -> bool:
    """Return whether an answer may hold text: all that is no picture, film, sound, archive or document by its head."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return not (kind.startswith(_BINARY) or kind in _BINARY_TYPES)


def check_readable(status: int, headers: Mapping[str, str]) -> None:
    """Raise Refused for a textual answer in which nothing can be looked for: compressed in another way, or a part of one."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"", "identity"} | _INFLATED:
        raise Refused(502, "gate_unreadable")
    if status == 206:  # asked for piece by piece, a token would come in pieces that nobody knows again
        raise Refused(502, "gate_unreadable")


class Inflating:
    """Takes a body out of its compression. We ask for none, and one comes all the same from some servers on the way."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.is_needed = headers.get("content-encoding", "").strip().lower() in _INFLATED
        self._inflate = zlib.decompressobj(wbits=47)

    def pieces(self, chunk: bytes, *, most: int = PIECE) -> Iterator[bytes]:
        """Give what a piece holds, in pieces of bounded length. Raises Refused."""
        while chunk:
            try:
                found = self._inflate.decompress(chunk, most)
            except zlib.error as error:
                raise Refused(502, "gate_unreadable") from error
            if found:
                yield found
            chunk = self._inflate.unconsumed_tail


class Rewriting:
    """Puts other words into a body that comes in pieces. What begins in one piece and ends in the next is found, too."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._pairs = tuple(pairs)
        self._overlap = max((len(old) for old, _ in self._pairs), default=1) - 1
        self._tail = b""

    def whole(self, text: bytes) -> bytes:
        """Return a whole text, changed."""
        for old, new in self._pairs:
            if old in text:
                text = text.replace(old, new)
        return text

    def piece(self, chunk: bytes) -> bytes:
        """Return what may be sent after this piece."""
        text = self.whole(self._tail + chunk)
        cut = max(0, len(text) - self._overlap)
        self._tail = text[cut:]
        return text[:cut]

    def end(self) -> bytes:
        """Return what is left."""
        return self._tail


def secret_pairs(secrets: Iterable[str], credential: str) -> list[Pair]:
    """Return what replaces each secret, however it is written: plain, in an address, in JSON. The longest first."""
    written = {one for secret in secrets if secret for one in _spellings(secret)}
    return [(one.encode(), credential.encode()) for one in sorted(written, key=len, reverse=True)]


def _spellings(secret: str) -> set[str]:
    if _PLAIN.fullmatch(secret):
        return {secret}
    escaped = (odd.sub(partial(_escaped, way), secret) for odd, ways in _WAYS.items() for way in ways)
    plain = {secret, *escaped}
    return plain | {spelt for one in plain for spelt in _in_json(one)}


def _escaped(way: str, found: re.Match[str]) -> str:
    return way.format(ord(found[0]))


def _in_json(text: str) -> tuple[str, ...]:
    """Return a text as JSON writes it, with slashes escaped or not, and as it is in a JSON text within another."""
    once = json.dumps(text)[1:-1]
    slashed = once.replace("/", "\\/")
    return once, slashed, json.dumps(slashed)[1:-1]


@lru_cache(maxsize=256)
def address_pairs(hosts: tuple[tuple[str, str], ...]) -> tuple[Pair, ...]:
    """Return what replaces each address of a channel (first) by ours (second)."""
    made = [
        (old.encode(), new.encode())
        for theirs, ours in hosts
        for old, new in [
            *zip(_in_json(theirs), _in_json(ours), strict=True),
            (quote(theirs, safe=""), quote(ours, safe="")),
        ]
    ]
    return tuple(dict(sorted(made, key=lambda pair: -len(pair[0]))).items())
