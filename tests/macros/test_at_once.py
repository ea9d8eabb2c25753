"""What happens is told once, in one mail a reader for what one cause does, of what holds then."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections, transaction
from pytest_django import Settings

from accounts import message_history
from accounts.models import AccountNews
from accounts.pool import services as pool
from infra import database_clock
from macros import tasks
from macros.at_once import services as at_once
from macros.models import Told
from macros.mutes.mails import accounts_of, open_told, sign_message
from macros.warnings import services as evaluation
from notifications.delivery import services as delivery
from notifications.models import Message
from tests.macros.news import (
    DAY,
    HOUR,
    MINUTE,
    SOON,
    die,
    linked,
    listed,
    log_in,
    person,
    refuse,
    restrict,
    revive,
    send,
    sent,
    tells,
    to_watcher,
)
from tests.macros.support import WATCHER
from tests.support.factories import (
    MARKER,
    NOW,
    link,
    make_account,
    make_app,
    make_team,
    make_token,
    make_user,
)
from tests.support.leaving import removed
from tests.support.sandbox import Sandbox
from tokens.models import Token
from users.models import Membership, Team

pytestmark = pytest.mark.django_db


def words(text: str) -> str:
    return " ".join(text.split())


def test_one_log_in_s_death_in_many_accounts_is_one_mail_within_a_minute() -> None:
    tells("deactivated")
    token = log_in(person("Ada"))
    for number in range(4):
        link(make_account(name=f"Account {number:02}", created_at=NOW - HOUR), token)
    with transaction.atomic():
        pool.settle(token_ids=[token.pk], cause="linked", now=NOW - HOUR)
    at_once.tell_news(NOW - HOUR + MINUTE)

    die(token)
    early = at_once.tell_news(NOW + timedelta(seconds=20))
    written = at_once.tell_news(SOON)
    again = at_once.tell_news(SOON + MINUTE)

    assert (early, written, again) == (0, 2, 0)
    assert send() == [
        "ada@example.com: Account 00 is deactivated: please re-authenticate (+3 more)",
        f"{WATCHER}: Account 00 is deactivated: waiting for Ada Okafor (+3 more)",
    ]
    assert Told.objects.filter(outcome="mailed", dark=True).count() == 8


def test_what_one_end_stops_shifts_and_leaves_with_one_person_is_one_mail_and_each_account_stands_once() -> (
    None
):
    tells("deactivated", "shifted")
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, name="Alone")
    linked(ada, ben, name="Backed up")

    die(ada)
    at_once.tell_news(SOON)
    mails = dict(sent())

    assert sorted(mails) == ["ada@example.com", WATCHER]
    watchers = mails[WATCHER]
    assert watchers.subject == "Alone is deactivated: waiting for Ada Okafor (+1 more)"
    text = words(watchers.text)
    assert text.count("Alone and 1 more (Facebook)") == 1
    assert "1 of 2 are deactivated since" in text
    assert "One person keeps it connected now." in text
    assert "Waiting for Ada Okafor." in text
    assert MARKER not in watchers.text + watchers.html


def test_whom_the_mail_about_a_leaver_tells_is_not_told_by_a_macro_and_hears_when_it_works_again() -> None:
    tells("deactivated", emails=["lea@example.com", WATCHER])
    lea, ada, boss = person("Lea"), person("Ada"), make_user("boss@example.com")
    as_lead = {"role": Membership.Role.TEAM_LEAD}
    Membership.objects.update_or_create(user=lea, team=Team.default(), defaults=as_lead)
    tokens = [log_in(ada), log_in(ada)]
    accounts = [linked(token, name=f"Fern {token.pk}") for token in tokens]

    removed(*tokens, by=boss, now=NOW, left=ada)
    at_once.tell_news(SOON)
    first = send()
    for account in accounts:
        revive(account, NOW + 5 * MINUTE)
    at_once.tell_news(NOW + 6 * MINUTE)

    kinds = Message.objects.filter(recipient="lea@example.com").order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["left", "news"]
    assert len(to_watcher(first)) == 1
    assert "works again" in " ".join(send(NOW + 6 * MINUTE))


def test_recovery_is_told_once_to_whoever_was_told_that_it_stopped_which_is_not_told_again_in_the_morning() -> (
    None
):
    tells("deactivated", "recovered")
    account = linked(token := log_in(person("Ada")), name="Fern Gardens")
    die(token)
    at_once.tell_news(SOON)
    send()

    morning = evaluation.evaluate(now=NOW + DAY).notice_count
    revive(account, NOW + 5 * MINUTE)
    at_once.tell_news(NOW + 6 * MINUTE)
    mails = send(NOW + 6 * MINUTE)
    at_once.tell_news(NOW + 20 * MINUTE)
    later = [send(NOW + after) for after in (20 * MINUTE, at_once.LATEST, at_once.LATEST + 7 * MINUTE)]

    assert morning == 0
    assert mails == ["ada@example.com: Fern Gardens works again"]
    assert later == [[], [], [f"{WATCHER}: Fern Gardens works again"]]  # nobody need act on it
    assert not Told.objects.open().exists()


def test_what_goes_on_happening_is_told_in_few_mails_the_first_at_once() -> None:
    tells("deactivated", notify_consenters=False)
    tokens = [log_in(person(f"P{number}")) for number in range(4)]
    for token in tokens:
        linked(token)
    for minute in range(12):
        if minute < 4:
            die(tokens[minute], NOW + minute * MINUTE)
        at_once.tell_news(NOW + minute * MINUTE + timedelta(seconds=35))
        send(NOW + minute * MINUTE + timedelta(seconds=36))

    mails = Message.objects.filter(recipient=WATCHER, state="sent").order_by("sent_at")
    assert mails[0].sent_at < NOW + MINUTE  # type: ignore[operator]  # it left
    assert mails.count() <= 3
    assert Told.objects.filter(recipient=WATCHER, outcome="mailed").count() == 4


def test_what_no_longer_holds_when_the_mail_is_made_is_dropped_without_a_word() -> None:
    tells("deactivated", notify_consenters=False)
    account = linked(token := log_in(person("Ada")))
    die(token)
    at_once.tell_news(SOON)

    revive(account, SOON)

    assert to_watcher(send()) == []
    assert Told.objects.get(recipient=WATCHER).outcome == "dropped"


def test_where_the_mail_server_refuses_the_address_whoever_stands_in_is_told(settings: Settings) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    tells("deactivated", notify_consenters=False)
    linked(token := log_in(person("Ada")), name="Fern Gardens")
    die(token)
    at_once.tell_news(SOON)

    refuse(Message.objects.get(recipient=WATCHER))
    refuse(Message.objects.get(recipient="ada@example.com"))
    at_once.tell_news(SOON + MINUTE)
    mails = send(SOON + MINUTE)

    assert [one.partition(":")[0] for one in mails] == ["ops@example.com"]
    assert set(Told.objects.filter(outcome="mailed").values_list("kind", "via")) == {("log_in", "operator")}


def test_the_mail_has_the_links_of_a_warning_and_its_kept_copy_has_none() -> None:
    tells("deactivated", notify_consenters=False)
    account = linked(token := log_in(person("Ada")))
    die(token)
    at_once.tell_news(SOON)
    message = Message.objects.get(recipient=WATCHER)
    mail = dict(sent())[WATCHER]
    message.refresh_from_db()
    signed = sign_message(message)

    assert signed in mail.text
    assert signed not in message.text + message.html
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert open_told(signed) == message
    assert accounts_of(message) == [account]
    assert {one.message for one in message_history.messages_about(account, limit=9)} == set(
        Message.objects.all()
    )


def test_a_lost_role_and_a_restriction_say_what_the_channel_says_and_who_can_help() -> None:
    ada, ben = person("Ada"), person("Ben")
    hers = log_in(ada)
    account = linked(hers, name="Fern Gardens")
    link(account, make_token(make_app(), consented_by=ben, state="dead", state_since=NOW - DAY), role="Admin")
    other = linked(make_token(make_app(), consented_by=ben), name="Lumen")

    listed(hers, [])
    restrict(other, "ACCOUNT_DISABLED")
    at_once.tell_news(SOON)
    mails = dict(sent())

    own, admin = words(mails["ada@example.com"].text), words(mails["ben@example.com"].text)
    assert mails["ada@example.com"].subject == "Fern Gardens is deactivated: waiting for an admin at Facebook"
    assert "Ada, one ad account waits for an admin at Facebook." in own
    assert "Re-authenticating would not help." in own
    assert "See the steps and check now" in own
    assert "Facebook says:" in admin
    assert "Waiting for you" in admin
    assert "Lumen" in admin


def test_an_address_outside_gets_a_mail_for_each_team_and_a_person_one_of_no_team() -> None:
    tells("deactivated", emails=["lea@example.com", WATCHER], notify_consenters=False)
    person("Lea")
    token = log_in(person("Ada"))
    for team in (make_team("Blue"), make_team("Red")):
        linked(token, team=team)

    die(token)
    at_once.tell_news(SOON)

    teams = Message.objects.filter(recipient=WATCHER).values_list("team__name", flat=True)
    assert sorted(teams) == ["Blue", "Red"]
    assert Message.objects.get(recipient="lea@example.com").team is None


@pytest.mark.django_db(transaction=True)
def test_what_commits_late_is_told_all_the_same_and_what_is_read_again_is_told_once() -> None:
    tells("deactivated", notify_consenters=False)
    early, late = (linked(log_in(person(name))) for name in ("Ada", "Ben"))
    with ThreadPoolExecutor(1) as other, transaction.atomic():
        die(Token.objects.get(pool_entries__account=late))

        def meanwhile() -> None:
            die(Token.objects.get(pool_entries__account=early))
            at_once.tell_news(SOON)
            connections.close_all()

        other.submit(meanwhile).result()
    at_once.tell_news(SOON + MINUTE)
    pool.note_news({early.pk, late.pk}, NOW)
    at_once.tell_news(SOON + 2 * MINUTE)

    told = Told.objects.filter(recipient=WATCHER).values_list("account", flat=True)
    assert sorted(told) == sorted([early.pk, late.pk])


@pytest.mark.django_db(transaction=True)
def test_of_two_sweeps_at_once_one_tells() -> None:
    tells("deactivated")
    linked(token := log_in(person("Ada")))
    die(token)

    def sweep(_: int) -> int:
        try:
            return at_once.tell_news(SOON)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as sweeps:
        written = sum(sweeps.map(sweep, range(2)))

    assert written == Message.objects.count() == 2
    assert not AccountNews.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_task_and_the_outbox_bring_it_by_smtp(channels_world: Sandbox) -> None:
    now = database_clock.now()
    tells("deactivated", created_at=now - HOUR, notify_consenters=False)
    account = make_account(name="Fern Gardens", created_at=now - HOUR)
    link(account, token := log_in(person("Ada")))
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=now - HOUR)
    AccountNews.objects.all().delete()
    die(token, now - MINUTE)

    tasks.tell_at_once.apply().get()
    delivery.deliver(clock=database_clock.now)

    (mail,) = channels_world.mails(to=WATCHER)
    assert mail["subject"] == "Fern Gardens is deactivated: waiting for Ada Okafor"
