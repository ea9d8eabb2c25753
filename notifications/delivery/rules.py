"""What an error of the mail server means for a message, and in words."""

import re
import smtplib
from dataclasses import dataclass

from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused

from notifications.models import MailReturn
from notifications.outbox import clean_line
from ui import stored_phrases as kept

Kind = MailReturn.Kind
_STATUS = re.compile(r"(?<![\d.])([45])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[ -])")

# RFC 3463: (subject, detail) of class 5 that say of the address itself that mail never reaches it. Else a 5 may be about this mail, our
# server or a full mailbox, so it is counted, not believed at once. 1.7 and 1.8 are about the sender's address. 4.1 is what Exchange says
# of an unknown recipient, 4.310 of a domain that does not exist.
_OF_ADDRESS = {(1, detail) for detail in (0, 1, 2, 3, 6, 9, 10)} | {(2, 1), (4, 1), (4, 4), (4, 310)}
_UNKNOWN_USER = frozenset({"550", "551", "553"})  # RFC 5321 4.2.3, where the status says no more than 5.0.0
# RFC 3463: 7 is security and policy, 1.7 and 1.8 are about the sender. Servers without a status say it of a relay in words.
_OF_US = frozenset({(1, 7), (1, 8)})
_RELAY = re.compile(
    r"\brelay(ing)?\b.{0,20}\b(denied|not permitted|not allowed|prohibited)|unable to relay", re.IGNORECASE
)


def kind_of(said: str) -> Kind:
    """Return what a server's answer means: mail never reaches the address; or it may pass, or is about a policy or us."""
    found, code = _STATUS.search(said), _CODE.search(said)
    if is_of_policy(said):
        return Kind.SOFT
    if found is None or found.groups() == ("5", "0", "0"):
        return Kind.HARD if code and code[1] in _UNKNOWN_USER else Kind.SOFT
    cls, subject, detail = (int(part) for part in found.groups())
    return Kind.HARD if cls == 5 and (subject, detail) in _OF_ADDRESS else Kind.SOFT


def is_of_policy(said: str) -> bool:
    """Return whether a server's words are about a policy, or about whoever sent the mail: they say nothing of the address."""
    found = _STATUS.search(said)
    if found is None:
        return _RELAY.search(said) is not None
    subject, detail = int(found[2]), int(found[3])
    return subject == 7 or (subject, detail) in _OF_US


def is_of_mailbox(said: str) -> bool:
    """Return whether a server's words are about the mailbox behind an address (RFC 3463: X.2.X), such as one that is full."""
    found = _STATUS.search(said)
    return found is not None and found[2] == "2"


def status_in(said: str) -> str:
    """Return the first status of RFC 3463 in a server's words, such as 5.1.1; "" where there is none."""
    found = _STATUS.search(said)
    return found[0] if found else ""


WORDS = "words/delivery.txt"
SAID = 300  # characters of a server's answer that are kept
OUR_LOG_IN = frozenset({530, 534, 535, 538})  # RFC 4954: they are about our own authentication
TURNED_AWAY = 421  # RFC 5321: the server ends this connection; where there are too many, this is what it says
TOO_LARGE = 552  # RFC 1870; also a mailbox that is full
# How Mandrill, which has one word for each refusal, says that it is about whoever sends.
_OF_SENDER = re.compile(r"unsigned|invalid-sender|test-mode-limit|\brule\b", re.IGNORECASE)


@dataclass(frozen=True)
class Trouble:
    """What keeps a mail from leaving, and may pass.

    `ours`: it is our own server or service, our log-in there, or our sender; else its reader's address is parked that is not reached for as
    long as a mail is tried. `sure`: it speaks of the mailbox, so it is believed although no other mail gets through.
    """

    ours: bool = False
    sure: bool = False


OURS = Trouble(ours=True)


def is_permanent(error: Exception) -> bool:
    """Return whether sending again cannot help. The digits decide, because one class stands for 4xx and 5xx alike.

    A refused sender is about our own address or log-in, so it passes when staff fix it; so does a recipient who is refused because we are
    not let in: a server that does not relay for us, or has us on a list, says nothing of the address, at RCPT or once it has the body.
    """
    if isinstance(error, AnymailRecipientsRefused):
        return not _OF_SENDER.search(_answer_of(error))
    if isinstance(error, AnymailAPIError):
        return False  # about our key, our rate or the service's own trouble, as far as we can tell
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values()) and not _is_of_us(error)
    if isinstance(error, smtplib.SMTPSenderRefused):
        return error.smtp_code == TOO_LARGE
    if isinstance(error, smtplib.SMTPDataError):  # what says no more than "no" may be about all that we send
        says_why = error.smtp_code == TOO_LARGE or is_of_recipient(error)
        return error.smtp_code >= 500 and says_why and not _is_of_us(error)
    # ValueError: not an address, a bad header; not supported: letters that this server cannot take
    return isinstance(error, (ValueError, smtplib.SMTPNotSupportedError))


