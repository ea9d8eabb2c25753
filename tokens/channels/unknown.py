"""Answers that no verdict table knows: how they are recognised again. `tokens.unknown_answers` keeps the list."""

import hashlib
import json
import re
from collections.abc import Iterable

# Numbers, ids and quoted names differ from answer to answer of one kind.
_VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b(?=\w*\d)\w{2,}\b|\d+|\"[^\"]*\"|'[^']*'")

_SENTENCE = re.compile(r"[A-Za-z][A-Za-z0-9 ,.:;'\"()/_-]{0,199}")


def fingerprint(channel: str, call: str, status: int, parts: Iterable[object], message: str) -> str:
    """Return 32 hex digits that all answers of one kind share: what varies in the message is left out."""
    plain = _VARYING.sub("#", message.lower())[:300]
    data = [channel, call, status, sorted(str(part) for part in parts if part not in (None, "")), plain]
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()[:32]


def kind_of_text(body: str) -> str:
    """Return what a body that is no JSON object is recognised by: a page is a page, garbage is garbage, and a short sentence is itself."""
    said = body.strip()
    if said.startswith("<"):
        return "a page"
    return said if len(said) <= 200 and _SENTENCE.fullmatch(said) else "text"
