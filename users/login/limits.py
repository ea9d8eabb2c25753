"""Limits on wrong passwords that stop guessing and lock nobody out from everywhere; and the counts of all limits on guessing.

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
import json
import secrets
import time
from typing import Any

from allauth.core import ratelimit
from django.conf import settings
from django.core import signing
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from users.addresses.services import release_addresses
from users.models import LimitCount, User
from users.sessions.client_address import client_address

_PUT = """
insert into users_limitcount (key, value, ends_at) values (%(key)s, %(value)s, %(ends_at)s)
on conflict (key) do update set value = excluded.value, ends_at = excluded.ends_at {where}
returning key"""
_SET = _PUT.format(where="")
_ADD = _PUT.format(where="where users_limitcount.ends_at <= %(now)s")  # one of two at once gets it


class LimitCounts(BaseCache):
    """Counts (wrong passwords, codes, links of mails) in PostgreSQL: the library's only cache. Also what the API did once.

    The library keeps each as a list of moments under a key, behind a lock that is another key. An old row is written over when its key
    comes again, and the hourly task removes the rest. It holds JSON alone: whoever writes to the table runs nothing by it.
    """

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """Return what is kept under a key, or the default."""
        found = LimitCount.objects.filter(pk=self.make_key(key, version), ends_at__gt=time.time())
        row = found.values_list("value", flat=True).first()
        return default if row is None else row

    def add(
        self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        """Keep a value for so many seconds where there is none. Returns whether it was kept."""
        return self._put(_ADD, self.make_key(key, version), value, timeout)

    def set(
        self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        """Keep a value for so many seconds."""
        self._put(_SET, self.make_key(key, version), value, timeout)

    def delete(self, key: str, version: int | None = None) -> bool:
        """Forget a key. Returns whether there was one."""
        return LimitCount.objects.filter(pk=self.make_key(key, version)).delete()[0] > 0

    def _put(self, statement: str, key: str, value: Any, timeout: float | None) -> bool:
        ends_at = self.get_backend_timeout(timeout)
        with connection.cursor() as cursor:
            cursor.execute(
                statement, {"key": key, "value": json.dumps(value), "ends_at": ends_at, "now": time.time()}
            )
            return cursor.fetchone() is not None


def remove_ended_counts() -> int:
    """Remove what is over. Returns how many."""
    return LimitCount.objects.filter(ends_at__lte=time.time()).delete()[0]


DEVICE_AGE = 180 * 24 * 3600  # seconds
_SALT = "users.device"


def may_try_password(request: HttpRequest, email: str) -> bool:
    """Return whether one more password may be tried for this account, and count it as wrong until `note_right_password` says otherwise."""
    if not ratelimit.consume(request, action="password_address", dry_run=True):
        return False
    device = _device(request, email)
    if device:
        return bool(ratelimit.consume(request, action="password_device", key=device))
    if not ratelimit.consume(request, action="password_anywhere", key=email, dry_run=True):
        return False
    return bool(ratelimit.consume(request, action="password_here", key=_place(request, email)))


def note_right_password(request: HttpRequest, email: str) -> None:
    """Forget what was counted for this account and place: the password was right."""
    device = _device(request, email)
    if device:
        ratelimit.clear(request, action="password_device", key=device)
    else:
        ratelimit.clear(request, action="password_here", key=_place(request, email))


def count_wrong_password(request: HttpRequest, email: str) -> None:
    """Count a wrong password for the address, and for the account over all places."""
    ratelimit.consume(request, action="password_address")
    if not _device(request, email):
        ratelimit.consume(request, action="password_anywhere", key=email)


def forget_wrong_passwords(*, request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Start counting from zero: a new password was set by a mailed link. Mail reaches its reader, so the address is parked no more."""
    ratelimit.clear(request, action="password_anywhere", key=user.email)
    ratelimit.clear(request, action="password_here", key=_place(request, user.email))
    release_addresses([user.email], now=timezone.now(), confirmed=True)


def remember_device(*, user: User, response: HttpResponse | None = None, **_kwargs: Any) -> None:
    """Give the browser a cookie by which it is known as one of the person's: wrong passwords elsewhere do not lock it out."""
    if response is None:
        return
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
