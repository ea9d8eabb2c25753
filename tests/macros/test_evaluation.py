"""What an evaluation finds, and how often."""

from datetime import datetime, timedelta

import pytest
from django.core.management import call_command

from accounts.models import Account
from macros.models import Notice
from macros.warnings import services as evaluation
from notifications.models import Message
from tests.macros.support import (
    BERLIN,
    TODAY,
    WATCHER,
    die,
    ending,
    make_macro,
    make_person,
    move,
    noon,
    revive,
    settle,
    token_of,
)
from tests.support.factories import NOW, link, make_account, make_team, make_token
from tokens.models import Token
from ui.dates import local_day

pytestmark = pytest.mark.django_db


def run(days_later: int = 0) -> list[tuple[str, int, str]]:
    """Evaluate so many days from today at noon; return (account, threshold, recipient) of what it found."""
    report = evaluation.evaluate(now=noon(TODAY + timedelta(days=days_later)))
    found = Notice.objects.filter(evaluation=report).select_related("account")
    assert report.notice_count == len(found)
    return sorted((notice.account.name, notice.threshold, notice.recipient) for notice in found)


def run_daily(days: int) -> list[tuple[int, int]]:
    """Evaluate on so many days in a row; return (day, threshold) of all that was found."""
    return [(day, threshold) for day in range(days) for _, threshold, _ in run(day)]


def test_each_threshold_is_told_once_on_its_calendar_day() -> None:
    make_macro(days=[3, 1])
    ending(4)

    assert run_daily(4) == [(1, 3), (3, 1)]


def test_a_date_that_moves_by_two_days_is_told_for_each_threshold_reached() -> None:
    make_macro(days=[30])
    account = ending(10, life=60)
    deadline = token_of(account).deadline
    assert deadline is not None

    found = []
    for number in range(3):
        moved = deadline + timedelta(days=2 * (number % 2))
        move(account, deadline=moved, issued_at=moved - timedelta(days=60))
        found += run()

    assert len(found) == 3


def test_a_token_macro_tells_of_every_token_although_a_backup_covers() -> None:
    make_macro(days=[7], watch="token", emails=[], notify_consenters=True)
    ada, ben = make_person("ada@example.com"), make_person("ben@example.com")
    account = ending(5, name="Shoes", person=ada)
    link(account, make_token(deadline=noon(TODAY + timedelta(days=40)), consented_by=ben))
    settle(account)

    found = run()

    assert found == [("Shoes", 7, "ada@example.com")]
    assert Notice.objects.get().token == token_of_person(account, ada.pk)


def token_of_person(account: Account, user_id: int) -> Token:
    return Token.objects.get(pool_entries__account=account, consented_by=user_id)


def test_a_deadline_of_a_token_long_known_is_told_when_the_account_comes_to_hang_on_it() -> None:
    make_macro(days=[30])
    account = ending(60, life=90, name="Shoes")
    backup = make_token(deadline=noon(TODAY + timedelta(days=20)), issued_at=NOW - timedelta(days=40))
    link(account, backup)
    settle(account)
    assert run() == []
    Token.objects.exclude(pk=backup.pk).update(state="dead", reason="password_changed")

    settle(account)

    assert run() == [("Shoes", 30, WATCHER)]


def test_going_dark_again_is_told_again() -> None:
    make_macro(days=[1])
    account = ending(50)
    die(account)
    first = run()
    revive(account, noon(TODAY + timedelta(days=50)))
    between = run(1)
    die(account)

    second = run(2)

    assert [len(first), len(between), len(second)] == [1, 0, 1]


def test_an_account_that_never_had_a_token_did_not_go_dark() -> None:
    make_macro()
    account = make_account()
    for paused_at in (NOW, None):
        Account.objects.filter(pk=account.pk).update(paused_at=paused_at)
        settle(account)

    assert run() == []


def test_unlinking_the_last_token_is_told() -> None:
    make_macro()
    account = ending(50, name="Shoes")
    Account.objects.filter(pk=account.pk).update(active_token=None)
    account.pool.all().delete()
    settle(account, cause="unlinked")

    assert run() == [("Shoes", 0, WATCHER)]


def test_everybody_who_linked_is_told_once_and_those_who_left_are_not() -> None:
    make_macro(days=[7], notify_consenters=True, emails=["Ada@Example.com"])
    ada = make_person("ada@example.com")
    account = ending(5, name="Shoes", person=ada)
    link(account, make_token(state="dead", consented_by=make_person("ben@example.com")))
    link(account, make_token(state="dead", consented_by=make_person("gone@example.com", is_active=False)))
    link(account, make_token(state="dead"))
    settle(account)

    assert run() == [("Shoes", 7, "ada@example.com"), ("Shoes", 7, "ben@example.com")]


def test_scopes_take_chosen_accounts_channels_and_all() -> None:
    shoes, other = ending(5, name="Shoes"), ending(5, name="Other")
    cup = ending(5, name="Cup", channel="x")
    make_macro(days=[7], accounts=[shoes], emails=["chosen@example.com"])
    make_macro(days=[7], scope="channels", channels=["x"], emails=["x@example.com"])
    make_macro(days=[7], scope="all", emails=["all@example.com"])
    make_macro(days=[7], scope="all", emails=["off@example.com"], enabled=False)

    found = run()

    assert found == sorted(
        [
            (shoes.name, 7, "chosen@example.com"),
            (cup.name, 7, "x@example.com"),
            *((account.name, 7, "all@example.com") for account in (shoes, other, cup)),
        ]
    )


def test_one_mail_per_recipient_and_team_carries_all_macros() -> None:
    team = make_team()
    ending(5), ending(6), ending(5, team=team)
    make_macro(days=[7])
    make_macro(days=[30, 7])

    report = evaluation.evaluate(now=NOW)

    assert (report.notice_count, report.message_count) == (6, 2)
    message = Message.objects.get(team=team)
    assert message.notices.count() == 2
    assert Message.objects.exclude(pk=message.pk).get().recipient == WATCHER


def test_a_notice_that_was_dropped_does_not_stand_in_the_way_of_a_later_one() -> None:
    make_macro(days=[7])
    ending(6, name="Shoes")
    run()
    Notice.objects.update(outcome="dropped")

    assert run(1) == [("Shoes", 7, WATCHER)]


def test_the_command_runs_as_if_it_were_another_day(capsys: pytest.CaptureFixture[str]) -> None:
    make_macro(days=[7])
    day = local_day(datetime.now(BERLIN)) + timedelta(days=100)
    ending(at=noon(day + timedelta(days=7)))

    call_command("evaluate_macros", "--on", day.isoformat())
    call_command("evaluate_macros")

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{day}: 1 notices found, 1 messages written."
    assert lines[1].endswith(": 0 notices found, 0 messages written.")
