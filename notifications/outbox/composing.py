"""From a message to its mail: who reads it, and the foot that every mail has."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from notifications.models import Message
from notifications.outbox.kinds import Mail
from ui import addresses, mails
from users.models import User

HIDDEN_LINK = gettext_noop("[the link is only in the mail that was sent]")


@dataclass(frozen=True)
class Reader:
    """Who reads a mail: a person who can log in here, or an address outside (`user` is None)."""

    user: User | None

    @property
    def can_log_in(self) -> bool:
        """Whether the reader can open pages behind our log-in."""
        return self.user is not None and not self.user.is_contact

    @property
    def zone(self) -> ZoneInfo:
        """The reader's time zone, the installation's for an address outside."""
        return self.user.zone if self.user else ZoneInfo(timezone.get_default_timezone_name())


def reader_of(message: Message) -> Reader:
    """Return who reads a message."""
    return Reader(User.objects.filter(email=message.recipient, is_active=True).first())


def compose(
    folder: str, message: Message, reader: Reader, facts: Mapping[str, object], *, reply_to: str = ""
) -> Mail:
    """Return the mail of templates/mail/<folder>/ for its reader, who is led to "Why this mail?" if able to log in."""
    foot = {
        "reader": reader,
        "why_url": addresses.absolute_url("why_message", message.pk)
        if reader.can_log_in and message.pk
        else "",
    }
    # Pages behind our log-in are none for a contact.
    shut = {"about_url": "", "all_url": ""} if reader.user and reader.user.is_contact else {}
    said = foot | dict(facts) | shut
    return Mail(**mails.render(folder, said, zone=reader.zone), reply_to=reply_to or None)


def without_link(mail: Mail, link: str) -> Mail:
    """Return the mail with a link that is a secret, which the kept copy does not hold."""
    return mail.hiding(link, gettext(HIDDEN_LINK))
