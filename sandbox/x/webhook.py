"""X's webhook of an app: the challenge when it is registered, and the event that a person removed the app.

The address is in the app's settings as `webhook_url`; with `legacy_events` true the older Account Activity shape is sent.
Shapes: X's pages on webhooks, the X Activity API and the Account Activity API.
"""

import base64
import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from typing import Any

from sandbox.pushing import WebhookError, challenge, send
from sandbox.store import Store, random_number
from sandbox.world import App, NativeUser

TIMEOUT = 10.0  # X waits so long for an answer
APP_ID = "29820954"  # the number that X gives an app


async def register(store: Store, app: App, url: str) -> None:
    """Ask the address to sign a challenge with the consumer secret, and keep it where it does. Raises WebhookError."""
    crc_token = secrets.token_urlsafe(36)
    answer = await challenge(url, {"crc_token": crc_token}, timeout=TIMEOUT)
    try:
        found = answer.json() if answer.status_code == 200 else {}
    except ValueError:
        found = {}
    given = str(found.get("response_token", "")) if isinstance(found, dict) else ""
    if not hmac.compare_digest(given.encode(), signature(app, crc_token.encode()).encode()):
        raise WebhookError(f"CRC check failed: the address answered {answer.status_code}")
    app.settings["webhook_url"] = url
    store.changed()


async def tell_revoked(store: Store, app: App, user: NativeUser) -> None:
    """Post that the person removed the app, signed over the raw body."""
    url = app.settings.get("webhook_url", "")
    if not url:
        return
    moment = datetime.fromtimestamp(store.now(), UTC).isoformat()
    event = _legacy(user, moment) if app.settings.get("legacy_events") else _activity(user, moment)
    body = json.dumps(event).encode()
    headers = {"content-type": "application/json", "x-twitter-webhooks-signature": signature(app, body)}
    await send(url, timeout=TIMEOUT, content=body, headers=headers)


def signature(app: App, data: bytes) -> str:
    """`sha256=` and the base64 of the HMAC with the consumer secret."""
    return "sha256=" + base64.b64encode(hmac.new(app.secret.encode(), data, hashlib.sha256).digest()).decode()


def _activity(user: NativeUser, moment: str) -> dict[str, Any]:
    payload = {"date_time": moment, "user_id": user.id, "app_id": APP_ID}
    event = {"event_uuid": random_number(19), "filter": {}, "event_type": "oauth.revoke", "payload": payload}
    return {"data": event}


def _legacy(user: NativeUser, moment: str) -> dict[str, Any]:
    revoke = {
        "date_time": moment.replace("+00:00", "Z"),
        "target": {"app_id": APP_ID},
        "source": {"user_id": user.id},
    }
    return {"user_event": {"revoke": revoke}}
