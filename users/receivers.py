"""What follows from saving a person, and from a log-in."""

import time
from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from users.addresses import services as refused_addresses
from users.login import limits as password_limits
from users.models import User
from users.people import languages
from users.sessions import services as sessions
from users.sessions.client_address import client_address
from users.sessions.models import BROWSER_LENGTH
from users.signals import address_changed


def keep_email_row(
    *,
    instance: User,
    raw: bool = False,
    update_fields: frozenset[str] | None = None,
    **_kwargs: Any,
) -> None:
    """Keep exactly one e-mail row per person, verified, and equal to the login.

    allauth would make an unverified one at the first log-in, and that blocks enrolling a second factor. Whoever makes
    a person (an accepted invitation, an administrator, createsuperuser) vouches for the address. After a change the
    old address must neither log in nor reset the password, so its row goes, and whoever keeps something by the address hears of it.
    """
    if raw or (update_fields is not None and "email" not in update_fields):
        return
    rows = EmailAddress.objects.filter(user=instance)
    if list(rows.values_list("email", "verified", "primary")) == [(instance.email, True, True)]:
        return
    with transaction.atomic():
        old = sorted({email.lower() for email in rows.values_list("email", flat=True)} - {instance.email})
        rows.delete()
        EmailAddress.objects.filter(email=instance.email).delete()  # a stray row of somebody else's
        EmailAddress.objects.create(user=instance, email=instance.email, verified=True, primary=True)
        for email in old:
            address_changed.send(sender=User, user=instance, old=email, now=timezone.now())


def begin_session(*, request: HttpRequest, **_kwargs: Any) -> None:
    """Write into the session when it began, and from where. The end is counted from now."""
    request.session.update(
        {
            sessions.BEGAN: time.time(),
            sessions.ADDRESS: client_address(request),
            sessions.BROWSER: request.headers.get("User-Agent", "")[:BROWSER_LENGTH],
        }
    )


def keep_language(*, request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Know from the first log-in on which language to mail."""
    languages.keep_guess(user, request)


def renew_session_id(*, request: HttpRequest, reauthenticated: bool = False, **_kwargs: Any) -> None:
    """Give a session another id when the person has shown again who they are; its end stays where it was."""
    if reauthenticated and request.user.is_authenticated:
        request.session.cycle_key()


def remember_device(*, response: HttpResponse | None = None, user: User, **_kwargs: Any) -> None:
    """Know the browser again: wrong passwords elsewhere do not lock it out."""
    if response is not None:
        password_limits.remember_device(response, user)


def forget_wrong_passwords(*, request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Let the person log in with the new password at once. Whoever used the link reads mail at this address, so it is parked no more."""
    password_limits.forget(request, user.email)
    refused_addresses.release([user.email], now=timezone.now(), confirmed=True)
