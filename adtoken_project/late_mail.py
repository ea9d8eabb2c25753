"""Operators hear once that a lane is late: what waits, since when, what to look at."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from adtoken_project import lateness, signs_of_life
from adtoken_project.models import Heartbeat
from notifications import composing, kinds, outbox
from notifications.kinds import Mail
from notifications.models import Message
from ui import dates
from users.recipients import operators

logger = logging.getLogger(__name__)

KIND = "late"
MARK = "late:"  # begins the name of the row that says since when a lane is late
QUIET = timedelta(hours=1)  # a lane that is late again so soon is still the same trouble


@transaction.atomic
def tell_operators(now: datetime) -> int:
    """Note which lanes are late, and write one message for each whose trouble is new. Returns how many messages were written."""
    found = {work.lane: work for work in reversed(lateness.late(now))}
    known = dict(
        Heartbeat.objects.select_for_update().filter(name__startswith=MARK).values_list("name", "at")
    )
    for name, at in known.items():
        if name.removeprefix(MARK) not in found and now - at > QUIET:
            Heartbeat.objects.filter(name=name).delete()
    written = 0
    for lane, work in found.items():
        if MARK + lane in known:
            continue
        Heartbeat.objects.create(name=MARK + lane, at=now)
        logger.error("the lane %s is late: %s", lane, work.words(now))
        for address in operators():
            written += outbox.enqueue(
                kind=KIND,
                recipient=address,
                dedupe_key=f"{KIND}:{lane}:{now.isoformat()}:{address}",
                payload={"lane": lane, "what": work.what, "since": work.since and work.since.isoformat()},
                now=now,
            )
    return written


def build(message: Message) -> Mail:
    """Return the mail, with how it stands by now: whoever reads that mails were late reads it late."""
    reader = composing.reader_of(message)
    lane, now = message.payload["lane"], timezone.now()
    still = [work.words(now) for work in lateness.late(now) if work.lane == lane]
    processes = signs_of_life.living(now=now)[lane]
    facts = {
        "lane": lane,
        "does": lateness.say(f"lane_{lane}"),
        "what": message.payload["what"],
        "since": dates.moment(datetime.fromisoformat(message.payload["since"]), zone=reader.zone).full,
        "still": "; ".join(still),
        "count": len(processes),
        "workers": ", ".join(processes),
    }
    return composing.compose(KIND, message, reader, facts)


def register() -> None:
    """Say how the mail is built. Called once, when the root app starts."""
    kinds.register(KIND, build, name=_("Background work is late"))
