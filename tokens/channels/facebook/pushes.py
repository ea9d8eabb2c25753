"""Facebook's pushes: the deauthorise and data deletion callbacks (`signed_request`) and the webhook of the object `permissions`.

Sources: Meta's pages "Manually build a login flow: parse the signed request", "Data deletion request callback" and "Webhooks from Meta",
and two clients that follow them; checked 2026-11-25, not against the live channel.
"""

import base64
import binascii
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext

from tokens.channels.parse import digits, mapping, moment, words
from tokens.channels.pushes import (
    Challenge,
    Deletion,
    News,
    Push,
    Pushes,
    PushPlace,
    PushPoint,
    Signers,
    Taken,
    UnreadablePush,
    hmac_sha256,
    parse,
    same,
)

ALGORITHM = "HMAC-SHA256"
# Meta's script gives a signed_request with these to every browser that logs in to the app.
LOGGED_IN = {"code", "oauth_token"}
MOST_ENTRIES = 1000  # what Meta gathers in one webhook, https://developers.facebook.com/docs/graph-api/webhooks/getting-started
LONGEST_CHALLENGE = 200  # characters that are sent back; Meta sends a number


def deauthorise(request: HttpRequest, signers: Signers) -> Taken:
    """Receive the deauthorise callback: a person removed our app."""
    signed = _signed_request(request)
    app = signers.signer(partial(signed_by, signed))
    return Taken(app, [read_request(signed, News.CANCELLED, "deauthorise callback")])


def delete(request: HttpRequest, signers: Signers) -> Deletion:
    """Receive the data deletion callback."""
    signed = _signed_request(request)
    app = signers.signer(partial(signed_by, signed))
    push = read_request(signed, News.DELETION, "data deletion callback")
    return Deletion(app, push, signed=payload_of(signed))


def webhook(request: HttpRequest, signers: Signers) -> Taken | Challenge:
    """Receive the webhook of permissions: GET proves that the address is ours, POST brings news."""
    if request.method == "GET":
        return _challenge(request, signers)
    header = request.headers.get("X-Hub-Signature-256", "")
    app = signers.signer(partial(webhook_signed_by, request.body, header))
    return Taken(app, read_webhook(request.body))


def to_enter(place: PushPlace) -> Iterator[tuple[str, str]]:
    """Return what operators enter in the app's dashboard."""
    yield gettext("Deauthorise callback URL"), f"{place.base}/deauthorise/"
    yield gettext("Data deletion request URL"), f"{place.base}/delete/"
    yield gettext("Webhook of Permissions, callback URL"), f"{place.base}/webhook/"
    yield gettext("Webhook of Permissions, verify token"), place.verify_token


def signed_by(signed_request: str, secret: str) -> bool:
    """Return whether this app secret made the signature, which is over the payload's encoded text."""
    signature, _, payload = signed_request.partition(".")
    made = hmac_sha256(secret, payload.encode(errors="replace"))
    return same(_encoded(made), signature.rstrip("="))


def payload_of(signed_request: str) -> str:
    """Return the part that is signed. Two requests with the same payload are the same request."""
    return signed_request.partition(".")[2]


def read_request(signed_request: str, news: News, row: str) -> Push:
    """Read whom a signed request is about. Check the signature first. Raises UnreadablePush."""
    try:
        data = parse(_decoded(payload_of(signed_request)))
    except (binascii.Error, ValueError) as error:
        raise UnreadablePush("The signed request does not open.") from error
    if words(data.get("algorithm")).upper() != ALGORITHM:
        raise UnreadablePush(f"The signed request names another algorithm than {ALGORITHM}.")
    if LOGGED_IN & data.keys():
        raise UnreadablePush("The signed request is of a log-in.")
    user_id = digits(data.get("user_id"))
    if not user_id:
        raise UnreadablePush("The signed request names no person.")
    return Push(news, row, native_user_id=user_id, at=moment(data.get("issued_at")))


def webhook_signed_by(body: bytes, header: str, secret: str) -> bool:
    """Return whether this app secret made `X-Hub-Signature-256` over the raw body."""
    return same(f"sha256={hmac_sha256(secret, body).hex()}", header)


def read_webhook(body: bytes) -> list[Push]:
    """Read a webhook's news of permissions; what is about other things is left out. Raises UnreadablePush.

    All of it is a reason to ask, "app removed" (`connected`) too: `time` is when the news was sent, not when it happened, and Meta tries
    for up to 36 hours, so it may be about an earlier consent although its date is later. Source: Meta's page "Getting started with
    webhooks: event notifications".
    """
    data = parse(body)
    entries = data.get("entry")
    if not isinstance(entries, list):
        raise UnreadablePush("The body has no list of entries.")
    if data.get("object") != "permissions":
        return []
    return [push for entry in entries[:MOST_ENTRIES] if (push := _entry(mapping(entry))) is not None]


def _signed_request(request: HttpRequest) -> str:
    signed = request.POST.get("signed_request", "")
    if not signed:
        raise UnreadablePush("The form has no signed_request.")
    return signed


def _challenge(request: HttpRequest, signers: Signers) -> Challenge:
    challenge = request.GET.get("hub.challenge", "")
    if request.GET.get("hub.mode") != "subscribe" or not 0 < len(challenge) <= LONGEST_CHALLENGE:
        raise UnreadablePush("This address takes Facebook's webhooks.")
    signers.by_verify_token(request.GET.get("hub.verify_token", ""))
    return Challenge(challenge)


def _entry(entry: Any) -> Push | None:
    """Read whose permissions changed. Which and how is not read: the channel is asked, and that answer counts."""
    user_id = digits(entry.get("uid")) or digits(entry.get("id"))
    # Without "include values" the names of fields come instead of changes.
    if not user_id or not (entry.get("changes") or entry.get("changed_fields")):
        return None
    return Push(News.CHANGED, "permissions webhook", native_user_id=user_id, at=moment(entry.get("time")))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    data = text.encode("ascii").rstrip(b"=")  # raises UnicodeEncodeError, a ValueError
    return base64.b64decode(data + b"=" * (-len(data) % 4), altchars=b"-_", validate=True)


PUSHES = Pushes(
    points=(
        PushPoint("deauthorise/", "push_facebook_deauthorise", deauthorise),
        PushPoint("delete/", "push_facebook_delete", delete),
        PushPoint("webhook/", "push_facebook_webhook", webhook, methods=("GET", "POST")),
    ),
    to_enter=to_enter,
    deletion_page=True,
)
