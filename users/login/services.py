"""Changes of what guards a log-in (password, second factor, e-mail address): the person is told of each by mail. And what staff do to one.

This is the lowest layer, so it only says what happened; the root app writes the mail into the outbox.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils import timezone

from users.models import Session, User
from users.sessions.receivers import write_change
from users.signals import address_changed, login_changed


class ChangeKind(StrEnum):
    """What was changed. Each has its words in templates/mail/login/<kind>.txt: the subject, a blank line, the text."""

    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET = "password_reset"
    PASSWORD_SET = "password_set"
    EMAIL_CHANGED = "email_changed"
    TOTP_ACTIVATED = "totp_activated"
    TOTP_DEACTIVATED = "totp_deactivated"
    WEBAUTHN_ADDED = "webauthn_added"
    WEBAUTHN_REMOVED = "webauthn_removed"
    RECOVERY_CODES_GENERATED = "recovery_codes_generated"
    FACTOR_RESET = "factor_reset"
    SWITCHED_OFF = "switched_off"
    SWITCHED_ON = "switched_on"


@dataclass(frozen=True)
class LoginChange:
    """One change, and whom it is told to. `recipient` differs from the person's address where the address was changed."""

    kind: ChangeKind
    user: User
    recipient: str
    by: User | None = None  # staff who did it; None: the person
    address: str = ""  # the IP address it came from, where the person did it
    browser: str = ""
    old_email: str = ""
    new_email: str = ""


def notify_change(change: LoginChange, *, now: datetime) -> None:
    """Have one mail written about a change, in the caller's transaction, and record the change (once, where two addresses are told)."""
    login_changed.send(sender=User, change=change, now=now)
    if change.recipient == change.user.email:
        write_change(
            user=change.user,
            by=change.by,
            what=change.kind,
            address=change.address,
            browser=change.browser,
        )


def notify_by_staff(kind: ChangeKind, *, user: User, by: User, now: datetime) -> None:
    """Tell a person what staff changed of the log-in. Whoever changes the own log-in is told the same."""
    notify_change(LoginChange(kind=kind, user=user, recipient=user.email, by=by), now=now)


def notify_new_email(*, user: User, old_email: str, by: User, now: datetime) -> None:
    """Tell the old and the new address that staff changed the e-mail address of a log-in."""
    for recipient in (old_email, user.email):
        change = LoginChange(
            kind=ChangeKind.EMAIL_CHANGED,
            user=user,
            recipient=recipient,
            by=by,
            old_email=old_email,
            new_email=user.email,
        )
        notify_change(change, now=now)


def log_out(user: User) -> int:
    """End all sessions of the person. Returns in how many browsers that was."""
    number, _ = Session.objects.filter(user=user).delete()
    return number


@transaction.atomic
def reset_second_factor(user: User, *, by: User, now: datetime) -> None:
    """Remove the person's devices and recovery codes, and mail the person that it was done. The log entry is the page's."""
    Authenticator.objects.filter(user=user).delete()
    notify_by_staff(ChangeKind.FACTOR_RESET, user=user, by=by, now=now)


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
