"""The mail that asks somebody who has a log-in here to link accounts: one a person, however many accounts."""

from typing import Any

from django.db.models import Count, QuerySet
from django.utils import timezone

from accounts import backup_invitations
from accounts.models import BackupInvitation
from notifications import composing, unarrived_mails
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
    waiting = backup_invitations.asked_by(message.payload, user, timezone.now())
    first = waiting.order_by("account__channel", "account__name", "pk").first()
    if first is None:
        raise NotWanted("linked_since")
    asker = first.invited_by
    counted = waiting.order_by("account__channel").values("account__channel").annotate(n=Count("pk"))
    by_channel = list(counted.values_list("account__channel", "n"))
    cards = [_card(channel, waiting.filter(account__channel=channel), n) for channel, n in by_channel]
    facts = {
        "asker": str(asker) if asker else "",
        "first_name": first_name(str(user)),
        "note": first.note,
        "count": sum(n for _, n in by_channel),
        "name": first.account.name,
        "cards": cards,
    }
    reply_to = asker.email if asker and asker.is_active else ""
    return composing.compose(
        backup_invitations.MAIL, message, composing.Reader(user), facts, reply_to=reply_to
    )


def _card(channel: str, rows: QuerySet[BackupInvitation], number: int) -> dict[str, Any]:
    names = rows.order_by("account__name", "pk").values_list("account__name", flat=True)[:SHOWN]
    unseen = max(0, number - SHOWN)
    return {
        "channel": channel,
        "label": declarations.label(channel),
        "names": before_more(list(names), unseen=unseen),
        "unseen": unseen,
        "count": number,
        "url": addresses.absolute_url("link", channel),
    }


def note_ended(message: Message) -> None:
    """Tell whoever asked that the mail did not arrive, in the transaction that records it."""
    if message.state != Message.State.FAILED:
        return
    asked = BackupInvitation.objects.filter(pk__in=message.payload["asked"], invited_by__is_active=True)
    first = asked.select_related("invited_by").order_by("pk").first()
    if first is not None and first.invited_by is not None:
        unarrived_mails.tell(about=message, to=first.invited_by, now=timezone.now())
