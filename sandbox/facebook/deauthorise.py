"""What Facebook tells an app of a person: removed, data to be deleted, permissions changed. Each only where the app gave an address.

In its `settings`: `deletion_url`, `webhook_url`; beside them `deauthorise_url`. Shapes: Meta's pages on signed_request, the data deletion
callback and webhooks of the object `permissions`.
"""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

import httpx2

from sandbox.pushing import WebhookError, challenge, send
from sandbox.store import Store
from sandbox.world import App, NativeUser

TIMEOUT = 5.0
DELETION_DAYS = 90  # what `expires` of a deletion request is set to is not documented (unverified)


async def remove_app(store: Store, app: App, user: NativeUser) -> None:
    """End the grant and all tokens of the pair (458), then tell the app: the signed form POST, once, and the webhook."""
    for token in store.facebook_tokens.values():
        if (token.client_id, token.user) == (app.client_id, user.key) and token.dead_subcode is None:
            token.dead_subcode = 458
    store.grants = [g for g in store.grants if (g.client_id, g.user) != (app.client_id, user.key)]
    store.changed()
    if app.deauthorise_url:
        await _send_signed(app.deauthorise_url, signed_request(app, user_id=user.id, now=store.now()))
    await tell_permissions(app, user, [{"field": "connected", "verb": "revoked"}], now=store.now())


async def ask_to_delete(store: Store, app: App, user: NativeUser) -> None:
    """The person asks for the deletion of their data. What the app answered is kept in its settings as `deletion_answer`."""
    url = app.settings.get("deletion_url", "")
    if not url:
        return
    now = store.now()
    signed = signed_request(app, user_id=user.id, now=now, expires=now + DELETION_DAYS * 86_400)
    answer = await _send_signed(url, signed)
    try:
        app.settings["deletion_answer"] = answer.json() if answer is not None else None
    except ValueError:
        app.settings["deletion_answer"] = None
    store.changed()


async def tell_permissions(app: App, user: NativeUser, changes: list[dict[str, Any]], *, now: int) -> None:
    """Post one entry of the webhook, signed over the raw body."""
    url = app.settings.get("webhook_url", "")
    if not url or not changes:
        return
    entry = {"id": user.id, "uid": user.id, "time": now, "changes": changes}
    body = json.dumps({"object": "permissions", "entry": [entry]}).encode()
    made = hmac.new(app.secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": f"sha256={made}"}
    await send(url, timeout=TIMEOUT, content=body, headers=headers)


def one_permission(scope: str, verb: str, account_ids: list[str]) -> dict[str, Any]:
    """A change of one permission as the webhook has it."""
    return {"field": scope, "value": {"verb": verb, "target_ids": account_ids}}


async def verify_webhook(store: Store, app: App, url: str, verify_token: str) -> None:
    """Ask the address to echo a challenge, as when a webhook is entered at the app. Raises WebhookError."""
    echo = str(secrets.randbelow(10**10))
    asked = {"hub.mode": "subscribe", "hub.challenge": echo, "hub.verify_token": verify_token}
    answer = await challenge(url, asked, timeout=TIMEOUT)
    if answer.status_code != 200 or answer.text != echo:
        raise WebhookError(f"the address answered {answer.status_code} {answer.text[:100]!r}")
    app.settings["webhook_url"] = url
    store.changed()


async def _send_signed(url: str, signed: str) -> httpx2.Response | None:
    return await send(url, timeout=TIMEOUT, data={"signed_request": signed})


def signed_request(app: App, *, user_id: str, now: int, **more: int) -> str:
    """`base64url(signature).base64url(json)`, unpadded, signed over the encoded text with the app secret."""
    content = {"user_id": user_id, "algorithm": "HMAC-SHA256", "issued_at": now, **more}
    payload = _encode(json.dumps(content, separators=(",", ":")).encode())
    signature = hmac.new(app.secret.encode(), payload.encode(), hashlib.sha256).digest()
    return f"{_encode(signature)}.{payload}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
