"""What the answer of a mail server says of an address, by its status (RFC 3463) or its code (RFC 5321)."""

import re

from notifications.models import MailReturn

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
