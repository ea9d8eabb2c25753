"""The mailbox: takes mails, shows them, and refuses them when told to."""

import re
import smtplib
from email.message import EmailMessage

import httpx2

from tests.support.sandbox import Sandbox


def send(
    sandbox: Sandbox,
    to: str = "ada@example.com",
    subject: str = "Grüße, log-in ends",
    timeout: float = 10,
) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "AdToken <noreply@example.com>", to, subject
    mail["Message-ID"] = "<one@example.com>"
    mail.set_content("Plain words\n")
    mail.add_alternative("<p>Rich words</p><script>alert(1)</script>", subtype="html")
    with smtplib.SMTP(sandbox.smtp_host, sandbox.smtp_port, timeout=timeout) as smtp:
        smtp.send_message(mail)


def test_the_pages_show_mails_without_running_them(sandbox: Sandbox, http: httpx2.Client) -> None:
    send(sandbox, subject="<b>Bold</b>")
    [mail] = sandbox.mails()

    listing = http.get(sandbox.mailbox).text
    page = http.get(f"{sandbox.mailbox}/mails/{mail['id']}").text
    html = http.get(f"{sandbox.mailbox}/mails/{mail['id']}/html")

    assert "&lt;b&gt;Bold&lt;/b&gt;" in listing
    assert "<b>Bold</b>" not in listing
    assert re.search(rf'<iframe sandbox="[^"]*" src="/mails/{mail["id"]}/html"', page)
    assert "allow-scripts" not in page
    assert "Plain words" in page
    assert "Message-ID: &lt;one@example.com&gt;" in page
    assert "default-src 'none'" in html.headers["content-security-policy"]
    assert "allow-scripts" not in html.headers["content-security-policy"]
