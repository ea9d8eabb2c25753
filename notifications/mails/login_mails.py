"""The mails that guard a log-in: the link that sets a new password, and "your password was changed" and its like.

Written into the outbox by signals of users. Links are made while a mail is sent; the row keeps ids, and from where a change was made.
"""

import uuid
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from notifications.models import Message
from notifications.outbox import composing, kinds
from notifications.outbox import services as outbox
from notifications.outbox.kinds import Mail, NotWanted
from ui import addresses, dates
from users.login import passwords
from users.login.changes import ChangeKind, LoginChange
from users.models import User
from users.people.visibility import names_for
from users.sessions import browsers
from users.signals import login_changed, password_reset_requested

RESET = "password_reset"
CHANGED = "login_changed"


def enqueue_reset(*, email: str, now: datetime, **_kwargs: Any) -> None:
    """Write the message with the link, once per address and minute, whether or not anybody has the address."""
    outbox.enqueue(
        kind=RESET, recipient=email, dedupe_key=f"reset:{now.astimezone(UTC):%Y%m%d%H%M}:{email}", now=now
    )


def enqueue_change(*, change: LoginChange, now: datetime, **_kwargs: Any) -> None:
    """Write the message about one change, in its transaction."""
    outbox.enqueue(
        kind=CHANGED,
        recipient=change.recipient,
        dedupe_key=f"login:{uuid.uuid4()}",
        now=now,
        payload={
            "change": change.kind,
            "user": change.user.pk,
            "by": change.by.pk if change.by else None,
            "address": change.address,
            "browser": change.browser,
            "old_email": change.old_email,
            "new_email": change.new_email,
        },
    )


def build_reset(message: Message) -> Mail:
    """Return the mail with its link. Raises NotWanted where nobody logs in with this address."""
    user = passwords.person_of(message.recipient)
    if user is None:
        raise NotWanted("nobody_logs_in")
    link = passwords.reset_link(user)
    facts = {"name": user.name, "link": link, "why_url": ""}  # whoever reads it may not be able to log in
    return composing.without_link(composing.compose(RESET, message, composing.Reader(user), facts), link)


def build_change(message: Message) -> Mail:
    """Return the mail about a change. Raises NotWanted where the person was deleted."""
    payload = message.payload
    user = User.objects.filter(pk=payload["user"]).first()
    if user is None:
        raise NotWanted("person_deleted")
    may_reset = _can_reset(user, message)
    facts = {
        "what": f"mail/login/{ChangeKind(payload['change'])}.txt",
        "by_staff": payload["by"] is not None,
        "by_name": _actor(payload["by"], user),
        "to_old": payload["old_email"] == message.recipient,
        "old_email": payload["old_email"],
        "new_email": payload["new_email"],
        "login": user.email,
        "recipient": message.recipient,
        "when": dates.moment(message.created_at, zone=user.zone).full,
        "address": payload["address"],
        "browser": browsers.named(payload["browser"]),
        "rest_url": addresses.absolute_url("account_reset_password") if may_reset else "",
        "why_url": addresses.absolute_url("why_message", message.pk) if may_reset else "",
    }
    if facts["by_staff"]:
        facts["rest_url"] = ""  # who did it is asked
    return composing.compose("login", message, composing.Reader(user), facts)


def register() -> None:
    """Connect the signals and say how the mails are built."""
    kinds.register(RESET, build_reset, name=_("Password reset"), to_parked=True, of_address=True)
    kinds.register(CHANGED, build_change, name=_("Change of a log-in"), to_parked=True, of_address=True)
    password_reset_requested.connect(enqueue_reset, sender=User, dispatch_uid="notifications.reset")
    login_changed.connect(enqueue_change, sender=User, dispatch_uid="notifications.login_changed")


def _actor(by: int | None, reader: User) -> str:
    """Return who of staff did it, where the reader may know them by name; else ""."""
    actor = User.objects.filter(pk=by).first() if by is not None else None
    name = names_for(reader).user(actor)
    return name if actor is not None and name == str(actor) else ""


def _can_reset(user: User, message: Message) -> bool:
    """Return whether the reader can answer an unwanted change by setting a new password."""
    return user.is_active and message.recipient == user.email
