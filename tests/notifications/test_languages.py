"""A mail speaks its reader's language, and one run sends several."""

from datetime import timedelta

import pytest
from django.utils.translation import get_language
from pytest_django import Settings

from accounts.models import Account
from macros.warnings import services as evaluation
from notifications.delivery import services as delivery
from notifications.models import Message
from tests.macros.support import WATCHER, ending, make_macro, make_person
from tests.notifications.smtp import MailServer
from tests.support.factories import NOW
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("at_now")]


def texts(server: MailServer) -> dict[str, tuple[str, str, str]]:
    """Return of each recipient the subject, the language and the plain text of the mail."""
    found = {}
    for mail in server.mails:
        plain = mail.get_body(("plain",))
        assert plain is not None
        found[str(mail["To"])] = (str(mail["Subject"]), str(mail["Content-Language"]), plain.get_content())
    return found


def test_the_warning_about_one_account_goes_to_each_reader_in_the_own_language(
    mail_server: MailServer,
) -> None:
    make_macro(days=[7], notify_consenters=True)
    ada, uwe = make_person("ada@example.com", name="Ada"), make_person("uwe@example.com", name="Uwe")
    User.objects.filter(pk=uwe.pk).update(language="de")
    for person in (ada, uwe):
        ending(6, name="Lumen Shoes", person=person)
    evaluation.evaluate(now=NOW)

    tally = delivery.deliver(clock=lambda: NOW + timedelta(minutes=1))

    mails = texts(mail_server)
    assert tally.sent == len(mails) == 3
    assert {to: language for to, (_, language, _) in mails.items()} == {
        ada.email: "en-gb", uwe.email: "de", WATCHER: "en-gb",
    }  # fmt: skip
    subject, _, text = mails[uwe.email]
    assert ("Endet" in text, "Ends" in text) == (True, False)
    assert "neu autorisieren" in subject
    assert Message.objects.get(recipient=uwe.email).subject == subject.strip()
    assert get_language() == "en-gb"
    assert Account.objects.count() == 2


def test_an_address_outside_is_mailed_in_the_language_of_the_installation(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.LANGUAGE_CODE = "de"
    make_macro(days=[7])
    ending(6, name="Lumen Shoes")
    evaluation.evaluate(now=NOW)

    delivery.deliver(clock=lambda: NOW + timedelta(minutes=1))

    assert texts(mail_server)[WATCHER][1] == "de"
