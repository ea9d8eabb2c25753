"""Whoever has a forwarded mail can snooze all warnings to its reader: the reader hears of it, staff see it, and both end it."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connections, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Account
from macros.models import Mute
from macros.mutes import services
from macros.mutes.mails import SAID, sign_message
from notifications.models import Message
from notifications.outbox import KINDS, NotWanted
from tests.macros.support import TODAY, WATCHER, ending, make_macro
from tests.macros.test_links_in_mails import evaluate
from tests.macros.test_quiet import sent
from tests.portal.test_macros import browser, staff
from tests.support.factories import NOW, make_team
from users.models import AddressEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_noon")]
DAY = timedelta(days=1)
LIST = reverse("admin:macros_mute_changelist")
MAY = ("accounts.view_account", "macros.view_mute", "macros.snooze_account", "notifications.view_message")


def warned() -> Message:
    """An address outside that a macro names was warned of an account."""
    ending(7, name="Lumen Shoes")
    make_macro(emails=[WATCHER], days=[7])
    evaluate()
    sent()
    Message.objects.update(state="sent", subject="Lumen Shoes ends in 7 days")
    return Message.objects.get(kind="macro")


def snooze_by_link(message: Message, days: int = 5) -> int:
    page = reverse("answer_mail", args=[sign_message(message)])
    return (
        Client().post(page, {"do": "mute", "all": "1", "until": (TODAY + days * DAY).isoformat()}).status_code
    )


def test_the_reader_hears_of_it_by_a_mail_whose_link_ends_it_and_its_kept_copy_has_none() -> None:
    snooze_by_link(warned())
    message = Message.objects.get(kind=SAID)
    mail = KINDS[message.kind].build(message)
    (link,) = set(re.findall(r"https?://\S+/mails/\S+/", mail.text))
    page, anybody = urlsplit(link).path, Client()

    asked = anybody.get(page).content.decode()
    untouched = services.mute_of_person(WATCHER)
    done = anybody.post(page, {"do": "mail_again"}, follow=True).content.decode()

    assert message.recipient == WATCHER
    assert mail.subject == "Your warnings are snoozed until Mon 30 Nov 2026"
    assert "by the link of a mail that we sent there" in " ".join(mail.text.split())
    assert "Lumen Shoes ends in 7 days" in mail.text
    assert link not in f"{mail.stored_text}{mail.stored_html}"
    assert "Mail me again now" in asked
    assert untouched is not None
    assert "gets the warnings that macros have for it" in done
    assert services.mute_of_person(WATCHER) is None
    with pytest.raises(NotWanted, match="Warnings were mailed again"):
        KINDS[message.kind].build(message)
    assert anybody.get(page.removesuffix("/") + "x/").status_code == 404


def test_who_said_to_be_on_it_reads_too_that_the_snooze_is_over() -> None:
    message, anybody = warned(), Client()
    account = Account.objects.get()
    anybody.post(
        reverse("answer_mail", args=[sign_message(message)]),
        {"do": "on_it", "account": account.pk},
    )
    snooze_by_link(message)
    told = Message.objects.get(kind=SAID, payload__what="own_mute")
    page = reverse("answer_mail", args=[sign_message(told)])

    done = anybody.post(page, {"do": "mail_again"}, follow=True).content.decode()

    assert "gets the warnings that macros have for it" in done
    assert "Noted: you are on it" in done


def test_a_link_snoozes_an_address_so_often_and_no_more_and_each_time_is_told(settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "link_pressed": "2/3600s/key"}
    message = warned()
    answers = []
    for _ in range(3):
        answers.append(snooze_by_link(message))
        services.end_all(email=WATCHER, by=None, now=NOW)

    assert answers == [302] * 2 + [429]
    assert Message.objects.filter(kind=SAID).count() == 2


def test_staff_see_it_in_a_list_on_the_account_and_in_the_history_and_end_it() -> None:
    message = warned()
    snooze_by_link(message)
    silence = Mute.objects.get()
    lea = staff(*MAY, "users.view_refusedaddress", email="lea@example.com", name="Lea Lead")
    client, foreign = browser(lea), browser(staff(*MAY, email="out@example.com", team=make_team("Fern")))
    looks = browser(staff(*(one for one in MAY if one != "macros.snooze_account"), email="look@example.com"))
    end = f"{reverse('admin:macros_mute_end')}?mute={silence.pk}"
    account = reverse("admin:accounts_account_change", args=[Account.objects.get().pk])

    lists = [one.get(LIST).content.decode() for one in (client, foreign, looks)]
    pages = [" ".join(one.get(account).content.decode().split()) for one in (client, looks)]
    answers = [one.get(end).status_code for one in (client, foreign, looks)]
    client.post(end)
    why = client.get(reverse("admin:why"), {"address": WATCHER, "account": "Lumen Shoes"}).content.decode()

    assert [WATCHER in text for text in lists] == [True, False, True]
    assert [end in text for text in lists] == [True, False, False]
    assert "By the link of a mail" in lists[0]
    line = f"{WATCHER} gets no warnings of any account until Mon 30 Nov 2026"
    assert [line in text for text in pages] == [True, True]
    assert [end in text for text in pages] == [True, False]
    assert answers == [200, 404, 403]
    assert not Mute.objects.running().of_all_accounts().exists()
    events = list(AddressEvent.objects.filter(email=WATCHER).values_list("kind", "by"))
    assert events == [("resumed", lea.pk), ("snoozed", None)]
    assert "Until Mon 30 Nov 2026, by the link of a mail." in why


def test_what_another_team_wrote_of_somebody_is_not_read_beside_their_name() -> None:
    warned()
    fern = make_team("Fern")
    by = staff(*MAY, email="out@example.com", name="Fern Lead", team=fern)
    Mute.objects.create(email=WATCHER, until=TODAY + 5 * DAY, started_at=NOW, by=by, reason="on sick leave")
    lea = browser(staff(*MAY, "users.view_refusedaddress", email="lea@example.com", name="Lea Lead"))

    pages = [
        lea.get(address).content.decode()
        for address in (
            LIST,
            reverse("admin:accounts_account_change", args=[Account.objects.get().pk]),
        )
    ]

    assert all(WATCHER in page for page in pages)
    assert not any("sick leave" in page or "Fern Lead" in page for page in pages)


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_the_same_moment_for_an_address_outside_are_one_snooze() -> None:
    def press() -> int:
        try:
            return services.mute_all(email=WATCHER, until=TODAY + DAY, now=NOW).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            first = services.mute_all(email=WATCHER, until=TODAY + 2 * DAY, now=NOW).pk
            second = other.submit(press)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.3)
        assert second.result() != first

    assert Mute.objects.running().of_all_accounts().get().pk == second.result()
