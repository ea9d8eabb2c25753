"""What goes on happening is told in few mails: the first at once, the rest together and soon; nobody else waits for that."""

from collections import defaultdict
from datetime import datetime, timedelta

import pytest

from accounts.models import Account
from macros import at_once, bursts
from macros.models import Evaluation, NewsNotice, Notice
from notifications.models import Message
from tests.macros.support import WATCHER, make_person, settle
from tests.macros.test_at_once import HOUR, MINUTE, linked, log_in, person, send, tells
from tests.support.factories import NOW, make_team
from tokens.models import Token

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
OTHER = "other@example.com"


def end(account: Account, at: datetime) -> None:
    """Its first log-in stops. As a channel's answers do, but for the doubt that comes first."""
    first = account.pool.order_by("rank").first()
    assert first
    Token.objects.filter(pk=first.token_id).update(state="dead", reason="password_changed")
    settle(account, now=at, cause="password_changed")


def run(
    deaths: list[tuple[datetime, Account]], until: datetime, step: timedelta = 15 * SECOND
) -> dict[str, list[datetime]]:
    """Have log-ins die one after the other, while a sweep comes every so often and a worker sends. Returns by reader when a mail came."""
    came: dict[str, list[datetime]] = defaultdict(list)
    waiting, now = sorted(deaths, key=lambda one: one[0]), NOW
    while now <= until:
        while waiting and waiting[0][0] <= now:
            at, account = waiting.pop(0)
            end(account, at)
        at_once.tell(now)
        for mail in send(now - MINUTE):
            came[mail.partition(":")[0]].append(now)
        now += step
    return came


def test_sixty_log_ins_that_die_within_ninety_seconds_are_three_mails_the_first_at_once_the_others_in_ninety_seconds() -> (
    None
):
    accounts = [linked(log_in(None), name=f"Account {number:02}") for number in range(60)]
    apart = linked(log_in(None), name="Apart")
    tells("deactivated", accounts=accounts)
    tells("deactivated", emails=[OTHER], accounts=[apart])
    deaths = [(NOW + number * 1.5 * SECOND, account) for number, account in enumerate(accounts)]

    came = run([*deaths, (NOW + 70 * SECOND, apart)], NOW + 10 * MINUTE)

    told = Notice.objects.filter(recipient=WATCHER, threshold=0, outcome="mailed")
    assert len(came[WATCHER]) == 3
    assert came[WATCHER][0] <= NOW + MINUTE
    for number, account in enumerate(accounts):
        mail = Message.objects.get(
            payload__evaluation=told.get(account=account).evaluation_id, recipient=WATCHER
        )
        assert mail.next_attempt_at - (NOW + number * 1.5 * SECOND) <= 90 * SECOND
    assert set(told.values_list("account", flat=True)) == {one.pk for one in accounts}
    assert [at <= NOW + 130 * SECOND for at in came[OTHER]] == [True]
    runs = Evaluation.objects.filter(trigger="event")
    assert [one.notice_count for one in runs.order_by("pk")] == [
        Notice.objects.filter(evaluation=one).count() for one in runs.order_by("pk")
    ]


def test_an_hour_of_deaths_is_ten_mails_and_none_waits_longer_than_ten_minutes() -> None:
    accounts = [linked(log_in(None)) for _ in range(24)]
    tells("deactivated", accounts=accounts)
    deaths = [(NOW + number * 150 * SECOND, account) for number, account in enumerate(accounts)]

    came = run(deaths, NOW + 75 * MINUTE, step=30 * SECOND)

    assert len([at for at in came[WATCHER] if at <= NOW + HOUR]) <= 10
    for at, account in deaths:
        notice = Notice.objects.get(account=account)
        sent = Message.objects.get(
            payload__evaluation=notice.evaluation_id, recipient=WATCHER
        ).next_attempt_at
        assert sent - at <= bursts.LONGEST + MINUTE
        assert notice.outcome == "mailed"


def test_two_causes_that_lie_apart_are_both_told_at_once() -> None:
    first, second = linked(log_in(None)), linked(log_in(None))
    tells("deactivated")

    came = run([(NOW, first), (NOW + 4 * MINUTE, second)], NOW + 6 * MINUTE)

    assert len(came[WATCHER]) == 2
    assert [at - NOW <= MINUTE for at in came[WATCHER][:1]] == [True]
    assert came[WATCHER][1] - (NOW + 4 * MINUTE) <= MINUTE


