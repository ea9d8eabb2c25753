"""Uploads of several requests: all of them go as the log-in that began it.

Nobody knows of a channel that another may go on where one stopped. So what names an upload is kept with its log-in for a day, and where
another log-in serves meanwhile, the upload ends with an error. It begins again as the next person.
"""

import re
from collections.abc import Iterable

from tokens.channels import shared

KEPT_FOR = 86_400.0  # seconds
MOST = 64 * 1024  # bytes of a body that are looked at: its fields come before the file
# As JSON, as a form or query, or as a field of multipart/form-data; X's media_key 7_1234 holds the id.
_NAMED = re.compile(
    rb"(?:^|[?&\"\s{,])(?:upload_session_id|upload_id|media_id_string|media_id|media_key)\"?"
    rb"(?:\s*:\s*\"?|=|\r\n(?:[^\r\n]+\r\n){0,4}\r\n)(?:\d+_)?([\w.-]{3,100})"
)
_URN = re.compile(rb"(urn:li:(?:image|video|document):[\w-]{3,100})")
_IN_PATH = re.compile(rb"/(?:media|upload)/(?=[^/]*\d)([\w-]{8,100})(?=/)")  # not the name of a step


def names_in(*texts: bytes) -> frozenset[str]:
    """Return what names an upload in a request or an answer: path, query, the beginning of a body."""
    found = {
        one for text in texts for pattern in (_NAMED, _URN, _IN_PATH) for one in pattern.findall(text[:MOST])
    }
    return frozenset(one.decode() for one in found)


def begun_by(account_id: int, names: Iterable[str]) -> set[int]:
    """Return the tokens that began the uploads of these names, as far as it is known."""
    return set(shared.read(_key(account_id, name) for name in names).values())


def keep(account_id: int, names: Iterable[str], token_id: int) -> None:
    """Keep who goes on with these uploads."""
    for name in names:
        shared.write(_key(account_id, name), token_id, KEPT_FOR)


def _key(account_id: int, name: str) -> str:
    return f"upload:{account_id}:{name}"
