"""Answers that no verdict table knows: how they are recognised again, and what staff said of them.

This module holds no database: `tokens.unknown_answers` keeps the list and brings what staff said here, process by process.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping

from tokens.channels.kinds import Reason, Verdict

# What staff may say. Never dead: only a question to the channel kills.
ASSIGNABLE = (
    Verdict.TRANSIENT,
    Verdict.RATE_LIMITED,
    Verdict.CONFIRM_FIRST,
    Verdict.ACCESS_LOST,
    Verdict.ACCOUNT_RESTRICTED,
    Verdict.APP_FAULT,
    Verdict.OUR_BUG,
)
REASONS: Mapping[Verdict, Reason] = {
    Verdict.TRANSIENT: Reason.TRANSIENT,
    Verdict.RATE_LIMITED: Reason.TRANSIENT,
    Verdict.ACCESS_LOST: Reason.ACCESS_LOST,
    Verdict.ACCOUNT_RESTRICTED: Reason.RESTRICTED,
    Verdict.APP_FAULT: Reason.APP_FAULT,
}
STAFF = "staff"  # the row of a classification that staff gave
# Numbers, ids and quoted names differ from answer to answer of one kind.
_VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b(?=\w*\d)\w{2,}\b|\d+|\"[^\"]*\"|'[^']*'")

_SENTENCE = re.compile(r"[A-Za-z][A-Za-z0-9 ,.:;'\"()/_-]{0,199}")

_assigned: Mapping[str, Verdict] = {}


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


def assigned(mark: str) -> Verdict | None:
    """Return what staff said of answers of this kind, or None."""
    return _assigned.get(mark)


def assign(said: Mapping[str, Verdict]) -> None:
    """Replace what this process knows of what staff said: in one step, because other threads are reading answers meanwhile."""
    global _assigned  # one memory per process is the point
    _assigned = {mark: verdict for mark, verdict in said.items() if verdict in ASSIGNABLE}
