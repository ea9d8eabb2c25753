"""What people do in a browser, as steps for tests: log in, enrol an authenticator app, answer its prompt."""

import base64
import hashlib
import hmac
import struct
import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt
from django.test import Client
from django.urls import reverse

from tests.support.factories import PASSWORD
from users.models import User


def log_in(client: Client, email: str, password: str = PASSWORD, **data: str) -> Any:
    return client.post(reverse("account_login"), {"login": email, "password": password, **data})


def code_of(secret: str) -> str:
    """The six digits that an authenticator app shows now (RFC 6238, 30 seconds, SHA-1)."""
    left = 30 - time.time() % 30
    if left < 1:
        time.sleep(left)  # it would be over before it is read
    key = base64.b32decode(secret)
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def secret_of(user: User) -> str:
    return str(decrypt(Authenticator.objects.get(user=user, type="totp").data["secret"]))


def begin_to_enrol(client: Client, password: str = PASSWORD) -> str:
    """Open the page that sets up an authenticator app, confirming the password where it is asked for. Returns the app's seed."""
    url = reverse("mfa_activate_totp")
    page = client.get(url)
    if page.status_code == 302:
        client.post(page["Location"], {"password": password})
        page = client.get(url)
    return str(page.context["form"].secret)


def enrol(client: Client, password: str = PASSWORD) -> None:
    """Set up an authenticator app by the pages."""
    seed = begin_to_enrol(client, password)
    client.post(reverse("mfa_activate_totp"), {"code": code_of(seed)})


def is_logged_in(client: Client) -> bool:
    return "_auth_user_id" in client.session
