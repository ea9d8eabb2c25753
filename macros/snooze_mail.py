"""The mail to an address all of whose warnings were snoozed by the link of a mail: whoever has a forwarded one can do it, so it hears.

It leads to a page that ends it, without a log-in.
"""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy

from macros import opt_outs
from macros.models import Silence
from notifications import composing, kinds, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui import addresses, dates

KIND = "snoozed"  # of the messages
MOST = 5  # within PERIOD, to one address
PERIOD = timedelta(days=1)


def is_enough(email: str, *, now: datetime) -> bool:
    """Return whether an address got so many of them lately that no link may bring one more."""
    lately = Message.objects.filter(recipient=email.lower(), kind=KIND, created_at__gt=now - PERIOD)
    return lately.count() >= MOST


def tell(silence: Silence, *, now: datetime) -> None:
    """Write the message, in the caller's transaction."""
    outbox.enqueue(
        kind=KIND,
        recipient=silence.email,
        dedupe_key=f"{KIND}:{silence.pk}",
        payload={"silence": silence.pk},
        now=now,
    )


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the snooze is over."""
    silence = Silence.objects.filter(pk=message.payload["silence"], ended_at=None).first()
    if silence is None or silence.until is None:
        raise NotWanted("snooze_over")
    reader = composing.reader_of(message)
    end = addresses.absolute_url("end_snooze", opt_outs.sign(message))
    begun_by = Message.objects.filter(pk=silence.message or 0).defer("text", "html").first()
    facts = {
        "email": message.recipient,
        "until": dates.day(silence.until),
        "at": dates.moment(message.created_at, zone=reader.zone).full,
        "subject": begun_by.subject if begun_by else "",
        "end_url": end,
    }
    return composing.without_link(composing.compose(KIND, message, reader, facts), end)


def open_signed(signed: str) -> Message | None:
    """Return the message whose mail holds the link; None for a link that is cut, forged or of another mail."""
    message = opt_outs.open_signed(signed)
    return message if message is not None and message.kind == KIND else None


def register() -> None:
    """Say how the mail is built. Called once, when the app starts."""
    kinds.register(KIND, build, name=gettext_lazy("All warnings snoozed"))
