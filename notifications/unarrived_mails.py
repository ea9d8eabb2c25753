"""Whoever had somebody asked by mail (a client link, an invitation) hears that the mail did not arrive: nobody else could know."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from notifications import composing, kinds, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui import addresses, dates
from ui.text import first_name
from users.models import User

KIND = "not_arrived"


def is_unarrived(message: Message) -> bool:
    """Return whether a mail that ended did not reach its reader: it failed, or was over before our own mail server took it."""
    untaken = message.state == Message.State.CANCELLED and message.waits_since is not None
    return message.state == Message.State.FAILED or untaken


def tell(*, about: Message, to: User, now: datetime, page: str = "", page_id: int = 0) -> None:
    """Write to a person, in the caller's transaction, that a mail in their name failed; once, however often it is sent again.

    `page` names the page that helps, of `page_id`; "": none. What it says is the same for every kind of mail: whether an address has a
    log-in here is not told to whoever asks it.
    """
    outbox.enqueue(
        kind=KIND,
        recipient=to.email,
        dedupe_key=f"{KIND}:{about.pk}:{to.pk}",
        payload={"message": about.pk, "user": to.pk, "page": page, "of": page_id},
        now=now,
    )


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the mail was sent again since, is gone, or the person can no longer log in."""
    reader, said = composing.reader_of(message), message.payload
    if reader.user is None or reader.user.pk != said["user"]:
        raise NotWanted("person_left")
    about = Message.objects.filter(pk=said["message"]).first()
    if about is None or not is_unarrived(about):
        raise NotWanted("sent_again")
    facts = {
        "email": about.recipient,
        "first_name": first_name(str(reader.user)),
        "at": dates.moment(about.created_at, zone=reader.zone).full,
        "what": about.subject,
        "url": addresses.absolute_url(said["page"], said["of"]) if said["page"] else "",
    }
    return composing.compose(KIND, message, reader, facts)


def register() -> None:
    """Say how the mail is built. Called once, when the app starts."""
    kinds.register(KIND, build, name=_("A mail did not arrive"))
