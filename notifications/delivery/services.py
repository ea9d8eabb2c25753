"""Delivery of the outbox: claim in a short transaction, build and send outside any, record by compare-and-set; one mail after the other.

Several runs may be under way beside each other, in one process or many; no recipient has two mails on their way, so mails reach a person in
their order. At least once: a sender that is killed between hand-over and record leaves a claim that runs out, and that mail goes out again
with the same Message-ID. Nothing is lost by that; the recipient's server may show it twice.
"""

import logging
import random
import smtplib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection as database
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language

from infra import io_steps, liveness
from notifications.delivery import claims
from notifications.delivery import rules as refusals
from notifications.models import Message
from notifications.outbox import KINDS, Mail, MailKind, NotWanted, clean_body, clean_line
from ui import mails
from ui import stored_phrases as kept
from users.addresses import services as refused_addresses
from users.installation import hold
from users.people import languages
from users.people.queries import operators, reply_to

logger = logging.getLogger(__name__)

BACK_OFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
AWAY = BACK_OFF[:3]  # where nothing is taken one mail asks for all, so that they leave soon after it is back
RUN_FOR = timedelta(seconds=50)  # then other work of the lane has its turn
IDLE = 5.0  # seconds after which an unused connection is opened anew: its server may have given it up
METADATA = "adtoken"  # what names a mail, where its service keeps it for us


@dataclass
class Tally:
    """What one run did."""

    sent: int = 0
    failed: int = 0
    retried: int = 0
    cancelled: int = 0
    overtaken: int = 0  # a later claim had the row when the result came
    more: bool = False  # its time was over while there was more to do

    def count(self, what: str, *, done: bool) -> None:
        """Count one message, which was overtaken where its result could not be recorded."""
        name = what if done else "overtaken"
        setattr(self, name, getattr(self, name) + 1)

    def words(self) -> str:
        """Return the counts in one line of the log, "" where nothing was done."""
        counts = {name: count for name, count in vars(self).items() if name != "more" and count}
        return ", ".join(f"{count} {name}" for name, count in counts.items())


class Unreachable(Exception):  # noqa: N818  # an answer
    """The mail server or service takes nothing from us. The cause says what it answered."""


class _Server:
    """One connection to the mail server, opened at the first mail."""

    def __init__(self) -> None:
        self._backend: BaseEmailBackend = get_connection()
        self._carried = 0  # mails since it was opened
        self._used_at = 0.0  # monotonic seconds

    def send(self, email: EmailMessage) -> None:
        """Hand one mail over. Raises Unreachable, or what the server, the service or the library says of this mail."""
        if self._carried and time.monotonic() - self._used_at > IDLE:
            self.close()
        try:
            self._backend.open()
        except (smtplib.SMTPException, OSError) as error:
            # Whatever the digits, this is about our own access to the server, not about the mail.
            raise Unreachable from error
        try:
            self._backend.send_messages([email])
            refusals.raise_for_service(email)
        except Exception as error:
            carried = self._carried
            self.close()
            if refusals.is_of_access(error):
                raise Unreachable from error
            if refusals.is_of_connection(error):  # 421 is about a connection or a mail, see RFC 5321 3.8
                if carried:
                    self.send(email)
                    return
                if not isinstance(error, smtplib.SMTPRecipientsRefused):
                    raise Unreachable from error
            raise
        self._carried += 1
        self._used_at = time.monotonic()

    def close(self) -> None:
        """Close it, whatever its state."""
        self._carried = 0
        try:
            self._backend.close()
        except (smtplib.SMTPException, OSError) as error:
            logger.info("The connection to the mail server did not close well: %s", type(error).__name__)


def deliver(
    *,
    clock: Callable[[], datetime] = timezone.now,
    goes_on: Callable[[], bool] = lambda: True,
) -> Tally:
    """Send what is due, until nothing is or the time of a run is over. Return what happened.

    `goes_on` is asked before each message: a worker that is to stop takes no more. While this installation is on hold nothing is sent.
    A mail server that cannot be reached ends the run; a message that fails does not. Raises RuntimeError inside a transaction.
    """
    if database.in_atomic_block:
        raise RuntimeError("Mail is sent outside any transaction.")
    tally, started = Tally(), clock()
    if hold.current() is not None or not claims.anything_waits(started):
        return tally
    server = _Server()
    try:
        while goes_on() and hold.current() is None:
            tally.more = clock() - started >= RUN_FOR
            message = None if tally.more else claims.claim_next(now=clock())
            if message is None:
                break
            with liveness.kept(partial(claims.renew_claim, message)):
                if not _Attempt(message, server, clock, tally).make():
                    break
    finally:
        server.close()
    return tally


