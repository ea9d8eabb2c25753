"""Verification of AdToken's webhooks (Standard Webhooks). Needs the extra `webhooks`."""

from collections.abc import Mapping
from typing import cast

from standardwebhooks import Webhook, WebhookVerificationError

from adtoken_client.models import Event

__all__ = ["WebhookVerificationError", "verify"]


def verify(secret: str, body: bytes, headers: Mapping[str, str]) -> Event:
    """Return the event. `body`: the bytes as they came. Raises WebhookVerificationError where signature or time is wrong.

    An event may come twice: remember its `id`.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    event = Webhook(secret).verify(body, lower)
    return cast("Event", {"id": lower["webhook-id"], **event})
