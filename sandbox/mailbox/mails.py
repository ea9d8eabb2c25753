"""A mail as the mailbox keeps it, and how it is read from what SMTP brought."""

from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from sandbox.world import Record


@dataclass
class Mail(Record):
    """One mail that was taken. `sender` and `to` are the envelope's; the file and JSON call the sender `from`."""

    id: int
    received_at: str
    sender: str
    to: list[str]
    subject: str
    headers: dict[str, str] = field(default_factory=dict)
    raw_headers: str = ""
    text: str = ""
    html: str = ""
    message_id: str = ""

    def as_json(self) -> dict[str, Any]:
        """The mail as /mails.json shows it."""
        return {
            "id": self.id,
            "received_at": self.received_at,
            "from": self.sender,
            "to": self.to,
            "subject": self.subject,
            "headers": self.headers,
            "text": self.text,
            "html": self.html,
            "message_id": self.message_id,
        }


def read_mail(*, mail_id: int, received_at: str, sender: str, to: list[str], content: bytes) -> Mail:
    """Parse one mail. Headers that come more than once are joined by line breaks."""
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    headers: dict[str, str] = {}
    for name, value in message.items():
        headers[name] = f"{headers[name]}\n{value}" if name in headers else str(value)
    head, _, _ = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    return Mail(
        id=mail_id,
        received_at=received_at,
        sender=sender,
        to=to,
        subject=str(message.get("Subject", "")),
        headers=headers,
        raw_headers=head.decode("utf-8", "replace"),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        message_id=str(message.get("Message-ID", "")),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""
