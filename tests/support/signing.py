"""Signing as the channels do, for what the stand-ins do not send: old, foreign and broken pushes."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from tests.support.sandbox import Sandbox

NOW = -1


def signed_request(content: Any, secret: str = Sandbox.FACEBOOK_SECRET) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    payload = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    made = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).digest()
    return f"{base64.urlsafe_b64encode(made).decode().rstrip('=')}.{payload}"


def deauthorise(user_id: str, *, at: int | None = NOW, secret: str = Sandbox.FACEBOOK_SECRET) -> str:
    """A signed request; `at` None leaves its date out."""
    content: dict[str, Any] = {"user_id": user_id, "algorithm": "HMAC-SHA256"}
    if at is not None:
        content["issued_at"] = int(time.time()) if at == NOW else at
    return signed_request(content, secret)


def of_x(body: bytes, secret: str = Sandbox.X_SECRET) -> str:
    """The header of X."""
    return "sha256=" + base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
