"""The daily cap of an address: what comes beyond it is held for an hour at most, and told in one mail."""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from macros import snoozing
from macros.models import Macro, Notice
from notifications import claims, delivery, digests, kinds
from notifications.models import Message
from tests.macros.support import TODAY, WATCHER, ending, make_macro, make_person, noon
from tests.notifications.conftest import KIND, build
from tests.notifications.smtp import MailServer
from tests.notifications.support import make_message
from tests.notifications.test_refused_addresses import ADA, LEAD, lead, morning
from tests.support.factories import NOW
from users import refused_addresses
from users.models import RefusedAddress

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _cap(settings: Any, monkeypatch: pytest.MonkeyPatch, known_kinds: dict[str, kinds.Kind]) -> None:
    settings.MAIL_DAILY_CAP, settings.OPERATOR_EMAILS = 3, []
    Macro.objects.all().delete()
    monkeypatch.setitem(known_kinds, KIND, kinds.Kind("Test", build, may_be_held=True))
    monkeypatch.setitem(known_kinds, "personal", kinds.Kind("Personal", build))


def deliver(at: datetime) -> None:
    delivery.deliver(clock=lambda: at)


def many(number: int, recipient: str = ADA, **fields: Any) -> list[Message]:
    return [make_message(recipient, payload={"subject": f"Mail {one}"}, **fields) for one in range(number)]


def states(messages: list[Message]) -> list[str]:
    for one in messages:
        one.refresh_from_db()
    return [one.state for one in messages]


def test_what_comes_beyond_the_cap_is_told_in_one_mail_within_an_hour(mail_server: MailServer) -> None:
    messages = many(6)
    others = many(2, "ben@example.com")

    deliver(NOW)
    at_first = (len(mail_server.mails), states(messages), states(others))
    deliver(NOW + 59 * MINUTE)
    before = len(mail_server.mails)
    deliver(NOW + HOUR)

    assert at_first == (5, ["sent"] * 3 + ["held"] * 3, ["sent"] * 2)
    assert before == 5
    assert states(messages) == ["sent"] * 6
    digest = mail_server.mails[-1]
    assert "3 more mails" in digest["Subject"]
    text = digest.as_string()
    assert all(f"Mail {number}" in text for number in (3, 4, 5))
    assert not any(odd in text for odd in ("(, )", "['", "Open my accounts")), "it has no log-in here"


def test_a_full_digest_that_the_mail_server_did_not_take_for_days_says_so_and_so_does_what_follows_it(
    mail_server: MailServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOW, tick=False):
        many(5)
        deliver(NOW)
        settings.EMAIL_PORT, port = 1, settings.EMAIL_PORT
        monkeypatch.setattr(digests, "MOST", 1)
    for hours in (1, 2, 72):
        with time_machine.travel(NOW + hours * HOUR, tick=False):
            deliver(NOW + hours * HOUR)
    settings.EMAIL_PORT = port
    with time_machine.travel(NOW + 73 * HOUR, tick=False):
        deliver(NOW + 73 * HOUR)
    with time_machine.travel(NOW + 75 * HOUR, tick=False):
        deliver(NOW + 75 * HOUR)

    late = [mail.as_string() for mail in mail_server.mails[3:]]
    assert ["could not be sent before" in mail for mail in late] == [True, True]
    assert not any("within a day" in mail or "busy day" in mail for mail in late)


@pytest.mark.parametrize(("hours", "said"), [(1, True), (3, False)])
def test_a_digest_says_that_nothing_waited_longer_than_an_hour_only_where_it_is_so(
    hours: int, said: bool
) -> None:
    digest = make_message(ADA, kind="digest")
    make_message(ADA, state="held", digest=digest.pk, queued_at=timezone.now() - hours * HOUR)

    mail = digests.build(digest)

    assert ("waited longer than an hour" in mail.html) == said
    assert "busy day" in mail.html


def test_what_a_person_waits_for_is_never_held_and_the_next_day_begins_anew(mail_server: MailServer) -> None:
    many(3)
    deliver(NOW)
    waited_for = make_message(ADA, kind="personal")
    deliver(NOW + MINUTE)
    next_day = many(1, next_attempt_at=NOW + 25 * HOUR)

    deliver(NOW + 25 * HOUR)

    assert states([waited_for, *next_day]) == ["sent", "sent"]
    assert not Message.objects.filter(kind="digest").exists()


