"""What Facebook tells an app of a person: removed, data to be deleted, permissions changed. Each only where the app gave an address.

In its `settings`: `deletion_url`, `webhook_url`; beside them `deauthorise_url`. Shapes: Meta's pages on signed_request, the data deletion
callback and webhooks of the object `permissions`.
"""

import base64
import hashlib
import hmac
import json
import logging
import secrets
from typing import Any

import httpx2

from sandbox.store import Store
from sandbox.world import App, NativeUser

log = logging.getLogger("uvicorn.error")

TIMEOUT = 5.0
DELETION_DAYS = 90  # what `expires` of a deletion request is set to is not documented (unverified)


class WebhookError(Exception):
    """The address did not prove that it is the app's; the text says what it answered."""


async def remove_app(store: Store, app: App, user: NativeUser) -> None:
    """End the grant and all tokens of the pair (458), then tell the app: the signed form POST, once, and the webhook."""
    for token in store.facebook_tokens.values():
        if (token.client_id, token.user) == (app.client_id, user.key) and token.dead_subcode is None:
            token.dead_subcode = 458
    store.grants = [g for g in store.grants if (g.client_id, g.user) != (app.client_id, user.key)]
    store.changed()
    if app.deauthorise_url:
        await _send(app.deauthorise_url, form=signed_request(app, user_id=user.id, now=store.now()))
    await tell_permissions(app, user, [{"field": "connected", "verb": "revoked"}], now=store.now())


async def ask_to_delete(store: Store, app: App, user: NativeUser) -> None:
    """The person asks for the deletion of their data. What the app answered is kept in its settings as `deletion_answer`."""
    url = app.settings.get("deletion_url", "")
    if not url:
        return
    now = store.now()
    signed = signed_request(app, user_id=user.id, now=now, expires=now + DELETION_DAYS * 86_400)
    answer = await _send(url, form=signed)
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
    await _send(url, body=body, headers=headers)


def one_permission(scope: str, verb: str, account_ids: list[str]) -> dict[str, Any]:
    """A change of one permission as the webhook has it."""
    return {"field": scope, "value": {"verb": verb, "target_ids": account_ids}}


async def verify_webhook(store: Store, app: App, url: str, verify_token: str) -> None:
    """Ask the address to echo a challenge, as when a webhook is entered at the app. Raises WebhookError."""
    challenge = str(secrets.randbelow(10**10))
    asked = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
            answer = await client.get(url, params=asked)
    except httpx2.HTTPError as error:
        raise WebhookError(f"the address does not answer: {error!r}") from error
    if answer.status_code != 200 or answer.text != challenge:
        raise WebhookError(f"the address answered {answer.status_code} {answer.text[:100]!r}")
    app.settings["webhook_url"] = url
    store.changed()


async def _send(
    url: str, *, form: str = "", body: bytes = b"", headers: dict[str, str] | None = None
) -> httpx2.Response | None:
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
            if form:
                return await client.post(url, data={"signed_request": form})
            return await client.post(url, content=body, headers=headers)
    except httpx2.HTTPError as error:
        log.warning("telling %s failed: %r", url, error)
        return None


def signed_request(app: App, *, user_id: str, now: int, **more: int) -> str:
    """`base64url(signature).base64url(json)`, unpadded, signed over the encoded text with the app secret."""
    content = {"user_id": user_id, "algorithm": "HMAC-SHA256", "issued_at": now, **more}
    payload = _encode(json.dumps(content, separators=(",", ":")).encode())
    signature = hmac.new(app.secret.encode(), payload.encode(), hashlib.sha256).digest()
    return f"{_encode(signature)}.{payload}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
