"""Limits on wrong passwords that stop guessing and lock nobody out from everywhere.

| counted for | wrong passwords | who it stops |
| --- | --- | --- |
| an account and an address | 5 in 5 minutes | somebody who guesses from one place; the person elsewhere is not touched |
| an account, from all devices that never logged in to it | 50 in 15 minutes | somebody who guesses from many places |
| an account and a device that has logged in to it | 10 an hour | whoever holds that device; the two above do not count for it |
| an address | 10 a minute | somebody who tries many accounts |

A device is known by a cookie that it got when it logged in (OWASP's "device cookies"). The cookie opens nothing; it ends when the
password changes. The numbers are in ACCOUNT_RATE_LIMITS.
"""

import hashlib
import ipaddress
import secrets

from allauth.core import ratelimit
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from users.models import User
from users.sessions.client_address import client_address

DEVICE_AGE = 180 * 24 * 3600  # seconds
_SALT = "users.device"


def may_try(request: HttpRequest, email: str) -> bool:
    """Return whether one more password may be tried for this account, and count it as wrong until `taken` says otherwise."""
    if not ratelimit.consume(request, action="password_address", dry_run=True):
        return False
    device = _device(request, email)
    if device:
        return bool(ratelimit.consume(request, action="password_device", key=device))
    if not ratelimit.consume(request, action="password_anywhere", key=email, dry_run=True):
        return False
    return bool(ratelimit.consume(request, action="password_here", key=_place(request, email)))


def taken(request: HttpRequest, email: str) -> None:
    """Forget what was counted for this account and place: the password was right."""
    device = _device(request, email)
    if device:
        ratelimit.clear(request, action="password_device", key=device)
    else:
        ratelimit.clear(request, action="password_here", key=_place(request, email))


def refused(request: HttpRequest, email: str) -> None:
    """Count a wrong password for the address, and for the account over all places."""
    ratelimit.consume(request, action="password_address")
    if not _device(request, email):
        ratelimit.consume(request, action="password_anywhere", key=email)


def forget(request: HttpRequest, email: str) -> None:
    """Start counting from zero: the person has set a new password by a link in a mail."""
    ratelimit.clear(request, action="password_anywhere", key=email)
    ratelimit.clear(request, action="password_here", key=_place(request, email))


def remember_device(response: HttpResponse, user: User) -> None:
    """Give the browser a cookie by which it is known as one of the person's."""
    value = signing.dumps([user.pk, _mark(user), secrets.token_urlsafe(12)], salt=_SALT)
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        value,
        max_age=DEVICE_AGE,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def _device(request: HttpRequest, email: str) -> str:
    """Return the name of a device that has logged in to this account with its present password; else ""."""
    value = request.COOKIES.get(settings.DEVICE_COOKIE_NAME)
    if not value:
        return ""
    try:
        user_id, mark, name = signing.loads(value, salt=_SALT, max_age=DEVICE_AGE)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    user = User.objects.filter(pk=user_id, email=email).first()
    return str(name) if user and constant_time_compare(mark, _mark(user)) else ""


def _mark(user: User) -> str:
    """Return a trace of the present password, so that another one ends all cookies."""
    return hashlib.sha256(user.get_session_auth_hash().encode()).hexdigest()[:16]


def _place(request: HttpRequest, email: str) -> str:
    """Return the account and the address; of IPv6 the network, because one customer has it whole."""
    address = client_address(request) or "unknown"
    if ":" in address:
        address = str(ipaddress.ip_network(f"{address}/64", strict=False))
    return f"{email} {address}"
