"""Operators hear once that a lane is late: what waits, since when, what to look at."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from adtoken_project import lanes, lateness, signs_of_life
from adtoken_project.models import Heartbeat
from notifications import kinds, outbox
from notifications.kinds import Mail
from notifications.models import Message
from ui import addresses, dates
from users.models import User
from users.recipients import because_operator, operators

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
    lane, now = message.payload["lane"], timezone.now()
    user = User.objects.filter(email=message.recipient, is_active=True).first()
    with timezone.override(user.zone if user else timezone.get_default_timezone()):
        since = datetime.fromisoformat(message.payload["since"])
        when = dates.moment(since, zone=timezone.get_current_timezone()).full
        context = _context(lane, message.payload["what"], when, now)
        context |= {
            "because": because_operator(user),
            "why_url": addresses.of("why_message", message.pk) if user else "",
        }
        text = render_to_string("mail/late/body.txt", context)
        html = render_to_string("mail/late/body.html", context)
    return Mail(subject=context["subject"], text=text, html=html)


def _context(lane: str, what: str, when: str, now: datetime) -> dict[str, Any]:
    still = [work.words(now) for work in lateness.late(now) if work.lane == lane]
    processes = signs_of_life.living(now=now)[lane]
    heading = f"Background work is late: {lanes.LANES[lane].does}"
    return {
        "subject": f"AdToken: Background work is late ({lane})",
        "heading": heading,
        "lead": "No log-in was touched. What waits is done once the cause is gone.",
        "rows": [
            ("What", f"{what}, waiting since {when}"),
            ("By now", "; ".join(still) or "It has caught up."),
            (
                "Workers",
                f"{len(processes)} of this lane: {', '.join(processes) or 'none gives a sign of life'}",
            ),
        ],
        "steps": [
            f"Look whether a worker of the lane runs: “manage.py alive {lane}” on its host. If none does, start “manage.py worker {lane}”.",
            "If one runs, read its log. /healthz names what is late, and Channel apps shows a channel that does not answer.",
            f"If it only has too much to do, start a second “manage.py worker {lane}”.",
        ],
    }


def register() -> None:
    """Say how the mail is built. Called once, when the root app starts."""
    kinds.register(KIND, build, name="Background work is late")
