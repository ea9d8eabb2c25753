"""Delivery of the outbox: claim in a short transaction, build and send outside any, record by compare-and-set.

At least once: a sender that is killed between hand-over and record leaves a claim that runs out, and the mail goes out again with the
same Message-ID. Nothing is lost by that; the recipient's server may show it twice.
"""

import logging
import random
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import css_inline
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection as database
from django.utils import timezone

from notifications import claims, clean, kinds
from notifications.models import Message
from ui.phrases import phrase
from users import hold, liveness, recipients, storing

logger = logging.getLogger(__name__)

BACK_OFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
OUR_LOG_IN = frozenset({530, 534, 535, 538})  # RFC 4954: they are about our own authentication
RUN_FOR = timedelta(seconds=50)  # then other work of the lane has its turn
_INLINER = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


@dataclass
class Tally:
    """What one run did."""

    sent: int = 0
    failed: int = 0
    retried: int = 0
    cancelled: int = 0
    overtaken: int = 0  # a later claim had the row when the result came


def deliver(
    *,
    limit: int = 500,
    clock: Callable[[], datetime] = timezone.now,
    goes_on: Callable[[], bool] = lambda: True,
) -> Tally:
    """Send what is due, until nothing is, `limit` (a number of messages) is reached or the time of a run is over. Return what happened.

    `goes_on` is asked before each message: a worker that is to stop takes no more. While this installation is on hold nothing is sent.

    A mail server that cannot be reached ends the run; a message that fails does not. Raises RuntimeError inside a transaction.
    """
    if database.in_atomic_block:
        raise RuntimeError("Mail is sent outside any transaction.")
    tally = Tally()
    if hold.current() is not None:
        return tally
    started = clock()
    tally.failed += claims.fail_poison_messages(now=started)
    mail_server = get_connection()
    try:
        for _ in range(limit):
            now = clock()
            goes = now - started < RUN_FOR and goes_on() and hold.current() is None
            message = claims.claim_next(now=now) if goes else None
            if message is None:
                break
            with liveness.kept(partial(claims.keep, message)):
                reached = _deliver_one(message, mail_server, tally, clock)
            if not reached:
                break
    finally:
        _close(mail_server)
    return tally


def _deliver_one(
    message: Message, server: BaseEmailBackend, tally: Tally, clock: Callable[[], datetime]
) -> bool:
    """Build, send and record one message. Return False when the mail server cannot be reached."""
    mail = _build(message, tally, clock)
    if mail is None:
        return True
    try:
        server.open()
    except (smtplib.SMTPException, OSError) as error:
        # Whatever the digits, this is about our own access to the server, not about the message.
        _retry(message, phrase(claims.WORDS, "unreachable", said=_words(error)), tally, clock())
        return False
    try:
        server.send_messages([_as_email(message, mail)])
    except Exception as error:  # noqa: BLE001  # one bad message never stops the run
        _close(server)
        if is_permanent(error):
            at = clock() if is_of_recipient(error) else None
            _count(tally, "failed", done=claims.record_failed(message, _words(error), refused_at=at))
        else:
            _retry(message, _words(error), tally, clock())
        return True
    record = partial(claims.record_sent, message, _as_kept(mail), now=clock())
    _count(
        tally, "sent", done=storing.stored(record)
    )  # it has left: where that is not known, it leaves again
    return True


def _build(message: Message, tally: Tally, clock: Callable[[], datetime]) -> kinds.Mail | None:
    """Return the mail, fit to be sent, or record why there is none."""
    kind = kinds.KINDS.get(message.kind)
    if kind is None:
        reason = phrase(claims.WORDS, "no_builder", kind=message.kind)
        _count(tally, "failed", done=claims.record_failed(message, reason))
        return None
    try:
        return _fit(kind.build(message))
    except kinds.NotWanted as answer:
        _count(tally, "cancelled", done=claims.record_cancelled(message, str(answer)))
    except Exception as error:  # one bad message never stops the run
        logger.exception("Message %s of kind %s could not be built", message.pk, message.kind)
        _retry(message, phrase(claims.WORDS, "not_made", error=type(error).__name__), tally, clock())
    return None


