"""Changes of what guards a log-in (password, second factor, e-mail address): the person is told of each by mail.

This is the lowest layer, so it only says what happened; the root app writes the mail into the outbox.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from users.models import User
from users.sessions import records as login_records
from users.signals import login_changed


class Kind(StrEnum):
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

    kind: Kind
    user: User
    recipient: str
    by: User | None = None  # staff who did it; None: the person
    address: str = ""  # the IP address it came from, where the person did it
    browser: str = ""
    old_email: str = ""
    new_email: str = ""


def notify(change: LoginChange, *, now: datetime) -> None:
    """Have one mail written about a change, in the caller's transaction, and record the change (once, where two addresses are told).

    Raises RuntimeError where nobody would write the mail.
    """
    if not login_changed.has_listeners(User):
        raise RuntimeError("Nobody mails changes of log-ins: the root app has not connected its receiver.")
    login_changed.send(sender=User, change=change, now=now)
    if change.recipient == change.user.email:
        login_records.write_change(
            user=change.user,
            by=change.by,
            what=change.kind,
            address=change.address,
            browser=change.browser,
        )


def notify_by_staff(kind: Kind, *, user: User, by: User, now: datetime) -> None:
    """Tell a person what staff changed of the log-in. Whoever changes the own log-in is told the same."""
    notify(LoginChange(kind=kind, user=user, recipient=user.email, by=by), now=now)


def notify_new_email(*, user: User, old_email: str, by: User, now: datetime) -> None:
    """Tell the old and the new address that staff changed the e-mail address of a log-in."""
    for recipient in (old_email, user.email):
        change = LoginChange(
            kind=Kind.EMAIL_CHANGED,
            user=user,
            recipient=recipient,
            by=by,
            old_email=old_email,
            new_email=user.email,
        )
        notify(change, now=now)