def test_without_a_cap_nothing_is_held(settings: Any, mail_server: MailServer) -> None:
    settings.MAIL_DAILY_CAP = 0
    messages = many(6)

    deliver(NOW)

    assert states(messages) == ["sent"] * 6


@pytest.mark.usefixtures("at_now")
def test_a_warning_that_was_held_counts_as_told_once_its_digest_has_left(
    settings: Any, mail_server: MailServer
) -> None:
    settings.MAIL_DAILY_CAP = 1
    ending(7, person=make_person(ADA), life=60, name="Lumen Shoes")
    make_macro(emails=[], notify_consenters=True)
    make_message(ADA, next_attempt_at=noon(TODAY) - MINUTE)
    deliver(noon(TODAY) - MINUTE)

    morning(noon(TODAY))
    held = set(Notice.objects.values_list("outcome", flat=True))
    deliver(noon(TODAY) + 2 * HOUR)

    assert held == {"waiting"}
    assert set(Notice.objects.values_list("outcome", flat=True)) == {"mailed"}
    assert "Lumen Shoes" in mail_server.mails[-1].as_string()


@pytest.mark.usefixtures("at_now")
def test_what_is_held_for_an_address_that_is_parked_is_told_to_the_next_in_line(
    settings: Any, mail_server: MailServer
) -> None:
    settings.MAIL_DAILY_CAP = 1
    lead()
    ending(7, person=make_person(ADA), life=60)
    make_macro(emails=[], notify_consenters=True)
    make_message(ADA, next_attempt_at=noon(TODAY) - MINUTE)
    deliver(noon(TODAY) - MINUTE)
    morning(noon(TODAY))
    now = noon(TODAY) + 20 * MINUTE
    refused_addresses.note(ADA, said="", now=now, why=RefusedAddress.Why.BOUNCED)
    claims.hurry(recipient=ADA, now=now)

    deliver(now)
    told = morning(now + MINUTE)

    assert LEAD in told
    assert set(Notice.objects.filter(recipient=ADA).values_list("outcome", flat=True)) == {"dropped"}


def test_what_no_longer_holds_is_left_out_and_an_empty_digest_is_not_sent(
    mail_server: MailServer, monkeypatch: pytest.MonkeyPatch, known_kinds: dict[str, kinds.Kind]
) -> None:
    messages = many(5)
    deliver(NOW)

    def over(message: Message) -> kinds.Mail:
        raise kinds.NotWanted("works_again")

    monkeypatch.setitem(known_kinds, KIND, kinds.Kind("Test", over, may_be_held=True))
    deliver(NOW + HOUR)

    assert states(messages) == ["sent"] * 3 + ["cancelled"] * 2
    assert len(mail_server.mails) == 3
    assert Message.objects.get(kind="digest").state == "cancelled"


def test_staff_may_cancel_what_is_held(mail_server: MailServer) -> None:
    messages = many(5)
    deliver(NOW)

    assert claims.cancel(message_id=messages[-1].pk, reason="Not now")

    deliver(NOW + HOUR)
    assert states(messages)[-2:] == ["sent", "cancelled"]


@pytest.mark.usefixtures("at_now")
def test_a_digest_says_how_to_stop_what_it_holds_and_why_each_of_it_came(
    settings: Any, mail_server: MailServer, client: Client
) -> None:
    settings.MAIL_DAILY_CAP = 1
    ending(7, person=make_person(ADA), life=60, name="Lumen Shoes")
    make_macro(emails=[WATCHER])
    for reader in (WATCHER, ADA):
        make_message(reader, next_attempt_at=noon(TODAY) - MINUTE)
    make_message(ADA, payload={"subject": "Not a macro's"}, next_attempt_at=noon(TODAY) - MINUTE)
    deliver(noon(TODAY) - MINUTE)
    morning(noon(TODAY))

    deliver(noon(TODAY) + 2 * HOUR)

    by_reader = {mail["To"]: mail for mail in mail_server.mails if "in one" in mail["Subject"]}
    stop = by_reader[WATCHER]["List-Unsubscribe"].strip(" <>")
    plain = by_reader[WATCHER].get_body(("plain",))
    assert plain
    assert by_reader[ADA]["List-Unsubscribe"] is None, "no macro names her"
    kept = Message.objects.get(kind="digest", recipient=WATCHER)
    assert "/stop/" not in f"{kept.text} {kept.html}"
    assert not re.search("/(on-it|snooze)/", f"{kept.text} {kept.html}")
    on_it, snooze = (
        urlsplit(re.findall(rf"https?://\S+/{name}/", plain.get_content())[0]).path
        for name in ("on-it", "snooze")
    )
    ada_s = by_reader[ADA].get_body(("plain",))
    assert ada_s
    assert "/snooze/" not in ada_s.get_content()
    day = (timezone.localdate() + timedelta(days=3)).isoformat()
    nothing = client.post(snooze, {"until": day})
    assert (nothing.status_code, "Tick at least one account." in nothing.text) == (400, True)
    account = Account.objects.get()
    assert "Noted: you are on it" in client.post(on_it, {"account": account.pk}, follow=True).text
    client.post(snooze, {"account": account.pk, "until": day})
    assert snoozing.of_account(account).get().email == WATCHER
    client.post(urlsplit(stop).path)
    assert snoozing.of_person(WATCHER)
    facts = kinds.KINDS["digest"].why
    assert facts
    assert any("Lumen Shoes" in fact.what for fact in facts(kept))


