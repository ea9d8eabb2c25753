"""What a mail in the bounce mailbox says: that one of our mails came back for good, may pass, or was marked as spam; or nothing of that.

Read are delivery reports (RFC 3464), feedback reports (RFC 5965), and reports of servers that write neither (qmail, older Exim and
Exchange) where they come from a mail system and hold a status. It decides nothing by itself: whose mail it was, the token proves
(`bounce_tokens`).
"""

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import Message
from email.utils import parseaddr

from notifications import bounce_tokens, clean
from notifications.models import MailReturn

Kind = MailReturn.Kind
_CAME_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
_SYSTEMS = frozenset({"mailer-daemon", "postmaster", "mail-daemon", "mdaemon"})
_STATUS = re.compile(r"(?<![\d.])([45])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[ -])")
_WAITS = re.compile(r"delay|warning|will retry|still being retried|not yet been delivered", re.IGNORECASE)
_TEXT = 16_384  # characters of a report that are looked at

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


@dataclass(frozen=True)
class Report:
    """What a report says of one mail."""

    kind: Kind
    status: str  # RFC 3463, or ""
    said: str
    of: tuple[str, ...] = ()  # the addresses that it names as those that a mail did not reach, in lower case

    def kind_for(self, recipient: str) -> Kind:
        """Return what it means for whom the mail was sent to.

        What came back from another address was passed on there: by a list, of whose members one left, or to a mailbox elsewhere. A domain
        may be written in another way on the way, so the part before it decides.
        """
        names = {_local_part(one) for one in self.of}
        passed_on = bool(names) and _local_part(recipient) not in names
        return Kind.FORWARDED if passed_on and self.kind != Kind.COMPLAINT else self.kind


@dataclass(frozen=True)
class Reading:
    """A mail of the mailbox: the tokens that it may hold, and what it reports, if anything."""

    tokens: list[str]
    report: Report | None


def read(raw: bytes) -> Reading:
    """Return what a mail says. Never raises: what cannot be read reports nothing."""
    text = raw.decode("latin-1")
    try:
        mail = message_from_bytes(raw, policy=policy.compat32)
        came_to = " ".join(str(value) for name in _CAME_TO for value in mail.get_all(name, []))
        return Reading(bounce_tokens.tokens_in(came_to, text), _report(mail))
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, IndexError, RecursionError):
        return Reading([], None)


def kind_of(status: str, said: str = "") -> Kind:
    """Return what a final failure is about: the address itself, which mail never reaches; a policy, or us; or what may pass.

    `said`: the server's answer.
    """
    found, code = _status_of(status, said), _CODE.search(said)
    if is_of_policy(found[0] if found else said):
        return Kind.POLICY
    if found is None:
        return Kind.HARD if code and code[1] in _UNKNOWN_USER else Kind.SOFT
    cls, subject, detail = (int(part) for part in found.groups())
    if cls != 5:
        return Kind.SOFT
    if (subject, detail) == (0, 0):
        return Kind.HARD if code and code[1] in _UNKNOWN_USER else Kind.SOFT
    return Kind.HARD if (subject, detail) in _OF_ADDRESS else Kind.SOFT


def _status_of(status: str, said: str) -> re.Match[str] | None:
    """Return the status that says most: 5.0.0 says nothing where the server's words have another one."""
    given, told = _STATUS.search(status), _STATUS.search(said)
    says_nothing = given is not None and (given[2], given[3]) == ("0", "0")
    return told or given if says_nothing else given or told


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


def _report(mail: Message) -> Report | None:
    for part in mail.walk():
        if part.get_content_type() == "message/feedback-report":
            return _complaint(part)
        if part.get_content_type() == "message/delivery-status":
            return _of_status(part)
        if part.get_content_type() in {"message/rfc822", "text/rfc822-headers"}:
            break  # what follows is ours, or what somebody forwards
    return _of_text(mail)


def _complaint(part: Message) -> Report | None:
    fields = _blocks(part)
    kind = next((block["Feedback-Type"] for block in fields if block["Feedback-Type"]), "")
    if str(kind).strip().lower() in {"not-spam", "dmarc", "auth-failure", ""}:
        return None
    return Report(Kind.COMPLAINT, "", clean.line(f"Feedback-Type: {kind}", 300))


def _of_status(part: Message) -> Report | None:
    """Read a delivery report. Of what is delayed, relayed or delivered nothing came back."""
    for block in _blocks(part):
        if str(block["Action"] or "").strip().lower() != "failed":
            continue
        said = " ".join(str(block["Diagnostic-Code"] or "").split())
        given = _STATUS.search(str(block["Status"] or ""))
        status = given[0] if given else ""
        return Report(kind_of(status, said), status, clean.line(said or status, 300), _named(block))
    return None


def _named(block: Message) -> tuple[str, ...]:
    """Return the addresses of a report's Original-Recipient and Final-Recipient (RFC 3464 2.3.1, 2.3.2), as far as they are any."""
    given = (str(block[name] or "").rpartition(";")[2] for name in ("Original-Recipient", "Final-Recipient"))
    return tuple(one for one in (parseaddr(each)[1].lower() for each in given) if "@" in one)


def _local_part(address: str) -> str:
    """Return what stands before the domain, without a sub-address."""
    return address.lower().partition("@")[0].partition("+")[0]


def _blocks(part: Message) -> list[Message]:
    """Return the groups of fields of a report, whether or not the library has parted them."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [one for one in payload if isinstance(one, Message)]
    return [message_from_bytes(str(payload).encode("utf-8", "replace"))]


def _of_text(mail: Message) -> Report | None:
    """Read the words of a mail system that writes no delivery report. What a person's program answers by itself is none."""
    name, address = parseaddr(str(mail.get("From", "")))
    sender = address.partition("@")[0].lower()
    empty = str(mail.get("Return-Path", "-")).strip() in {"<>", ""}
    failed = mail.get("X-Failed-Recipients")
    if sender not in _SYSTEMS and not failed and not (empty and "delivery" in name.lower()):
        return None
    subject = " ".join(str(mail.get("Subject", "")).split())
    if _WAITS.search(subject):
        return None
    text = _words(mail)
    status, code = _STATUS.search(text), _CODE.search(text)
    if not (status or code or failed):
        return None
    found = min((one for one in (status, code) if one), key=lambda one: one.start(), default=None)
    said = text[found.start() :].partition("\n\n")[0] if found else subject
    line = clean.line(said, 300)
    return Report(kind_of(status[0] if status else "", line), status[0] if status else "", line)


def _words(mail: Message) -> str:
    """Return the report's own text, without the mail that it sends back."""
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            data = part.get_payload(decode=True)
            text = data.decode("utf-8", "replace") if isinstance(data, bytes) else ""
            ours = re.search(
                rf"^[> \t]*({bounce_tokens.HEADER}|Return-Path):", text, re.IGNORECASE | re.MULTILINE
            )
            return (text[: ours.start()] if ours else text)[:_TEXT]
    return ""
