"""A user removes the app: tokens die, and the app's deauthorise callback is called where one is set."""

import base64
import hashlib
import hmac
import json
import logging

import httpx2

from sandbox.store import Store
from sandbox.world import App, NativeUser

log = logging.getLogger("uvicorn.error")

TIMEOUT = 5.0


async def remove_app(store: Store, app: App, user: NativeUser) -> None:
    """End the grant and all tokens of the pair (458), then tell the app, once, by a signed form POST."""
    for token in store.facebook_tokens.values():
        if (token.client_id, token.user) == (app.client_id, user.key) and token.dead_subcode is None:
            token.dead_subcode = 458
    store.grants = [g for g in store.grants if (g.client_id, g.user) != (app.client_id, user.key)]
    store.changed()
    if app.deauthorise_url:
        await _tell(app, signed_request(app, user_id=user.id, now=store.now()))


async def _tell(app: App, signed: str) -> None:
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
            await client.post(app.deauthorise_url, data={"signed_request": signed})
    except httpx2.HTTPError as error:
        log.warning("deauthorise callback %s failed: %r", app.deauthorise_url, error)


def signed_request(app: App, *, user_id: str, now: int) -> str:
    """`base64url(signature).base64url(json)`, unpadded, signed over the encoded text with the app secret."""
    payload = _encode(
        json.dumps(
            {"user_id": user_id, "algorithm": "HMAC-SHA256", "issued_at": now}, separators=(",", ":")
        ).encode()
    )
    signature = hmac.new(app.secret.encode(), payload.encode(), hashlib.sha256).digest()
    return f"{_encode(signature)}.{payload}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