def is_of_recipient(error: Exception) -> bool:
    """Return whether a permanent error says that mail does not reach the recipient. Some servers say so only once they have the body."""
    if isinstance(error, smtplib.SMTPDataError):
        said = f"{error.smtp_code} {_decode(error.smtp_error)}"
        of_address = kind_of(said) == MailReturn.Kind.HARD
        return bool(status_in(said)) and (of_address or is_of_mailbox(said))
    return isinstance(error, (AnymailRecipientsRefused, smtplib.SMTPRecipientsRefused))


def trouble_of(error: Exception) -> Trouble:
    """Return whose trouble it is that a mail was not taken, where that may pass.

    What says nothing of either may be the reader's server, or our own: other mails tell, once this one was tried for long enough.
    """
    if isinstance(error, smtplib.SMTPSenderRefused):
        return OURS
    if isinstance(error, smtplib.SMTPDataError) and error.smtp_code in OUR_LOG_IN:
        return OURS
    if not isinstance(error, smtplib.SMTPRecipientsRefused):
        return Trouble()
    if _wants_log_in(error):
        return OURS
    if _is_of_us(error):
        return Trouble()
    answers = (f"{code} {_decode(text)}" for code, text in error.recipients.values())
    return Trouble(sure=any(map(is_of_mailbox, answers)))


def _is_of_us(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) -> bool:
    if isinstance(error, smtplib.SMTPDataError):
        answer = f"{error.smtp_code} {_decode(error.smtp_error)}"
        return error.smtp_code in OUR_LOG_IN or is_of_policy(answer)
    said = (f"{code} {_decode(text)}" for code, text in error.recipients.values())
    return _wants_log_in(error) or any(map(is_of_policy, said))


def _wants_log_in(error: smtplib.SMTPRecipientsRefused) -> bool:
    return any(code in OUR_LOG_IN for code, _ in error.recipients.values())


def is_of_connection(error: Exception) -> bool:
    """Return whether the server only ended this connection: it says nothing of the message."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code == TURNED_AWAY for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code == TURNED_AWAY


def is_of_access(error: Exception) -> bool:
    """Return whether a mail service gave no answer, or does not take our key: no other mail gets through either."""
    return isinstance(error, AnymailAPIError) and _code_of(error) in {None, 401, 403}


def raise_for_service(email: object) -> None:
    """Raise AnymailAPIError where a mail service answered that it did not take a mail, and anymail does not: Mailjet says it so."""
    status = getattr(email, "anymail_status", None)
    if status is not None and status.status == {"failed"}:
        raise AnymailAPIError(response=status.esp_response)


def words_of_error(error: Exception) -> str:
    """Return what the mail server or the library said, as it is kept for the page (ui/stored_phrases.py)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = [f"{code} {_decode(text)}" for code, text in error.recipients.values()]
        return kept.keep(WORDS, "refused", said=clean_line("; ".join(answers), SAID))
    if isinstance(error, smtplib.SMTPResponseException):
        return kept.keep(
            WORDS, "answered", code=str(error.smtp_code), said=clean_line(_decode(error.smtp_error), SAID)
        )
    if isinstance(error, AnymailError):  # without what we asked
        code, answer = _code_of(error) or "", _answer_of(error) or type(error).__name__
        return kept.keep(WORDS, "answered", code=str(code), said=clean_line(answer, SAID))
    return clean_line(f"{type(error).__name__}: {error}", 400)


def _decode(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _code_of(error: AnymailError) -> int | None:
    """Return the HTTP status of an answer; None where there was none. SES gives its own as a dictionary."""
    said = error.response
    if isinstance(said, dict):
        code: int | None = said.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return code
    return error.status_code or getattr(said, "status_code", None)


def _answer_of(error: AnymailError) -> str:
    said = error.response
    if isinstance(said, dict):
        return " ".join(str(said.get("Error", {}).get(name, "")) for name in ("Code", "Message"))
    return str(getattr(said, "text", "") or "")
