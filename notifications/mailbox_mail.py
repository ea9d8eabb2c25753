"""Operators hear that the bounce mailbox cannot be read: once it has lasted for an hour, and once a week while it lasts."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from notifications import composing, kinds, outbox
from notifications.kinds import FACTS, Fact, Mail, NotWanted
from notifications.models import BounceMailbox, Message
from ui import addresses, dates
from ui.phrases import phrase
from users.recipients import operators

KIND = "mailbox"
AFTER = timedelta(hours=1)  # a server that restarts is no trouble
QUIET = timedelta(days=1)  # between two mails about a mailbox that works now and then
AGAIN = timedelta(days=7)  # while it lasts


def trouble(now: datetime) -> BounceMailbox | None:
    """Return the state of a mailbox that could not be read for an hour; None where all is well, or none is set. One query at most."""
    if settings.BOUNCE_MAILBOX is None:
        return None
    return BounceMailbox.objects.filter(failed_since__lte=now - AFTER).first()


@transaction.atomic
def tell_operators(now: datetime) -> int:
    """Write one message to each operator, where they were not told. Returns how many. Without operators nothing is marked."""
    if trouble(now) is None or not (to := operators()):
        return 0
    state = BounceMailbox.objects.select_for_update().filter(failed_since__lte=now - AFTER).first()
    if state is None or state.failed_since is None or not _is_news(state, now):
        return 0
    BounceMailbox.objects.filter(pk=state.pk).update(told_at=now)
    payload = {"since": state.failed_since.isoformat()}
    return sum(
        outbox.enqueue(
            kind=KIND,
            recipient=address,
            dedupe_key=f"{KIND}:{now.isoformat()}:{address}",
            payload=payload,
            now=now,
        )
        for address in to
    )


def _is_news(state: BounceMailbox, now: datetime) -> bool:
    if state.told_at is None or state.failed_since is None:
        return True
    return now - state.told_at >= (QUIET if state.told_at < state.failed_since else AGAIN)


def build(message: Message) -> Mail:
    """Return the mail. Raises NotWanted where the mailbox was read since."""
    state = BounceMailbox.objects.exclude(failed_since=None).first()
    mailbox = settings.BOUNCE_MAILBOX
    if state is None or state.failed_since is None or mailbox is None:
        raise NotWanted("mailbox_read")
    reader = composing.reader_of(message)
    facts = {
        "where": f"{mailbox.host}:{mailbox.port}/{mailbox.folder}",
        "since": dates.moment(state.failed_since, zone=reader.zone).full,
        "read_at": dates.moment(state.read_at, zone=reader.zone).full if state.read_at else "",
        "error": state.error,
        "url": addresses.absolute_url("admin:mail_settings"),
    }
    return composing.compose(KIND, message, reader, facts)


def _why(message: Message) -> list[Fact]:
    zone = composing.reader_of(message).zone
    since = dates.moment(datetime.fromisoformat(message.payload["since"]), zone=zone).full
    return [Fact(phrase(FACTS, "mailbox", since=since), phrase(FACTS, "told"))]


def register() -> None:
    """Say how the mail is built. Called once, when the app starts."""
    kinds.register(KIND, build, name=_("The bounce mailbox cannot be read"), why=_why)