@dataclass
class _Attempt:
    """One attempt to send a claimed message."""

    message: Message
    server: _Server
    clock: Callable[[], datetime]
    tally: Tally

    def make(self) -> bool:
        """Send the mail, or record why it is not sent. Return whether the mail server can be reached."""
        mail = self._mail()
        if mail is None:
            return True
        try:
            self.server.send(_as_email(self.message, mail))
        except Unreachable as away:
            said = refusals.words_of_error(away.__cause__ or away)  # type: ignore[arg-type]  # what was raised is one
            self._retry(kept.keep(claims.WORDS, "unreachable", said=said), refusals.OURS, AWAY)
            return False
        except Exception as error:  # noqa: BLE001  # one bad mail never stops the others
            self._refused(error)
            return True
        # it has left: where that is not known, it leaves again
        record = partial(claims.record_sent, self.message, as_kept(mail), now=self.clock())
        self.tally.count("sent", done=io_steps.stored(record))
        return True

    def _mail(self) -> Mail | None:
        """Make the mail, or record why there is none."""
        message = self.message
        kind = KINDS.get(message.kind)
        if message.lost_claims >= claims.LOST_CLAIMS:
            self._fail(kept.keep(claims.WORDS, "killed", times=claims.LOST_CLAIMS))
        elif kind is None:
            self._fail(kept.keep(claims.WORDS, "no_builder", kind=message.kind))
        elif not (_is_parked(message, kind) and self._fail_parked()):
            return self._built(kind)
        return None

    def _built(self, kind: MailKind) -> Mail | None:
        try:
            with languages.spoken(getattr(self.message, "reader_language", "")):
                mail = fit_mail(kind.build(self.message))
                mail.headers.setdefault("Content-Language", get_language())
                return mail
        except NotWanted as answer:
            self.tally.count("cancelled", done=claims.record_cancelled(self.message, answer.kept))
        except Exception as error:  # one bad message never stops the run
            logger.exception("Message %s of kind %s could not be built", self.message.pk, self.message.kind)
            self._retry(kept.keep(claims.WORDS, "not_made", error=type(error).__name__))
        return None

    def _fail_parked(self) -> bool:
        """Record that it is not sent. Return False where its reader's address was released since it was claimed: nobody would be told in
        their place.
        """
        with transaction.atomic():
            if not refused_addresses.stays_parked(self.message.recipient):
                return False
            self._fail(kept.keep(claims.WORDS, "parked"))
        return True

    def _refused(self, error: Exception) -> None:
        said = refusals.words_of_error(error)
        if refusals.is_permanent(error):
            self._fail(said, refused_at=self.clock() if refusals.is_of_recipient(error) else None)
        else:
            self._retry(said, refusals.trouble_of(error))

    def _fail(self, reason: str, *, refused_at: datetime | None = None) -> None:
        self.tally.count("failed", done=claims.record_failed(self.message, reason, refused_at=refused_at))

    def _retry(
        self, reason: str, trouble: refusals.Trouble | None = None, steps: Sequence[timedelta] = BACK_OFF
    ) -> None:
        step = steps[min(self.message.failures, len(steps) - 1)]
        wait = step * random.uniform(0.8, 1.2)  # noqa: S311  # jitter, no secret
        done = claims.record_retry(self.message, reason, now=self.clock(), wait=wait, trouble=trouble)
        self.tally.count("retried", done=done)


def _is_parked(message: Message, kind: MailKind) -> bool:
    """Return whether a message that was claimed is not sent, because its reader's address is parked.

    What is for its reader alone (a new password, an invitation) is sent: it is the way back, and nobody could stand in. Operators are
    mailed whatever became of the last mail: nobody comes after them.
    """
    if not getattr(message, "parked", False):
        return False
    goes = kind.to_parked(message) if callable(kind.to_parked) else kind.to_parked
    return not goes and message.recipient not in operators()


def fit_mail(mail: Mail) -> Mail:
    """Return the mail with clean texts and with its styles in the tags of `html`."""
    return Mail(
        subject=clean_line(mail.subject),
        text=clean_body(mail.text),
        html=mails.with_styles(clean_body(mail.html)),
        headers={name: clean_line(value, 900) for name, value in mail.headers.items()},
        reply_to=None if mail.reply_to is None else clean_line(mail.reply_to, 900),
        stored_text=None if mail.stored_text is None else clean_body(mail.stored_text),
        stored_html=None if mail.stored_html is None else mails.with_styles(clean_body(mail.stored_html)),
    )


def _as_email(message: Message, mail: Mail) -> EmailMultiAlternatives:
    """Return what is handed to the mail server."""
    headers = {"Message-ID": message.message_id, "Auto-Submitted": "auto-generated", **mail.headers}
    answers_to = mail.reply_to
    if answers_to is None:
        answers_to = reply_to([message.team_id], reader=message.recipient)
    if answers_to:
        headers["Reply-To"] = answers_to
    email = EmailMultiAlternatives(
        mail.subject, mail.text, settings.DEFAULT_FROM_EMAIL, [message.recipient], headers=headers
    )
    if settings.MAIL_SERVICE:
        email.metadata = {METADATA: message.mark}  # type: ignore[attr-defined]  # anymail's
    if mail.html:
        # A line longer than mail allows (998 bytes) is encoded letter by letter, in Python: as dear as all the rest of a mail.
        email.attach_alternative(mail.html.replace(' style="', '\nstyle="'), "text/html")
    return email


def as_kept(mail: Mail) -> claims.Sent:
    """Return what is stored of it: without what is the reader's alone."""
    return claims.Sent(
        subject=mail.subject,
        text=mail.text if mail.stored_text is None else mail.stored_text,
        html=mail.html if mail.stored_html is None else mail.stored_html,
    )
