"""The mailbox: takes mails, shows them, and refuses them when told to."""

import re
import smtplib
from email.message import EmailMessage

import httpx2
import pytest

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


def test_a_mail_is_kept_with_all_its_parts(sandbox: Sandbox, http: httpx2.Client) -> None:
    send(sandbox)

    [mail] = sandbox.mails()

    assert mail["from"] == "noreply@example.com"
    assert mail["to"] == ["ada@example.com"]
    assert mail["subject"] == "Grüße, log-in ends"
    assert mail["text"] == "Plain words\n"
    assert mail["html"].startswith("<p>Rich words</p>")
    assert mail["message_id"] == mail["headers"]["Message-ID"] == "<one@example.com>"
    assert http.get(f"{sandbox.mailbox}/mails/{mail['id']}.json").json() == mail
    assert http.get(f"{sandbox.mailbox}/mails/99999.json").status_code == 404


def test_mails_are_found_by_recipient_subject_and_time(sandbox: Sandbox) -> None:
    send(sandbox, subject="First")
    send(sandbox, to="ben@example.com", subject="Second")

    assert [m["subject"] for m in sandbox.mails()] == ["Second", "First"]
    assert [m["subject"] for m in sandbox.mails(to="BEN@")] == ["Second"]
    assert [m["subject"] for m in sandbox.mails(subject="first")] == ["First"]
    assert len(sandbox.mails(since=sandbox.mails()[1]["received_at"])) == 2
    assert sandbox.mails(since="2999-01-01") == []
    sandbox.delete_mails()
    assert sandbox.mails() == []


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


def test_a_recipient_is_refused_for_good_or_for_now(sandbox: Sandbox) -> None:
    rules = [
        {"to": "^ada@", "code": 550, "text": "5.1.1 no such user"},
        {"to": "^ben@", "code": 451, "text": "4.3.0 try later", "count": 1},
    ]
    sandbox.set_smtp(reject=rules)

    with pytest.raises(smtplib.SMTPRecipientsRefused) as for_good:
        send(sandbox)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as for_now:
        send(sandbox, to="ben@example.com")
    send(sandbox, to="ben@example.com")

    assert for_good.value.recipients["ada@example.com"] == (550, b"5.1.1 no such user")
    assert for_now.value.recipients["ben@example.com"] == (451, b"4.3.0 try later")
    assert [m["to"] for m in sandbox.mails()] == [["ben@example.com"]]


def test_a_mail_can_be_kept_and_its_answer_lost(sandbox: Sandbox) -> None:
    sandbox.set_smtp(drop_after_data=1)

    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(sandbox, subject="Answer lost")
    send(sandbox, subject="Answered")

    assert [m["subject"] for m in sandbox.mails()] == ["Answered", "Answer lost"]


def test_a_mail_can_be_kept_while_its_answer_waits(sandbox: Sandbox) -> None:
    sandbox.set_smtp(delay=60, late=True)

    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(sandbox, subject="No answer yet", timeout=0.5)

    assert [m["subject"] for m in sandbox.mails()] == ["No answer yet"]


def test_wrong_rules_are_refused_and_change_nothing(sandbox: Sandbox) -> None:
    sandbox.set_smtp(reject=[{"to": "x"}])

    with pytest.raises(RuntimeError, match="400"):
        sandbox.set_smtp(rejects=[])

    assert sandbox.control("GET", "smtp")["reject"][0]["to"] == "x"
