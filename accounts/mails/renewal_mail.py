"""The mail "your new link": whoever opens a link that has expired may have another one, at the address that the first went to."""

from datetime import UTC, datetime

from django.utils import timezone

from accounts import renewal_links
from accounts.mails import log_in_cards
from notifications import composing, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens.channels import declarations
from tokens.models import Token
from ui.text import first_name
from users.models import User

KIND = "renewal"


def send(*, token: Token, user: User, now: datetime) -> bool:
    """Write the mail with a new link for this person and log-in, at most one an hour. Returns whether it is new."""
    hour = f"{now.astimezone(UTC):%Y%m%d%H}"
    return outbox.enqueue(
        kind=KIND,
        recipient=user.email,
        dedupe_key=f"renewal:{token.pk}:{user.pk}:{hour}",
        payload={"token": token.pk, "user": user.pk},
        now=now,
    )


def reader(message: Message) -> User | None:
    """Return for whom the link is; None where they were deleted."""
    return User.objects.filter(pk=message.payload["user"]).first()


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the log-in was renewed since, is gone, or is the person's no more."""
    token = Token.objects.select_related("app").filter(pk=message.payload["token"]).first()
    user = User.objects.filter(pk=message.payload["user"], email=message.recipient, is_active=True).first()
    if token is None or user is None:
        raise NotWanted("log_in_gone" if token is None else "person_left")
    found = renewal_links.renewable([user.pk], [token.pk])
    if not found:
        raise NotWanted("log_in_gone")
    if token.linked_at > message.created_at:
        raise NotWanted("re_authenticated")
    rows = log_in_cards.rows_of(token, user)
    if not rows.shown:
        raise NotWanted("not_linked")
    facts = {
        "first_name": first_name(str(user)),
        "one": log_in_cards.card(token, rows, user.zone),
        "channel": declarations.label(token.app.channel),
        "personal": True,
    }
    mail = composing.compose(KIND, message, composing.Reader(user), facts)
    return renewal_links.personal(mail, user=user, now=timezone.now(), found=found)
