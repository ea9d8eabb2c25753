"""A mail as the bytes that leave.

Python's library writes bodies line by line, looks in all of them for the boundary between them, and asks each line for its length twice:
two milliseconds for a warning. Here it writes the headers and parts with a mark for each body; the bodies are put in whole.
"""

from email.message import Message as MIMEMessage
from typing import Any

from django.core.mail import EmailMultiAlternatives

LINE = 998  # bytes of one line, RFC 5322 2.1.1; longer ones have to be encoded
_MARK = "\x0e"  # clean bodies have none, and headers none in any case


class Email(EmailMultiAlternatives):
    """A mail whose bodies are clean (`notifications.clean.body`): they leave as they are (8bit) where their lines are short enough."""

    metadata: dict[str, str]  # what a mail service keeps for us; set where one is used

    def message(self, **options: Any) -> Any:
        """Return what a backend of Django sends: whatever has `as_bytes`."""
        bodies = [str(self.body), *(str(content) for content, _ in self.alternatives)]
        as_bytes = [body.encode() for body in bodies]
        if max(len(line) for body in as_bytes for line in body.split(b"\n")) > LINE or self.attachments:
            return super().message(**options)
        marks = [
            body and f"{_MARK}{number}{'' if body.isascii() else '…'}" for number, body in enumerate(bodies)
        ]
        short = EmailMultiAlternatives(
            self.subject, marks[0], self.from_email, self.to, headers=self.extra_headers
        )
        for mark, (_, kind) in zip(marks[1:], self.alternatives, strict=True):
            short.attach_alternative(mark, kind)
        return _Whole(
            short.message(**options), dict(zip((mark.encode() for mark in marks), as_bytes, strict=True))
        )


class _Whole:
    """A message with marks, and the bodies that take their places."""

    def __init__(self, message: MIMEMessage, bodies: dict[bytes, bytes]) -> None:
        self._message, self._bodies = message, bodies

    def __getattr__(self, name: str) -> Any:
        return getattr(self._message, name)

    def as_bytes(self, unixfrom: bool = False, linesep: str = "\n") -> bytes:
        """Return the whole mail."""
        whole = self._message.as_bytes(unixfrom, linesep=linesep)  # type: ignore[call-arg]  # Django's has it
        for mark, body in filter(all, self._bodies.items()):
            before, _, behind = whole.partition(mark)
            whole = b"".join((before, body.replace(b"\n", linesep.encode()), behind))
        return whole
