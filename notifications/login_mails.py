"""The mails that guard a log-in: the link that sets a new password, and "your password was changed" and its like.

Written into the outbox by signals of users. Links are made while a mail is sent; the row keeps ids, and from where a change was made.
"""

import uuid
from datetime import UTC, datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from notifications import kinds, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui import addresses, dates
from ui.name_visibility import ADMINISTRATOR, HIDDEN
from users import browsers, password_reset, visibility
from users.login_changes import Kind, LoginChange
from users.models import User
from users.signals import login_changed, password_reset_requested

RESET = "password_reset"
CHANGED = "login_changed"
HIDDEN_LINK = "[the link is only in the mail that was sent]"


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
    user = password_reset.person_of(message.recipient)
    if user is None:
        raise NotWanted("nobody_logs_in")
    subject, text, html = _render_reset(user, password_reset.link(user))
    _, stored_text, stored_html = _render_reset(user, HIDDEN_LINK)
    return Mail(subject=subject, text=text, html=html, stored_text=stored_text, stored_html=stored_html)


def build_change(message: Message) -> Mail:
    """Return the mail about a change. Raises NotWanted where the person was deleted."""
    payload = message.payload
    user = User.objects.filter(pk=payload["user"]).first()
    if user is None:
        raise NotWanted("person_deleted")
    words: dict[str, Any] = {
        **payload,
        "by_name": _actor(payload["by"], user),
        "unnamed": ADMINISTRATOR,
        "to_old": payload["old_email"] == message.recipient,
        "login": user.email,
    }
    subject, _, lead = (
        render_to_string(f"mail/login/{Kind(payload['change'])}.txt", words).strip().partition("\n")
    )
    context = {
        **words,
        "subject": subject,
        "lead": " ".join(lead.split()),
        "rows": _rows(message, user),
        "reset_url": addresses.of("account_reset_password") if _can_reset(user, message) else "",
        "why_url": addresses.of("why_message", message.pk) if _can_reset(user, message) else "",
        "because": f"You get this because {message.recipient} is, or was, the address of a log-in at AdToken.",
    }
    return _rendered("changed", context, user)


def register() -> None:
    """Connect the signals and say how the mails are built. Called once, when the root app starts."""
    kinds.register(RESET, build_reset, name="Password reset")
    kinds.register(CHANGED, build_change, name="Change of a log-in")
    password_reset_requested.connect(enqueue_reset, sender=User, dispatch_uid="adtoken_project.reset")
    login_changed.connect(enqueue_change, sender=User, dispatch_uid="adtoken_project.login_changed")


def _actor(by: int | None, reader: User) -> str:
    """Return who of staff did it, as the reader may know them; "" where the person did it."""
    if by is None:
        return ""
    actor = User.objects.filter(pk=by).first()
    name = visibility.names_for(reader).user(actor)
    return name if name not in {"", HIDDEN} else ADMINISTRATOR


def _rows(message: Message, user: User) -> list[tuple[str, str]]:
    """Return what is known of a change: when, and from where."""
    rows = [("When", dates.moment(message.created_at, zone=user.zone).full)]
    known = (("From", message.payload["address"]), ("Browser", browsers.named(message.payload["browser"])))
    return rows + [(word, text) for word, text in known if text]


def _can_reset(user: User, message: Message) -> bool:
    """Return whether the reader can answer an unwanted change by setting a new password."""
    return user.is_active and message.recipient == user.email


def _render_reset(user: User, link: str) -> tuple[str, str, str]:
    mail = _rendered(
        "reset",
        {
            "subject": "Set a new password for AdToken",
            "name": user.name,
            "link": link,
            "because": "You get this because somebody, presumably you, asked for it on the log-in page.",
        },
        user,
    )
    return mail.subject, mail.text, mail.html


def _rendered(name: str, context: dict[str, Any], user: User) -> Mail:
    with timezone.override(user.zone):
        text = render_to_string(f"mail/login/{name}_body.txt", context)
        html = render_to_string(f"mail/login/{name}_body.html", context)
    return Mail(subject=context["subject"], text=text, html=html)