def test_a_mail_that_came_back_and_is_sent_again_in_hours_holds_up_nothing() -> None:
    first, second = linked(log_in(None)), linked(log_in(None))
    tells("deactivated")
    came = run([(NOW, first)], NOW + MINUTE)
    Message.objects.filter(recipient=WATCHER).update(
        state="queued", attempts=1, next_attempt_at=NOW + 4 * HOUR
    )

    end(second, NOW + 2 * MINUTE)
    at_once.tell(NOW + 3 * MINUTE)

    assert len(came[WATCHER]) == 1
    fresh = Message.objects.get(recipient=WATCHER, attempts=0)
    assert fresh.next_attempt_at <= NOW + 3 * MINUTE


def test_a_mail_that_takes_up_accounts_of_another_team_is_of_no_team_and_an_address_outside_gets_one_for_each() -> (
    None
):
    reader = make_person("reader@example.com")
    teams = [make_team("Red"), make_team("Blue")]
    accounts = [linked(log_in(None), team=team) for team in (*[teams[0]] * 4, teams[1])]
    tells("deactivated", emails=[reader.email, WATCHER])
    deaths = [(NOW + number * 50 * SECOND, account) for number, account in enumerate(accounts)]

    came = run(deaths, NOW + 8 * MINUTE)

    assert (len(came[reader.email]), len(came[WATCHER])) == (4, 5)
    of_person = Message.objects.filter(kind="macro", recipient=reader.email).order_by("pk")
    assert [one.team_id for one in of_person] == [*[teams[0].pk] * 3, None]
    outside = Message.objects.filter(kind="macro", recipient=WATCHER)
    assert sorted(one.team_id or 0 for one in outside) == sorted([*[teams[0].pk] * 4, teams[1].pk])
    assert Notice.objects.exclude(outcome="mailed").count() == 0


def test_shifts_are_gathered_too_and_what_is_dark_does_not_wait_for_them() -> None:
    shifting = [linked(log_in(person(f"P{number}")), log_in(None)) for number in range(6)]
    dark = linked(log_in(None), name="Dark")
    tells("deactivated", "shifted")

    for number, account in enumerate(shifting):
        end(account, NOW + number * 20 * SECOND)
        at_once.tell(NOW + (number * 20 + 10) * SECOND)
        send(NOW + (number * 20 + 10) * SECOND - MINUTE)
    end(dark, NOW + 130 * SECOND)
    at_once.tell(NOW + 165 * SECOND)
    soon = send(NOW + 165 * SECOND - MINUTE)
    send(NOW + 10 * MINUTE)

    assert f"{WATCHER}: Dark is deactivated: nobody can be asked" in soon
    mails = Message.objects.filter(kind="macro_news", recipient=WATCHER, state="sent")
    assert mails.count() < len(shifting)
    assert NewsNotice.objects.filter(outcome="mailed").count() == 6


def test_an_account_that_goes_on_and_off_is_told_of_once_an_hour_whatever_the_kind() -> None:
    """Every 20 minutes it stops, and works again 12 minutes later: once both is told at once, and from then on what is then."""
    account = linked(log_in(None), name="Fern Gardens")
    tells("deactivated", "recovered")
    came = []

    for minute in range(0, 200, 4):
        if minute % 20 in {0, 12}:
            happens = works_again if minute % 20 else end
            happens(account, NOW + minute * MINUTE)
        now = NOW + (minute + 1) * MINUTE
        at_once.tell(now)
        came += [(minute + 1, one.split(": ")[1]) for one in send(now - MINUTE)]

    assert came == [
        (1, "Fern Gardens is deactivated"),
        (13, "Fern Gardens works again"),
        (81, "Fern Gardens is deactivated"),
        (153, "Fern Gardens works again"),
    ]


def works_again(account: Account, at: datetime) -> None:
    """Its first log-in is taken again."""
    first = account.pool.order_by("rank").first()
    assert first
    Token.objects.filter(pk=first.token_id).update(state="valid", reason="")
    settle(account, now=at, cause="linked")
