"""The mail that asks somebody who has a log-in here to link accounts: one a person, however many accounts."""

from django.utils import timezone

from accounts import backup_invitations
from notifications import composing
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens.channels import declarations
from ui import addresses
from ui.text import before_more, first_name
from users.models import User

SHOWN = 10


def build(message: Message) -> Mail:
    """Build the mail from what was not linked since. Raises NotWanted where nothing is left, or the person cannot log in."""
    user = User.objects.filter(pk=message.payload["user"], is_active=True, is_contact=False).first()
    if user is None:
        raise NotWanted("person_left")
    waiting = backup_invitations.waiting_for(user, timezone.now()).filter(pk__in=message.payload["asked"])
    rows = list(waiting.order_by("account__channel", "account__name"))
    if not rows:
        raise NotWanted("linked_since")
    asker = rows[0].invited_by
    channels = list(dict.fromkeys(row.account.channel for row in rows))
    cards = [
        {
            "channel": channel,
            "label": declarations.label(channel),
            "names": before_more(
                [one.account.name for one in of_it[:SHOWN]], unseen=max(0, len(of_it) - SHOWN)
            ),
            "unseen": max(0, len(of_it) - SHOWN),
            "count": len(of_it),
            "url": addresses.absolute_url("link", channel),
        }
        for channel in channels
        for of_it in [[row for row in rows if row.account.channel == channel]]
    ]
    facts = {
        "asker": str(asker) if asker else "",
        "first_name": first_name(str(user)),
        "note": rows[0].note,
        "count": len(rows),
        "name": rows[0].account.name,
        "cards": cards,
    }
    reply_to = asker.email if asker and asker.is_active else ""
    return composing.compose(
        backup_invitations.MAIL, message, composing.Reader(user), facts, reply_to=reply_to
    )