@pytest.mark.usefixtures("at_now")
def test_a_contact_s_digest_has_the_personal_link_of_each_mail_and_the_kept_copy_has_none(
    settings: Any, mail_server: MailServer
) -> None:
    settings.MAIL_DAILY_CAP = 1
    clara = make_person("clara@client.example", name="Clara", is_contact=True, password="!")
    for name in ("Lumen Shoes", "Fern Tea"):
        ending(7, person=clara, life=60, name=name)
    make_macro(emails=[], notify_consenters=True)
    make_message(clara.email, next_attempt_at=noon(TODAY) - MINUTE)
    deliver(noon(TODAY) - MINUTE)
    morning(noon(TODAY))

    deliver(noon(TODAY) + 2 * HOUR)

    digest = mail_server.mails[-1]
    body = digest.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    (link,) = set(re.findall(r"https?://\S+/renew/\S+", text))
    assert "/my/" not in text
    assert Client().get(urlsplit(link).path).status_code == 200
    kept = Message.objects.get(kind="digest")
    assert link not in kept.text + kept.html
    assert "more mail" in kept.subject


def test_a_held_mail_that_cannot_be_made_costs_the_others_nothing_and_waits_for_the_next_digest(
    mail_server: MailServer, monkeypatch: pytest.MonkeyPatch, known_kinds: dict[str, kinds.Kind]
) -> None:
    now = timezone.now()
    messages = many(5, next_attempt_at=now, queued_at=now)
    deliver(now)
    broken = {messages[3].pk, messages[4].pk}

    def breaks(message: Message) -> kinds.Mail:
        if message.pk in broken:
            raise KeyError("bug")
        return build(message)

    monkeypatch.setitem(known_kinds, KIND, kinds.Kind("Test", breaks, may_be_held=True))
    deliver(now + HOUR)
    all_broken = (states(messages)[3:], len(mail_server.mails))
    broken.discard(messages[3].pk)
    deliver(now + HOUR + 2 * MINUTE)
    one_broken = (states(messages)[3:], len(mail_server.mails))
    broken.clear()

    deliver(now + 3 * HOUR)

    assert all_broken == (["held", "held"], 3)
    assert one_broken == (["sent", "held"], 4)
    assert (states(messages), len(mail_server.mails)) == (["sent"] * 5, 5)


def test_the_oldest_held_mails_of_a_digest_that_cannot_be_made_do_not_block_those_behind_them(
    mail_server: MailServer, monkeypatch: pytest.MonkeyPatch, known_kinds: dict[str, kinds.Kind]
) -> None:
    now = timezone.now()
    messages = many(6, next_attempt_at=now, queued_at=now)
    deliver(now)
    held = sorted(pk for pk in (one.pk for one in messages) if Message.objects.get(pk=pk).state == "held")

    def breaks(message: Message) -> kinds.Mail:
        if message.pk in held[:2]:
            raise KeyError("bug")
        return build(message)

    monkeypatch.setattr(digests, "MOST", 2)
    monkeypatch.setitem(known_kinds, KIND, kinds.Kind("Test", breaks, may_be_held=True))
    deliver(now + HOUR)

    assert [Message.objects.get(pk=pk).state for pk in held] == ["held", "held", "sent"]
