"""What a reader of a warning can do by its links without logging in: snooze its warnings."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as conf
from django.db.models import F
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.asks import services as asks
from accounts.asks.mails import build_ask_mail
from accounts.models import Account, AccountEvent, Ask
from macros.models import Macro, Mute
from macros.mutes import services
from macros.mutes.mails import SAID, build_said, sign_message
from macros.warnings import mails
from macros.warnings import services as evaluation
from notifications.models import Message
from notifications.outbox import Mail, NotWanted
from tests.macros.support import WATCHER, die, ending, make_macro, make_person, move
from tests.support.factories import NOW, make_user
from users.models import AddressEvent, Membership, Team, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]

DAY = timedelta(days=1)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(autouse=True)
def _settings(settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False
    settings.OPERATOR_EMAILS = ["ops@example.com"]


@pytest.fixture
def mail_program() -> Client:
    """A mail program, or the scanner before it: no cookies, no token, nobody logged in."""
    return Client(enforce_csrf_checks=True)


def lead_of(account: Account, email: str = "lead@example.com") -> User:
    person = make_person(email, name="Lea Lead")
    Membership.objects.create(user=person, team=account.team, role=Membership.Role.TEAM_LEAD)
    return person


def evaluate(days: int = 0) -> list[str]:
    """Evaluate, and return whom the new mails go to."""
    known = set(Message.objects.values_list("pk", flat=True))
    evaluation.evaluate(now=NOW + days * DAY)
    return sorted(Message.objects.exclude(pk__in=known).values_list("recipient", flat=True))


def mail_to(recipient: str) -> Mail:
    return mails.build_mail(Message.objects.filter(recipient=recipient).latest("pk"))


def stop_path(mail: Mail) -> str:
    return mail.headers["List-Unsubscribe"].strip("<>").removeprefix(conf.BASE_URL)


def test_the_mail_program_s_own_button_snoozes_all_warnings_and_its_reader_hears_of_it_once(
    mail_program: Client,
) -> None:
    make_macro(emails=[WATCHER, "other@example.com"], days=[7, 3])
    ending(6)
    evaluate()
    mail = mail_to(WATCHER)

    answers = [mail_program.post(stop_path(mail), ONE_CLICK) for _ in range(2)]
    away = services.mute_of_person(WATCHER)
    later = evaluate(days=4)

    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [answer.status_code for answer in answers] == [200, 200]
    assert away is not None
    assert away.until == services.last_day(NOW)
    assert Message.objects.filter(kind=SAID, recipient=WATCHER).count() == 1
    assert AddressEvent.objects.filter(kind="snoozed", email=WATCHER).count() == 1
    assert later == ["other@example.com"]


def test_the_links_of_a_mail_silence_nothing_once_what_it_warned_of_has_another_date(
    mail_program: Client,
) -> None:
    make_macro()
    ending(6)
    evaluate()
    path = stop_path(mail_to(WATCHER))
    Account.objects.update(cycle=F("cycle") + 1)

    stopped = mail_program.post(path, ONE_CLICK)
    form = {"do": "mute", "all": "1", "until": "2026-11-30"}
    snoozed = Client().post(path.replace("/stop/", "/"), form)

    assert [stopped.status_code, snoozed.status_code] == [400, 400]
    assert "Take the link of a newer one" in stopped.text
    assert not Mute.objects.exists()


def test_looking_at_the_link_stops_nothing_and_leads_to_the_page_that_asks(mail_program: Client) -> None:
    make_macro()
    ending(6)
    evaluate()
    path = stop_path(mail_to(WATCHER))

    pages = [mail_program.get(path, follow=True), mail_program.head(path, follow=True)]

    assert {page.status_code for page in pages} == {200}
    assert "No warnings for a while" in pages[0].text
    assert "no-store" in pages[0]["Cache-Control"]
    assert not Mute.objects.exists()


def test_a_forged_or_cut_link_changes_nothing(mail_program: Client) -> None:
    make_macro()
    ending(6)
    evaluate()
    path = stop_path(mail_to(WATCHER))
    number = re.search(r"/mails/(\d+)", path)
    assert number

    for bent in (
        path.replace("/stop/", "x/stop/"),
        f"/mails/{number[1]}:forged/stop/",
        "/mails/hidden/stop/",
    ):
        assert mail_program.post(bent, ONE_CLICK).status_code == 404
    assert not Mute.objects.exists()


# --- no longer my account -------------------------------------------------------------------------------------


def test_whose_account_it_is_no_longer_replies_to_who_looks_after_it(settings: Settings) -> None:
    settings.OPERATOR_EMAILS = []
    make_macro()
    account = ending(6)
    evaluate()
    words = "No longer your account? Reply to the mail"

    unanswered = mail_to(WATCHER)
    lead_of(account)
    answered = mail_to(WATCHER)

    assert (unanswered.reply_to, words in unanswered.text) == ("", False)
    assert (answered.reply_to, words in answered.text) == ("lead@example.com", True)
    assert words in answered.html


def test_of_0_2_0_what_was_said_of_an_account_is_not_mailed_any_more(client: Client) -> None:
    make_macro()
    account = ending(6)
    evaluate()
    waiting = Message(kind=SAID, payload={"what": "not_mine", "accounts": [account.pk], "who": WATCHER})
    link = reverse("answer_mail", args=[sign_message(Message.objects.get())])

    page = client.get(f"{link}?do=not_mine")
    client.post(link, {"do": "not_mine", "account": [account.pk]})

    with pytest.raises(NotWanted, match="it is in the account's history"):
        build_said(waiting)
    assert "No longer your account? Reply to the mail" in page.text
    assert not AccountEvent.objects.filter(kind="not_mine").exists()


# --- whom the mail waits for ------------------------------------------------------------------------------------


def test_a_person_who_can_no_longer_log_in_is_not_named_as_the_one_to_ask() -> None:
    ada = make_person("ada@example.com", name="Ada Okafor", is_active=False)
    make_macro(emails=[WATCHER])
    die(ending(50, person=ada))
    evaluate()

    text = " ".join(mail_to(WATCHER).text.split())

    assert "Ask Ada" not in text
    assert "Nobody can be asked: somebody with access links it in AdToken." in text


def test_mails_about_one_deadline_form_one_thread_and_have_a_person_to_answer_to() -> None:
    make_macro(days=[7, 3])
    account = ending(6)
    lead = lead_of(account)
    evaluate()
    first = mail_to(WATCHER)
    evaluate(days=4)

    second = mail_to(WATCHER)

    assert first.headers["References"] == second.headers["References"]
    assert first.headers["References"].startswith(f"<account-{account.pk}-")
    assert first.reply_to == lead.email
    assert Team.objects.exists()
    assert Macro.objects.count() == 1


# --- the page of the accounts, for who watches


def test_the_page_of_an_outside_reader_shows_the_accounts_of_the_mail_for_two_weeks_and_asks_once_a_day(
    client: Client,
) -> None:
    ada = make_user("ada@example.com", name="Ada Okafor")
    watched, foreign = ending(6, name="Lumen Shoes", person=ada), ending(6, name="Foreign", person=ada)
    make_macro(emails=[WATCHER], accounts=[watched])
    evaluate()
    found = re.search(r"(/mails/\S+/)\n", mail_to(WATCHER).text)
    assert found
    page = found[1]

    shown = client.get(page)
    untouched = Message.objects.filter(kind="ask").exists()
    strangers = client.post(page, {"do": "ask", "person": make_user().pk}).status_code
    asked = [client.post(page, {"do": "ask", "person": ada.pk}, follow=True).text for _ in range(2)]
    mail = build_ask_mail(Message.objects.get(kind="ask"))
    asks.end_due_asks(now=NOW)
    with time_machine.travel(NOW + 15 * DAY, tick=False):
        over = client.get(page).text, client.post(page, {"do": "ask", "person": ada.pk}).status_code

    assert "Works until" in shown.text
    assert "through Ada Okafor" in shown.text
    assert foreign.name not in shown.text
    assert "no-store" in shown["Cache-Control"]
    assert (untouched, strangers) == (False, 302)
    assert "Ask Ada again" in shown.text
    assert all("Ada was asked today" in one and "Ask Ada again" not in one for one in asked)
    assert mail.subject == f"{WATCHER} asks you to re-authenticate Facebook"
    assert mail.reply_to == WATCHER
    assert Ask.objects.get().ended_at is None
    assert ("Lumen Shoes</h2>" in over[0], over[1], Message.objects.filter(kind="ask").count()) == (
        False,
        302,
        1,
    )


def test_what_can_no_longer_be_said_or_asked_leads_to_the_page_as_it_is_now(client: Client) -> None:
    ada = make_user("ada@example.com", name="Ada Okafor")
    account = ending(6, name="Lumen Shoes", person=ada)
    make_macro(emails=[WATCHER], accounts=[account])
    evaluate()
    page = reverse("answer_mail", args=[sign_message(Message.objects.get())])
    shown = client.get(page).text
    move(account, deadline=NOW + 60 * DAY)  # she renewed it

    forms = [{"do": "on_it", "account": account.pk}, {"do": "ask", "person": ada.pk}]
    pressed = [client.post(page, form, follow=True) for form in forms]

    assert "Ask Ada again" in shown
    assert [("Lumen Shoes</h2>" in one.text, "Ask Ada again" in one.text) for one in pressed] == [
        (True, False)
    ] * 2
    assert not Message.objects.exclude(kind="macro").exists()
