"""What is done about mails that came back: an address is parked, what a mail told is told to the next in line, or it is sent once more.

Reports are written as they come in (`note`), each once, and acted on here one at a time, so that neither a web request nor the mailbox
waits, and a killed worker loses none.
"""

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from notifications import bounce_mailbox, bounce_reading, bounce_tokens, claims
from notifications.models import BounceMailbox, MailReturn, Message
from ui import kept
from users import refused_addresses
from users.models import RefusedAddress, User

logger = logging.getLogger(__name__)

Kind, Why = MailReturn.Kind, RefusedAddress.Why
AT_ONCE = {Kind.HARD: Why.BOUNCED, Kind.COMPLAINT: Why.COMPLAINED, Kind.STOPPED: Why.STOPPED}  # one parks
SEVERAL, SEVERAL_WITHIN = (
    3,
    timedelta(days=14),
)  # mails that come back, though each might have passed: these park
AGAIN_AFTER = timedelta(hours=4)  # after a mail came back that may pass
COMES_BACK_WITHIN = timedelta(days=5)
MOST = 1_000  # reports of one run
TRIED_FOR = timedelta(days=1)  # a report that cannot be acted on


def note(
    *,
    source: MailReturn.Source,
    report_id: str,
    kind: MailReturn.Kind,
    recipient: str,
    message: Message | None,
    status: str,
    said: str,
    now: datetime,
) -> bool:
    """Keep one report, once for each `report_id` of its source. Return whether it is new. Whoever calls has checked that it is true."""
    row = MailReturn(
        key=hashlib.sha256(f"{source}:{report_id}".encode()).hexdigest(),
        message=message.pk if message else None,
        recipient=(message.recipient if message else recipient).lower(),
        kind=kind,
        status=status[:12],
        said=said[:300],
        source=source,
        at=now,
    )
    before = MailReturn.objects.filter(key=row.key).exists()
    if not before:
        MailReturn.objects.bulk_create([row], ignore_conflicts=True)
    return not before


def read_mailbox(*, now: datetime) -> int:
    """Read the bounce mailbox, where one is set. Returns how many mails it had. Never raises for what the server does: it is noted."""
    mailbox = settings.BOUNCE_MAILBOX
    if mailbox is None:
        return 0
    try:
        number = bounce_mailbox.read(mailbox, partial(_take, now=now))
    except bounce_mailbox.MailboxError as error:
        logger.warning("the bounce mailbox cannot be read: %s", error)
        state, _ = BounceMailbox.objects.get_or_create(pk=1)
        BounceMailbox.objects.filter(pk=1).update(error=str(error), failed_since=state.failed_since or now)
        return 0
    BounceMailbox.objects.update_or_create(pk=1, defaults={"read_at": now, "failed_since": None, "error": ""})
    return number


def _take(raw: bytes, *, now: datetime) -> bool:
    """Keep what a mail of the mailbox reports. Return whether it is about one of our mails: anything else is left to people.

    So is one that cannot be kept, for it would be the first again at each reading. Raises where the database is away.
    """
    try:
        return _keep(raw, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("a mail of the bounce mailbox cannot be kept, and is left there")
        return False


def _keep(raw: bytes, now: datetime) -> bool:
    reading = bounce_reading.read(raw)
    message = next(filter(None, map(bounce_tokens.message_of, reading.tokens)), None)
    if message is None:
        return False
    if report := reading.report:
        note(
            source=MailReturn.Source.MAILBOX,
            report_id=hashlib.sha256(raw).hexdigest(),
            kind=report.kind_for(message.recipient),
            recipient=message.recipient,
            message=message,
            status=report.status,
            said=report.said,
            now=now,
        )
    return True


def act(*, now: datetime, goes_on: Callable[[], bool] = lambda: True) -> int:
    """Act on the reports that wait, oldest first, each in a transaction of its own. Returns how many. `goes_on` is asked before each.

    One that fails holds up no other: it is tried again with the next run, for a day.
    """
    done = looked = after = 0
    while looked < MOST and goes_on() and (row := _next(after)) is not None:
        looked, after = looked + 1, row.pk
        try:
            done += _act_on_one(row.pk, now)
        except (OperationalError, InterfaceError):
            raise  # the database is away
        except Exception:
            logger.exception("what came back of a mail could not be acted on: report %s", row.pk)
            if now - row.at >= TRIED_FOR:
                MailReturn.objects.filter(pk=row.pk, done_at=None).update(done_at=now)
    return done


def _next(after: int) -> MailReturn | None:
    return MailReturn.objects.filter(done_at=None, pk__gt=after).order_by("id").first()


@transaction.atomic
def _act_on_one(pk: int, now: datetime) -> bool:
    """Act on a report. Return False where another worker does, or did."""
    row = MailReturn.objects.filter(pk=pk, done_at=None).select_for_update(skip_locked=True).first()
    if row is None:
        return False
    MailReturn.objects.filter(pk=row.pk).update(done_at=now)
    _act_on(row, now)
    return True


def _act_on(row: MailReturn, now: datetime) -> None:
    if row.kind == Kind.FORWARDED and not User.objects.filter(email=row.recipient).exists():
        return  # a list has others, whom the mail reached
    why = AT_ONCE.get(Kind(row.kind)) or _after_several(row)
    if why is not None:
        refused_addresses.note(row.recipient, said=row.said, now=now, why=why, message=row.message)
        claims.hurry(
            recipient=row.recipient, now=now
        )  # what waits for the address is told to the next in line
    message_id = row.message or _newest_to(row.recipient, now)
    if message_id is None:
        return
    said = kept.keep(
        claims.WORDS, "marked_as_spam" if row.kind == Kind.COMPLAINT else "came_back", said=row.said
    )
    again = None if why is not None else now + AGAIN_AFTER
    claims.came_back(message_id=message_id, reason=said, again_at=again)


def _newest_to(recipient: str, now: datetime) -> int | None:
    """Return the mail that a report is taken to be about which names the address alone: the newest that nothing came back of.

    Each such report takes one. To be told twice is better than not to be told.
    """
    sent = Message.objects.filter(
        recipient=recipient, state=Message.State.SENT, sent_at__gt=now - COMES_BACK_WITHIN
    )
    return sent.order_by("-pk").values_list("pk", flat=True).first()


def _after_several(row: MailReturn) -> RefusedAddress.Why | None:
    """Return what parks an address where this was the last of as many mails as may come back within so many days; else None.

    What was before somebody released it does not count. A policy may be about us: where it takes part, the address is tried again in a
    week.
    """
    since = refused_addresses.begins_anew(row.recipient, since=row.at - SEVERAL_WITHIN)
    found = MailReturn.objects.filter(recipient=row.recipient, at__gte=since, at__lte=row.at)
    mails = found.filter(kind__in=[Kind.SOFT, Kind.FORWARDED])
    if mails.count() >= SEVERAL:
        return Why.RETURNED
    policy = found.filter(kind=Kind.POLICY)
    return Why.POLICY if mails.count() + policy.count() >= SEVERAL else None


def still_waiting() -> bool:
    """Return whether a report waits to be acted on."""
    return MailReturn.objects.filter(done_at=None).exists()
