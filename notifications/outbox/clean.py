"""Text from outside made fit for a mail: no control characters, no bidi overrides, a subject on one line."""

import re

SUBJECT_LENGTH = 78

# C0 without tab and line feed, DEL, C1, line and paragraph separators, bidi marks, embeddings, overrides and isolates,
# the byte order mark, and lone surrogates (no encoder takes them).
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def line(text: str, length: int = SUBJECT_LENGTH) -> str:
    """Return the text on one line, without what does not belong there, at most `length` characters."""
    flat = " ".join(_UNFIT.sub(" ", text).split())
    return flat if len(flat) <= length else flat[: length - 1].rstrip() + "…"


def body(text: str) -> str:
    """Return a body without what does not belong there; line breaks become line feeds."""
    return _UNFIT.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
