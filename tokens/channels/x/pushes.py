"""X's pushes: the challenge (CRC) that keeps a webhook alive, and the events that say that a person removed our app.

An event is a reason to ask. It names the person and X's number of an app, which we do not know; it does not say which of the person's
grants ended (an app may have some of OAuth 1.0a and of 2.0). And X's challenges are answered with the same key and in the same form as its
events are signed: only the form of a challenge (`_CHALLENGE`) keeps others from having us sign an event.

Sources: X's pages on webhooks (CRC, signature), on the X Activity API (`oauth.revoke`) and on the older Account Activity API
(`user_event.revoke`); checked 2026-11-25, not against the live channel. Neither event tells of suspensions or locks.
"""

import base64
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.http import HttpRequest

from tokens.channels.parse import digits, mapping, words
from tokens.channels.pushes import (
    Challenge,
    News,
    Push,
    Pushes,
    PushPlace,
    PushPoint,
    Signers,
    Taken,
    UnreadablePush,
    hmac_sha256,
    moment_of_text,
    parse,
    same,
)

REVOKED = "oauth.revoke"
# X's own examples are a UUID, and letters and digits. Room for base64 of either alphabet, and for nothing that JSON is made of.
_CHALLENGE = re.compile(r"[A-Za-z0-9+/=_.~-]{1,200}")


def webhook(request: HttpRequest, signers: Signers, app_id: int | None = None) -> Taken | Challenge:
    """Receive the webhook: GET is X's challenge, POST brings an event. Without an id the challenge is answered for the default app."""
    if request.method == "GET":
        secret = signers.secret_of(app_id)
        return Challenge({"response_token": challenge_answer(request.GET.get("crc_token", ""), secret)})
    header = request.headers.get("X-Twitter-Webhooks-Signature", "")
    app = signers.signer(partial(signed_by, request.body, header))
    return Taken(app, read(request.body))


def to_enter(place: PushPlace) -> Iterator[tuple[str, str]]:
    """Return what is sent to `POST /2/webhooks`."""
    yield "Webhook URL", f"{place.base}/webhook/{place.app_id}/"


def challenge_answer(crc_token: str, secret: str) -> str:
    """Return what X expects for its challenge: proof that we hold the consumer secret. Raises UnreadablePush.

    The answer is also the signature of an event whose body is the challenge's text. So nothing is answered that could be such a body.
    """
    if not _CHALLENGE.fullmatch(crc_token):
        raise UnreadablePush("This address takes X's webhooks.")
    return _signature(crc_token.encode(), secret)


def signed_by(body: bytes, header: str, secret: str) -> bool:
    """Return whether this consumer secret made `x-twitter-webhooks-signature` over the raw body."""
    return same(_signature(body, secret), header)


def read(body: bytes) -> list[Push]:
    """Read an event; those that we have no use for give nothing. Check the signature first. Raises UnreadablePush."""
    data = parse(body)
    found = [
        _activity(mapping(data.get("data"))),
        _older(mapping(mapping(data.get("user_event")).get("revoke"))),
    ]
    return [push for push in found if push is not None]


def _activity(event: Any) -> Push | None:
    payload = mapping(event.get("payload"))
    user_id = digits(payload.get("user_id"))
    if words(event.get("event_type")) != REVOKED or not user_id:
        return None
    return Push(News.CHANGED, REVOKED, native_user_id=user_id, at=moment_of_text(payload.get("date_time")))


def _older(event: Any) -> Push | None:
    user_id = digits(mapping(event.get("source")).get("user_id"))
    if not user_id:
        return None
    at = moment_of_text(event.get("date_time"))
    return Push(News.CHANGED, "user_event.revoke", native_user_id=user_id, at=at)


def _signature(data: bytes, secret: str) -> str:
    return "sha256=" + base64.b64encode(hmac_sha256(secret, data)).decode()


PUSHES = Pushes(
    points=(
        PushPoint("webhook/", "push_x_webhook", webhook, methods=("GET", "POST")),
        PushPoint("webhook/<int:app_id>/", "push_x_webhook_of", webhook, methods=("GET", "POST")),
    ),
    to_enter=to_enter,
)
