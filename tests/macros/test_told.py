"""Who was told about an account is answered on its pages, also after the macro was deleted."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from accounts import message_history
from accounts.asks import services as writing
from accounts.models import Account
from macros.models import Macro, Notice
from macros.warnings import services as evaluation
from notifications import outbox
from notifications.models import Message
from notifications.outbox import KINDS, NotWanted
from tests.macros.support import WATCHER, ending, make_macro, make_person, token_of
from tests.portal.support import line_url, staff
from tests.support.factories import NOW, make_account, make_team, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]

SEE = ("notifications.view_message",)


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def boss(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))


def page(client: Client, account: Account, line: str = "messages") -> str:
    return " ".join(client.get(line_url(account, line)).text.split())


def warned(*, deliver: bool = True, **fields: Any) -> Account:
    """An account whose watcher was warned by a macro, the mail recorded as sent."""
    make_macro(days=[30, 7])
    account = ending(6, name="Lumen Shoes", **fields)
    evaluation.evaluate(now=NOW)
    if deliver:
        for message in Message.objects.filter(kind="macro"):
            send(message)
    return account


def send(message: Message) -> None:
    """What delivery records, without a mail server."""
    mail = KINDS[message.kind].build(message)
    message.state, message.sent_at, message.subject = Message.State.SENT, NOW, mail.subject
    message.save()
    Notice.objects.filter(outcome="waiting").update(outcome="mailed")


def test_the_account_s_messages_show_the_warnings_of_macros_as_links(client: Client, boss: None) -> None:
    account = warned()

    text, of_another = page(client, account), page(client, make_account())

    message = Message.objects.get(kind="macro")
    assert WATCHER in text
    assert "Lumen Shoes stops" in text
    assert f"7 days in advance (macro “{Macro.objects.get()}”)" in text
    assert "Nothing of this kind has happened." in of_another
    assert reverse("admin:notifications_message_change", args=[message.pk]) in text


def test_a_mail_to_several_readers_is_one_line_that_names_them_and_events_are_shown_without(
    client: Client, boss: None
) -> None:
    account = warned()
    for number in (1, 2):
        outbox.enqueue(kind=writing.ASK, recipient=f"p{number}@b.example", dedupe_key=str(number),
                       payload={"account": account.pk}, now=NOW)  # fmt: skip

    events, mails = page(client, account, ""), page(client, account)

    assert "was mailed" not in events
    assert f"{WATCHER} was mailed" in mails
    assert "A mail to 2 people waits" in mails
    assert ("p1@b.example" in mails, "p2@b.example" in mails) == (True, True)


def test_an_account_that_was_left_out_of_a_mail_says_why(client: Client, boss: None) -> None:
    account = warned(deliver=False)
    Account.objects.filter(pk=account.pk).update(paused_at=NOW)
    other = ending(6)
    evaluation.evaluate(now=NOW + timedelta(minutes=1))
    message = Message.objects.order_by("pk")[0]
    with pytest.raises(NotWanted):
        KINDS["macro"].build(message)

    text = page(client, account)

    assert "The account is paused." in text
    assert "was not told" in text
    assert other.name not in text


def test_a_mail_that_carries_other_teams_accounts_names_no_more_than_its_kind(client: Client) -> None:
    account = warned(team=make_team("Lumen"))
    mail = Message.objects.get(kind="macro")
    Message.objects.update(team=None)
    staff(client, *SEE, team=account.team)

    text = page(client, account)

    assert WATCHER in text  # a macro's address, no person of another team
    assert "Macro" in text
    assert mail.subject not in text
    assert reverse("admin:notifications_message_change", args=[mail.pk]) not in text


def test_a_person_of_another_team_is_not_named(client: Client) -> None:
    ben = make_person("ben@elsewhere.example", name="Ben Elsewhere")
    account = ending(6, person=ben, team=make_team("Lumen"))
    make_macro(emails=[], notify_consenters=True)
    evaluation.evaluate(now=NOW)
    Message.objects.update(team=None)
    staff(client, *SEE, team=account.team)

    text = page(client, account)

    assert "Someone in another team" in text
    assert "ben@elsewhere.example" not in text
    assert "Ben Elsewhere" not in text


def test_messages_are_found_by_account_or_log_in_in_whatever_form_the_payload_names_them() -> None:
    account = ending(6)
    token = token_of(account)
    forms: list[dict[str, Any]] = [
        {"account": account.pk},
        {"accounts": [account.pk]},
        {"token": token.pk},
        {"tokens": [token.pk, 0]},
    ]
    for number, payload in enumerate(forms):
        outbox.enqueue(
            kind=writing.ASK, recipient="a@b.example", dedupe_key=str(number), payload=payload, now=NOW
        )
    outbox.enqueue(kind=writing.ASK, recipient="a@b.example", dedupe_key="x", payload={"account": 0}, now=NOW)

    assert len(message_history.messages_about(account, limit=50)) == len(forms)


def test_the_messages_of_an_account_and_the_newest_are_found_by_their_indexes() -> None:
    account = warned()
    Message.objects.bulk_create(
        Message(kind="ask", recipient="a@example.com", dedupe_key=f"x{n}", payload={"account": n + 10**9})
        for n in range(2_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("analyze notifications_message")
        # What earlier tests left in its list of entries to come makes it dear to the planner; vacuum empties it.
        cursor.execute("select gin_clean_pending_list('message_payload')")

    with CaptureQueriesContext(connection) as asked:
        message_history.messages_about(account, limit=20)

    of_messages = (query["sql"] for query in asked if 'FROM "notifications_message"' in query["sql"])
    (search,) = (sql for sql in of_messages if "@>" in sql)
    with connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
        cursor.execute(f"explain {search}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
        newest = Message.objects.order_by("-created_at", "-id")[:50].explain()
    assert "message_payload" in plan
    assert "message_newest" not in plan
    assert "message_newest" in newest
    assert "Sort" not in newest


def test_deleting_a_macro_says_what_stops_and_keeps_what_it_told(client: Client, boss: None) -> None:
    account = warned()
    macro = Macro.objects.get()
    url = reverse("admin:macros_macro_delete", args=[macro.pk])

    asked = client.get(url).text
    kept = Macro.objects.count()
    client.post(url)

    assert kept == 1
    assert "No other macro is on" in asked
    assert "1 account" in asked
    assert not Macro.objects.exists()
    notice = Notice.objects.get()
    assert (notice.action, notice.macro_name, notice.outcome) == (None, macro.name, "mailed")
    assert f"{WATCHER} was mailed" in page(client, account)
    message = Message.objects.get(kind="macro")
    facts = client.get(reverse("admin:notifications_message_change", args=[message.pk])).text
    assert f"Macro “{macro.name}”" in facts


def test_two_deleted_macros_that_told_the_same_both_keep_it(client: Client, boss: None) -> None:
    make_macro(days=[30, 7])
    warned()  # one run finds it for both

    for macro in Macro.objects.all():
        client.post(reverse("admin:macros_macro_delete", args=[macro.pk]))

    assert Notice.objects.filter(action=None).exclude(macro_name="").count() == 2


def test_a_mail_that_waits_is_not_sent_once_its_macro_is_deleted() -> None:
    warned(deliver=False)
    Macro.objects.all().delete()

    with pytest.raises(NotWanted, match="The macro was deleted"):
        KINDS["macro"].build(Message.objects.get())


def test_macros_are_not_deleted_by_the_dozen_or_without_permission(client: Client, boss: None) -> None:
    macro = make_macro().macro
    listed = client.get(reverse("admin:macros_macro_changelist")).text
    staff(client, "macros.view_macro")

    refused = client.post(reverse("admin:macros_macro_delete", args=[macro.pk]))

    assert "delete_selected" not in listed
    assert refused.status_code in {403, 404}
    assert Macro.objects.exists()
