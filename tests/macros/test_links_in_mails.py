"""What a reader of a warning can do by its links without logging in: stop the copies, start them again, say "not mine"."""

import re
from datetime import timedelta

import pytest
from django.conf import settings as conf
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Account, AccountEvent, AccountToken
from macros import evaluation, mails, not_mine, opt_outs
from macros.models import Macro, Notice, OptOut
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tests.macros.support import WATCHER, die, ending, make_macro, make_person, settle
from tests.portal.support import staff
from tests.support.factories import NOW, make_team, make_user
from ui import kept
from users.models import Membership, Team, User

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
    return mails.build(Message.objects.filter(recipient=recipient).latest("pk"))


def stop_path(mail: Mail) -> str:
    return mail.headers["List-Unsubscribe"].strip("<>").removeprefix(conf.BASE_URL)


def test_the_mail_program_s_own_button_stops_this_reader_s_copies_of_this_macro_alone(
    mail_program: Client,
) -> None:
    macro = make_macro(emails=[WATCHER, "other@example.com"], days=[7, 3]).macro
    ending(6)
    evaluate()
    mail = mail_to(WATCHER)

    answer = mail_program.post(stop_path(mail), ONE_CLICK)
    later = evaluate(days=4)
    make_macro(emails=[WATCHER], days=[1])
    by_another_macro = evaluate(days=5)

    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert answer.status_code == 200
    assert [(row.macro, row.email) for row in OptOut.objects.all()] == [(macro, WATCHER)]
    assert later == ["other@example.com"]
    assert by_another_macro == [WATCHER]


def test_looking_at_the_link_stops_nothing_and_its_page_says_what_would(mail_program: Client) -> None:
    make_macro()
    ending(6)
    evaluate()
    path = stop_path(mail_to(WATCHER))

    pages = [mail_program.get(path), mail_program.head(path), mail_program.get(path)]

    assert {page.status_code for page in pages} == {200}
    assert "Stop these mails?" in pages[0].text
    assert "no-store" in pages[0]["Cache-Control"]
    assert not OptOut.objects.exists()


def test_stopping_twice_is_one_row_and_the_page_starts_them_again(client: Client) -> None:
    make_macro(days=[7, 3])
    ending(6)
    evaluate()
    path = stop_path(mail_to(WATCHER))

    client.post(path)
    page = client.post(path, follow=True)
    client.post(path.replace("/stop/", "/start-again/"))

    assert "These mails are stopped" in page.text
    row = OptOut.objects.get()
    assert row.ended_at
    assert evaluate(days=4) == [WATCHER]


def test_copies_are_started_again_so_often_and_not_more_and_to_stop_them_is_never_refused(
    client: Client, settings: Settings
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "link_pressed": "2/3600s/key"}
    make_macro()
    ending(6)
    evaluate()
    path = stop_path(mail_to(WATCHER))

    said = [client.post(one).status_code for one in [path, path.replace("/stop/", "/start-again/")] * 4]

    assert said == [302, 302, 302, 302, 302, 429, 302, 429]
    assert OptOut.objects.count() == 3


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
    assert not OptOut.objects.exists()


def test_the_kept_copy_holds_no_link_that_acts(mail_program: Client) -> None:
    make_macro()
    ending(6)
    evaluate()

    mail = mail_to(WATCHER)

    signed = opt_outs.sign(Message.objects.get())
    assert signed in mail.text
    assert signed in mail.html
    assert signed not in f"{mail.stored_text} {mail.stored_html}"


def test_a_mail_that_waits_is_cancelled_with_the_reason(mail_program: Client) -> None:
    make_macro()
    ending(6)
    evaluate()
    message = Message.objects.get()
    mail_program.post(stop_path(mails.build(message)), ONE_CLICK)

    with pytest.raises(NotWanted, match="This person stopped these mails"):
        mails.build(message)

    assert kept.said(Notice.objects.get().outcome_reason) == "This person stopped these mails."


def test_where_the_only_reader_stopped_the_team_lead_is_told_and_after_him_the_operators(
    mail_program: Client,
) -> None:
    make_macro(days=[7, 3, 1])
    account = ending(6)
    lead = lead_of(account)
    evaluate()
    mail_program.post(stop_path(mail_to(WATCHER)), ONE_CLICK)

    second = evaluate(days=4)
    mail_program.post(stop_path(mail_to(lead.email)), ONE_CLICK)
    third = evaluate(days=5)

    assert (second, third) == ([lead.email], ["ops@example.com"])
    last = mail_to("ops@example.com")
    assert "List-Unsubscribe" not in last.headers
    assert "Stop these mails" not in last.text


def test_of_a_log_in_that_ends_the_same_holds(mail_program: Client) -> None:
    ada = make_person("ada@example.com")
    make_macro(emails=[], notify_consenters=True, watch="token", days=[7, 3])
    lead = lead_of(ending(6, person=ada))
    evaluate()
    mail_program.post(stop_path(mail_to(ada.email)), ONE_CLICK)

    assert evaluate(days=4) == [lead.email]


def test_staff_see_who_stopped_and_start_it_again_with_an_event(client: Client) -> None:
    macro = make_macro(days=[7, 3]).macro
    ending(6)
    evaluate()
    Client().post(stop_path(mail_to(WATCHER)), ONE_CLICK)
    client.force_login(make_user(is_staff=True, is_superuser=True))
    url = reverse("admin:macros_macro_start_again", args=[macro.pk, OptOut.objects.get().pk])

    seen = client.get(reverse("admin:macros_macro_change", args=[macro.pk])).text
    listed = client.get(reverse("admin:macros_macro_changelist")).text
    asked = client.get(url).text
    still = opt_outs.running().count()
    client.post(url)
    late = client.post(url, follow=True).text

    assert "1 person stopped their copies" in seen
    assert "1 address (1 stopped)" in listed
    assert WATCHER in seen
    assert f"Mail {WATCHER} again?" in asked
    assert still == 1
    assert not opt_outs.running().exists()
    assert "Somebody was faster" in late
    assert [kept.said(entry.change_message) for entry in LogEntry.objects.all()] == [
        f"Mails to {WATCHER} were started again."
    ]