def _fit(mail: kinds.Mail) -> kinds.Mail:
    """Return the mail with clean texts and with its styles inlined."""
    return kinds.Mail(
        subject=clean.line(mail.subject),
        text=clean.body(mail.text),
        html=_html(mail.html),
        headers={name: clean.line(value, 900) for name, value in mail.headers.items()},
        reply_to=clean.line(mail.reply_to, 900),
        stored_text=None if mail.stored_text is None else clean.body(mail.stored_text),
        stored_html=None if mail.stored_html is None else _html(mail.stored_html),
    )


def _html(html: str) -> str:
    return _INLINER.inline(clean.body(html)) if html else ""


def _as_email(message: Message, mail: kinds.Mail) -> EmailMultiAlternatives:
    headers = {"Message-ID": message.message_id, "Auto-Submitted": "auto-generated", **mail.headers}
    if answers_to := mail.reply_to or recipients.reply_to([message.team_id], reader=message.recipient):
        headers["Reply-To"] = answers_to
    email = EmailMultiAlternatives(
        mail.subject, mail.text, settings.DEFAULT_FROM_EMAIL, [message.recipient], headers=headers
    )
    if mail.html:
        email.attach_alternative(mail.html, "text/html")
    return email


def _as_kept(mail: kinds.Mail) -> claims.Sent:
    return claims.Sent(
        subject=mail.subject,
        text=mail.text if mail.stored_text is None else mail.stored_text,
        html=mail.html if mail.stored_html is None else mail.stored_html,
    )


def is_permanent(error: Exception) -> bool:
    """Return whether sending again cannot help. The digits decide, because one class stands for 4xx and 5xx alike.

    A refused sender is about our own address or log-in, so it passes when staff fix it.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPSenderRefused):
        return error.smtp_code == 552  # larger than the server takes
    if isinstance(error, smtplib.SMTPDataError):
        return error.smtp_code >= 500
    # ValueError: not an address, a bad header; not supported: letters that this server cannot take
    return isinstance(error, (ValueError, smtplib.SMTPNotSupportedError))


def is_of_recipient(error: Exception) -> bool:
    """Return whether a permanent error says that mail does not reach the recipient. A server that wants a log-in says nothing of that."""
    if not isinstance(error, smtplib.SMTPRecipientsRefused):
        return False
    return all(code not in OUR_LOG_IN for code, _ in error.recipients.values())


def _retry(message: Message, reason: str, tally: Tally, now: datetime) -> None:
    step = BACK_OFF[min(message.failures, len(BACK_OFF) - 1)]
    wait = step * random.uniform(0.8, 1.2)  # noqa: S311  # jitter, no secret
    _count(tally, "retried", done=claims.record_retry(message, reason, now=now, wait=wait))


def _count(tally: Tally, what: str, *, done: bool) -> None:
    name = what if done else "overtaken"
    setattr(tally, name, getattr(tally, name) + 1)


def _words(error: Exception) -> str:
    """Return what the mail server or the library said, for the page."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = [f"{code} {_decode(text)}" for code, text in error.recipients.values()]
        return clean.line(phrase(claims.WORDS, "refused", said="; ".join(answers)), 400)
    if isinstance(error, smtplib.SMTPResponseException):
        return clean.line(
            phrase(claims.WORDS, "answered", code=str(error.smtp_code), said=_decode(error.smtp_error)), 400
        )
    return clean.line(f"{type(error).__name__}: {error}", 400)


def _decode(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _close(server: BaseEmailBackend) -> None:
    try:
        server.close()
    except (smtplib.SMTPException, OSError) as error:
        logger.info("The connection to the mail server did not close well: %s", type(error).__name__)
