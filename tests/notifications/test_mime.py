"""A mail as bytes: what Django would send, put together without looking at each line."""

from email import message_from_bytes, policy
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives

from notifications.mime import LINE, Email

HEADERS = {
    "Message-ID": "<1@adtoken.example>",
    "Date": "Thu, 26 Nov 2026 09:00:00 -0000",
    "Reply-To": "a@x.example",
}


def made(kind: type[EmailMultiAlternatives], text: str, html: str) -> bytes:
    mail = kind("Köln stops", text, "AdToken <no-reply@x.example>", ["ada@x.example"], headers=HEADERS)
    if html:
        mail.attach_alternative(html, "text/html")
    message: Any = mail.message()
    return bytes(message.as_bytes(linesep="\r\n"))


def parts(sent: bytes) -> list[tuple[list[tuple[str, str]], str]]:
    """Return the headers and the text of each part, without the boundary, which is drawn."""
    whole = message_from_bytes(sent, policy=policy.default)
    return [
        (
            [(name, str(value)) for name, value in one.items() if "boundary=" not in str(value)],
            "" if one.is_multipart() else str(one.get_content()),
        )
        for one in whole.walk()
    ]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Plain.\n", "<p>Plain</p>\n"),
        ("Für Ben\n\n.\n..dots\nFrom here\n", "<p>“Ben”</p>"),
        ("Only text, ü", ""),
        ("", "<p>Only HTML</p>"),
        ("--===============1==\n", "<p>" + "ü" * LINE + "</p>"),
        ("x" * LINE, "y" * LINE),
    ],
)
def test_it_is_what_django_sends(text: str, html: str) -> None:
    sent = made(Email, text, html)

    assert parts(sent) == parts(made(EmailMultiAlternatives, text, html))
    assert sent.count(b"\n") == sent.count(b"\r\n") > 5
    assert max(map(len, sent.split(b"\r\n"))) <= LINE


def test_a_line_break_in_a_header_is_refused() -> None:
    mail = Email("a\nBcc: x@x.example", "Text", "no-reply@x.example", ["ada@x.example"])

    with pytest.raises(ValueError, match="newlines"):
        mail.message()