def test_staff_who_may_not_change_the_macro_start_nothing(client: Client) -> None:
    macro = make_macro().macro
    row = OptOut.objects.create(macro=macro, email=WATCHER, started_at=NOW)
    staff(client, "macros.view_macro")

    answer = client.post(reverse("admin:macros_macro_start_again", args=[macro.pk, row.pk]))

    assert answer.status_code in {403, 404}
    assert opt_outs.running().exists()


# --- no longer my account ------------------------------------------------------------------------------------


def not_mine_path(mail: Mail) -> str:
    found = re.search(r"(/mails/\S+/not-mine/)", mail.text)
    assert found
    return found[1]


def test_saying_not_mine_tells_the_lead_and_leaves_an_event_and_nothing_else(client: Client) -> None:
    make_macro()
    account, other = ending(6, name="Lumen Shoes"), ending(6, name="Fern Gardens")
    lead = lead_of(account)
    evaluate()
    path = not_mine_path(mail_to(WATCHER))
    linked = AccountToken.objects.count()

    page = client.get(path)
    nothing_yet = AccountEvent.objects.filter(kind="not_mine").exists()
    client.post(path, {"account": [account.pk], "note": "Emil runs it now"})
    again = client.post(path, {"account": [account.pk]}, follow=True)

    assert "Lumen Shoes" in page.text
    assert "Fern Gardens" in page.text
    assert not nothing_yet
    event = AccountEvent.objects.get(kind="not_mine")
    assert (event.account, event.note) == (account, f"{WATCHER}: Emil runs it now")
    assert other.name in again.text  # it can still be said of the other one
    message = Message.objects.get(kind="not_mine")
    mail = not_mine.build(message)
    assert message.recipient == lead.email
    assert mail.subject == f"Lumen Shoes is no longer {WATCHER}’s"
    assert mail.reply_to == WATCHER
    for body in (mail.text, mail.html):
        assert "Emil runs it now" in body
        assert f"{conf.BASE_URL}/open/{account.pk}/" in body
        assert "Fern Gardens" not in body
    assert AccountToken.objects.count() == linked
    assert not OptOut.objects.exists()


def test_without_a_lead_the_operators_hear_of_it(client: Client) -> None:
    make_macro()
    account = ending(6)
    evaluate()

    client.post(not_mine_path(mail_to(WATCHER)), {"account": [account.pk]})

    assert Message.objects.get(kind="not_mine").recipient == "ops@example.com"


def test_it_is_said_of_accounts_of_the_mail_only(client: Client) -> None:
    make_macro(emails=[WATCHER], accounts=[ending(6)])
    foreign = ending(6, name="Foreign")
    evaluate()

    client.post(not_mine_path(mail_to(WATCHER)), {"account": [foreign.pk, "x", "9" * 30]})

    assert not AccountEvent.objects.filter(kind="not_mine").exists()
    assert not Message.objects.filter(kind="not_mine").exists()


def test_the_time_line_shows_what_was_said(client: Client) -> None:
    make_macro()
    account = ending(6)
    evaluate()
    Client().post(not_mine_path(mail_to(WATCHER)), {"account": [account.pk], "note": "Ask Emil"})
    client.force_login(make_user(is_staff=True, is_superuser=True))

    page = client.get(reverse("admin:accounts_account_history", args=[account.pk]) + "?line=people").text

    assert "says that it is no longer their account" in page
    assert "Ask Emil" in page


# --- whom the mail waits for ------------------------------------------------------------------------------------


def test_a_watcher_of_another_team_reads_neither_name_nor_address_of_the_person(settings: Settings) -> None:
    ada = make_user("ada@example.com", name="Ada Okafor", team=make_team())
    make_user("watcher.inside@example.com", team=make_team())
    make_macro(emails=["watcher.inside@example.com"])
    ending(6, person=ada)
    evaluate()

    mail = mail_to("watcher.inside@example.com")

    assert "ada@example.com" not in mail.text + mail.html
    assert "Ada" not in mail.text + mail.html
    assert "Reply to this mail" in mail.text


def test_a_person_who_can_no_longer_log_in_is_not_named_as_the_one_to_ask() -> None:
    ada = make_person("ada@example.com", name="Ada Okafor", is_active=False)
    make_macro(emails=[WATCHER])
    die(ending(50, person=ada))
    evaluate()

    text = " ".join(mail_to(WATCHER).text.split())

    assert "Ask Ada" not in text
    assert "Press Re-authenticate" not in text
    assert "Find somebody who has access to the account at Facebook" in text


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


def test_a_mail_about_a_stopped_log_in_and_a_lost_role_says_who_is_waited_for_in_both() -> None:
    ada = make_person("ada@example.com", name="Ada Okafor")
    make_macro(emails=[WATCHER])
    die(ending(50, person=ada))
    reader = ending(50, person=ada, channel="x")
    reader.pool.update(can_publish="no", access_reason="publishing_lost")
    settle(reader)
    evaluate()

    text = " ".join(mail_to(WATCHER).text.split())

    assert text.startswith(
        "One ad account waits for Ada Okafor to re-authenticate and one ad account waits for an admin at X to give a role back."
    )
    assert "Check now" not in text
