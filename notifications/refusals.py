"""What an error of the mail server means for a message, and in words."""

import smtplib

from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused

from notifications import bounce_reading, clean
from notifications.models import MailReturn
from ui import kept
from users.models import RefusedAddress

WORDS = "words/delivery.txt"
SAID = 300  # characters of a server's answer that are kept
OUR_LOG_IN = frozenset({530, 534, 535, 538})  # RFC 4954: they are about our own authentication
TURNED_AWAY = 421  # RFC 5321: the server ends this connection; where there are too many, this is what it says


def is_permanent(error: Exception) -> bool:
    """Return whether sending again cannot help. The digits decide, because one class stands for 4xx and 5xx alike.

    A refused sender is about our own address or log-in, so it passes when staff fix it; so does a recipient who is refused because we are
    not let in: a server that does not relay for us, or has us on a list, says nothing of the address, at RCPT or once it has the body.
    """
    if isinstance(error, AnymailRecipientsRefused):
        return True
    if isinstance(error, AnymailAPIError):
        return False  # about our key, our rate or the service's own trouble, as far as we can tell
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values()) and not _is_of_us(error)
    if isinstance(error, smtplib.SMTPSenderRefused):
        return error.smtp_code == 552  # larger than the server takes
    if isinstance(error, smtplib.SMTPDataError):
        return error.smtp_code >= 500 and not _is_of_us(error)
    # ValueError: not an address, a bad header; not supported: letters that this server cannot take
    return isinstance(error, (ValueError, smtplib.SMTPNotSupportedError))


def is_of_recipient(error: Exception) -> bool:
    """Return whether a permanent error says that mail does not reach the recipient. Some servers say so only once they have the body."""
    if isinstance(error, smtplib.SMTPDataError):
        said = f"{error.smtp_code} {_decode(error.smtp_error)}"
        of_address = bounce_reading.kind_of("", said) == MailReturn.Kind.HARD
        return bool(bounce_reading.status_in(said)) and (of_address or bounce_reading.is_of_mailbox(said))
    return isinstance(error, (AnymailRecipientsRefused, smtplib.SMTPRecipientsRefused))


def parks_as(error: Exception) -> RefusedAddress.Why | None:
    """Return what an address is parked as that was refused like this for as long as a mail is tried; None where that says nothing of it."""
    if isinstance(error, smtplib.SMTPDataError):  # others after the body are final, or about the message
        of_policy = error.smtp_code not in OUR_LOG_IN and _is_of_us(error)
        return RefusedAddress.Why.POLICY if of_policy else None
    if not isinstance(error, smtplib.SMTPRecipientsRefused) or _wants_log_in(error):
        return None
    return RefusedAddress.Why.POLICY if _is_of_us(error) else RefusedAddress.Why.REFUSED


def _is_of_us(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) -> bool:
    if isinstance(error, smtplib.SMTPDataError):
        answer = f"{error.smtp_code} {_decode(error.smtp_error)}"
        return error.smtp_code in OUR_LOG_IN or bounce_reading.is_of_policy(answer)
    said = (f"{code} {_decode(text)}" for code, text in error.recipients.values())
    return _wants_log_in(error) or any(map(bounce_reading.is_of_policy, said))


def _wants_log_in(error: smtplib.SMTPRecipientsRefused) -> bool:
    return any(code in OUR_LOG_IN for code, _ in error.recipients.values())


def is_of_connection(error: Exception) -> bool:
    """Return whether the server only ended this connection: it says nothing of the message."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code == TURNED_AWAY for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code == TURNED_AWAY


def is_of_access(error: Exception) -> bool:
    """Return whether a mail service gave no answer, or does not take our key: no other mail gets through either."""
    return isinstance(error, AnymailAPIError) and error.status_code in {None, 401, 403}


def words(error: Exception) -> str:
    """Return what the mail server or the library said, as it is kept for the page (ui/kept.py)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = [f"{code} {_decode(text)}" for code, text in error.recipients.values()]
        return kept.keep(WORDS, "refused", said=clean.line("; ".join(answers), SAID))
    if isinstance(error, smtplib.SMTPResponseException):
        return kept.keep(
            WORDS, "answered", code=str(error.smtp_code), said=clean.line(_decode(error.smtp_error), SAID)
        )
    if isinstance(error, AnymailError):  # without what we asked
        code, answer = error.status_code or "", getattr(error.response, "text", "") or type(error).__name__
        return kept.keep(WORDS, "answered", code=str(code), said=clean.line(answer, SAID))
    return clean.line(f"{type(error).__name__}: {error}", 400)


def _decode(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text
