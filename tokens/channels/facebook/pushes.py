"""Facebook's pushes: the deauthorise and data deletion callbacks (`signed_request`) and the webhook of the object `permissions`.

Sources: Meta's pages "Manually build a login flow: parse the signed request", "Data deletion request callback" and "Webhooks from Meta",
and two clients that follow them; checked 2026-11-25, not against the live channel.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any

from tokens.channels.pushes import News, Push, UnreadablePush, moment, native_id, parse, same
from tokens.channels.table import mapping, words

ALGORITHM = "HMAC-SHA256"
CONNECTED = "connected"  # the field that stands for the whole app
MOST_ENTRIES = 1000  # what Meta gathers in one webhook at most


def signed_by(signed_request: str, secret: str) -> bool:
    """Tell whether this app secret made the signature, which is over the payload's encoded text."""
    signature, _, payload = signed_request.partition(".")
    made = hmac.new(secret.encode(), payload.encode(errors="replace"), hashlib.sha256).digest()
    return same(_encoded(made), signature.rstrip("="))


def payload_of(signed_request: str) -> str:
    """Return the part that is signed. Two requests with the same payload are the same request."""
    return signed_request.partition(".")[2]


def read_deauthorise(signed_request: str) -> Push:
    """Read "this person removed your app". Check the signature first. Raises UnreadablePush."""
    return _read(signed_request, News.CANCELLED, "deauthorise callback")


def read_deletion(signed_request: str) -> Push:
    """Read "this person wants their data deleted". Check the signature first. Raises UnreadablePush."""
    return _read(signed_request, News.DELETION, "data deletion callback")


def webhook_signed_by(body: bytes, header: str, secret: str) -> bool:
    """Tell whether this app secret made `X-Hub-Signature-256` over the raw body."""
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return same(f"sha256={made}", header)


def read_webhook(body: bytes) -> list[Push]:
    """Read a webhook's news of permissions; what is about other things is left out. Raises UnreadablePush."""
    data = parse(body)
    entries = data.get("entry")
    if not isinstance(entries, list):
        raise UnreadablePush("The body has no list of entries.")
    if data.get("object") != "permissions":
        return []
    return [push for entry in entries[:MOST_ENTRIES] if (push := _entry(mapping(entry))) is not None]


def _read(signed_request: str, news: News, row: str) -> Push:
    try:
        data = parse(_decoded(payload_of(signed_request)))
    except (binascii.Error, ValueError) as error:
        raise UnreadablePush("The signed request does not open.") from error
    if words(data.get("algorithm")).upper() != ALGORITHM:
        raise UnreadablePush(f"The signed request names another algorithm than {ALGORITHM}.")
    user_id = native_id(data.get("user_id"))
    if not user_id:
        raise UnreadablePush("The signed request names no person.")
    return Push(news, row, native_user_id=user_id, at=moment(data.get("issued_at")))


def _entry(entry: Any) -> Push | None:
    """Read what happened to one person: the whole app revoked, or something to ask about."""
    user_id = native_id(entry.get("uid")) or native_id(entry.get("id"))
    changes = entry.get("changes")
    changes = [mapping(change) for change in changes] if isinstance(changes, list) else []
    # Without "include values" only the names of fields come, and no verb.
    if not user_id or not (changes or entry.get("changed_fields")):
        return None
    revoked = any(change.get("field") == CONNECTED and _verb(change) == "revoked" for change in changes)
    news = News.CANCELLED if revoked else News.CHANGED
    return Push(news, "permissions webhook", native_user_id=user_id, at=moment(entry.get("time")))


def _verb(change: Any) -> str:
    return words(change.get("verb")) or words(mapping(change.get("value")).get("verb"))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    data = text.encode("ascii").rstrip(b"=")  # raises UnicodeEncodeError, a ValueError
    return base64.b64decode(data + b"=" * (-len(data) % 4), altchars=b"-_", validate=True)
