"""The secret part of a mail's envelope sender (VERP), which proves that a report is about one of our mails.

A bounce is a mail, and anybody can write one. So an address is parked only by a report that holds what nobody knows but whoever was sent
the mail: `bounces+TOKEN@...` as the address that the report came to, or the header `X-AdToken-Message` in the part that was sent back. The
text of a report proves nothing. Whoever has the mail can park its reader's address, nobody else's.
"""

import re
from base64 import b32encode

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from notifications.models import Message

SALT = "notifications.bounce"
HEADER = "X-AdToken-Message"
SHAPE = r"[0-9a-z]{1,13}-[a-z2-7]{16}"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def token_of(message: Message) -> str:
    """Return the message's token: its number and 80 bits of a signature. In lower case, for mail servers may fold an address."""
    return f"{_base36(message.pk)}-{_signature(message, settings.SECRET_KEY)}"


def message_of(token: str) -> Message | None:
    """Return the message that a token was made for, by the present key or an older one; None for what we never made."""
    number, _, signature = token.lower().partition("-")
    if not re.fullmatch(SHAPE, f"{number}-{signature}"):
        return None
    pk = int(number, 36)
    message = Message.objects.defer("text", "html").filter(pk=pk).first() if pk < 2**63 else None
    if message is None:
        return None
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    good = [constant_time_compare(signature, _signature(message, key)) for key in keys]
    return message if any(good) else None


def return_path(message: Message) -> str:
    """Return where the mail is sent back to: an address of its own at BOUNCE_ADDRESS; "" where bounces are not read, or by a service."""
    if settings.MAIL_BY_SERVICE:
        return ""
    local, at, domain = settings.BOUNCE_ADDRESS.rpartition("@")
    if not at or not settings.BOUNCE_SUBADDRESS:
        return str(settings.BOUNCE_ADDRESS)
    return f"{local}+{token_of(message)}@{domain}"


def headers(message: Message) -> dict[str, str]:
    """Return the header that a part which is sent back holds; none where nobody reads what comes back."""
    return {HEADER: token_of(message)} if settings.BOUNCE_ADDRESS or settings.MAIL_SERVICE else {}


def tokens_in(recipients: str, raw: str) -> list[str]:
    """Return what may be tokens: in the addresses that a report came to, and in what it sent back. Five at most."""
    local, at, _ = settings.BOUNCE_ADDRESS.rpartition("@")
    found = re.findall(rf"{re.escape(local)}\+({SHAPE})@", recipients, re.IGNORECASE) if at else []
    found += re.findall(rf"^[> \t]*{HEADER}:\s*({SHAPE})\b", raw, re.IGNORECASE | re.MULTILINE)
    return list(dict.fromkeys(token.lower() for token in found))[:5]


def _signature(message: Message, key: str) -> str:
    signed = salted_hmac(SALT, f"{message.pk}:{message.recipient}", secret=key, algorithm="sha256")
    return b32encode(signed.digest()[:10]).decode().lower()


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
