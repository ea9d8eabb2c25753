"""Figures of the start page that a worker works out before they are asked for: for whom, how often, and what the page does without them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import backups, lately, people_left
from accounts.models import Account, AccountEvent, StartFigures
from macros.models import Macro
from portal import start_ahead, start_viewer
from tests.portal.support import linked, staff, token_of
from tests.support.factories import PASSWORD, make_team, make_user
from users import asking_workers
from users.models import User

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def work_out(now: datetime, *, turn: float = 60) -> int:
    """Work out what is due, as a worker does. Returns for how many sets of accounts."""
    return start_ahead.work_out_due(clock=lambda: now, goes_on=lambda: True, turn=turn)


def words(client: Client, now: datetime, query: str = "") -> str:
    """Return the words of the page as it is then."""
    with time_machine.travel(now, tick=False):
        page = client.get(f"/admin/{query}").content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", page).split()).replace(" .", ".")


@pytest.fixture(autouse=True)
def _very_many(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two accounts are very many, of which nobody but the page's own columns says how many there are."""
    settings.STAFF_SECOND_FACTOR = False
    monkeypatch.setattr(start_viewer, "MANY", 1)


@pytest.fixture
def boss(client: Client) -> Client:
    """Somebody who sees all accounts: one of Ada's, one of Ada's and Ben's."""
    with time_machine.travel(NOW, tick=False):
        ada, ben = token_of("Ada", days=5), token_of("Ben")
        linked(ada, name="One")
        linked(ada, ben, name="Two")
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def test_a_look_is_remembered_and_from_then_on_the_page_reads_what_the_worker_found(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = words(boss, NOW)
    none_left = work_out(NOW), work_out(NOW)

    for module, name in ((people_left, "count"), (lately, "count"), (backups, "count_alone")):
        monkeypatch.setattr(module, name, None)  # whoever calls it fails
    page = words(boss, NOW + MINUTE * 4)

    assert none_left == (1, 0)
    assert "Work out the next 90 days" in first
    assert "Work out the next 90 days" not in page
    assert "0, stops 0 1" in page  # today, and in seven days
    assert "The oldest was worked out 4 min ago." in page
    assert StartFigures.objects.get().whose == "all"


def test_what_is_dark_now_is_told_now_whatever_the_age_of_the_figures(boss: Client) -> None:
    words(boss, NOW)
    work_out(NOW)
    Account.objects.filter(name="One").update(
        state="deactivated", people_count=0, since=NOW + MINUTE, deadline=None, deadline_kind="unknown"
    )

    page = words(boss, NOW + 2 * MINUTE)

    assert "1 account is deactivated" in page
    assert "Deactivated 1" in page
    assert "One Facebook" in page.partition("Most urgent")[2]


def test_figures_that_cannot_be_asked_for_keep_nobody_from_logging_in(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("figures")

    make_user("ada@example.com", is_staff=True, is_superuser=True)
    monkeypatch.setattr(start_viewer, "viewer_of", breaks)

    answer = Client().post(reverse("account_login"), {"login": "ada@example.com", "password": PASSWORD})

    assert answer.status_code == 302
    assert "RuntimeError: figures" in caplog.text


def test_a_password_has_a_worker_find_the_figures_before_the_first_look(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(asking_workers, "ask", asked.append)

    def shows(email: str, password: str) -> tuple[int, int]:
        with time_machine.travel(NOW, tick=False):
            Client().post(reverse("account_login"), {"login": email, "password": password})
        return len(asked), StartFigures.objects.count()

    email = make_user(is_staff=True, is_superuser=True).email
    others = make_user().email
    wrong, of_a_marketer, right = shows(email, "wrong"), shows(others, PASSWORD), shows(email, PASSWORD)
    work_out(NOW)
    again = shows(email, PASSWORD)  # they are there
    for module, name in ((people_left, "count"), (lately, "count"), (backups, "count_alone")):
        monkeypatch.setattr(module, name, None)  # whoever calls it fails
    page = words(boss, NOW + MINUTE)

    assert (wrong, of_a_marketer, right, again) == ((0, 0), (0, 0), (1, 1), (1, 1))
    assert "0, stops 0 1" in page


def test_figures_are_renewed_every_few_minutes_while_somebody_looks_then_by_the_hour_then_not_at_all(
    boss: Client,
) -> None:
    words(boss, NOW)
    row = StartFigures(zone="Europe/Berlin", looked_at=NOW)

    def renewed(first: int, last: int) -> int:
        """Say how often it is due from one minute to another, if it is done at once."""
        found = 0
        for minute in range(first, last):
            if start_ahead.is_due(row, NOW + minute * MINUTE):
                row.begun_at, found = NOW + minute * MINUTE, found + 1
        return found

    looks, comes_back = renewed(0, 60), renewed(60, 660)
    at_midnight = renewed(660, 661)

    assert (looks, comes_back, at_midnight) == (12, 10, 1)
    assert work_out(NOW + 7 * DAY) == 1
    assert work_out(NOW + 7 * DAY + MINUTE) == 0
    assert not StartFigures.objects.exists()


def test_figures_of_yesterday_or_of_hours_ago_are_not_shown_and_the_page_works_out_its_own(
    boss: Client,
) -> None:
    words(boss, NOW)
    work_out(NOW)
    Macro.objects.update(enabled=False)
    AccountEvent.objects.create(account=Account.objects.get(name="Two"), kind="shifted", cause="x", at=NOW)

    soon = words(boss, NOW + 110 * MINUTE)
    late = words(boss, NOW + 130 * MINUTE)  # no worker runs
    again = words(boss, NOW + 131 * MINUTE)
    asked = words(boss, NOW + 132 * MINUTE, "?people")

    assert "No macro 0" in soon
    assert "The oldest was worked out 1 h ago." in soon
    assert "No macro 2" in late
    assert "1 account shifted" in late
    assert "The oldest was worked out just now." in late
    assert "Work out the next 90 days" in again
    assert "The oldest was worked out 1 min ago." in again
    assert "Work out the next 90 days" not in asked
    midnight = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)  # in Berlin
    work_out(midnight - HOUR)
    assert "The oldest was worked out just now." in words(boss, midnight)
    assert work_out(midnight) == 1


def test_people_of_one_team_share_figures_and_nobody_gets_those_of_others(boss: Client) -> None:
    fern, moss = make_team("Fern"), make_team("Moss")
    for team, number in ((fern, 2), (moss, 3)):
        for place in range(number):
            linked(token_of(f"{team} {place}", team=None), name=f"{team} {place}", team=team)
    of_fern, too, of_moss, carries = Client(), Client(), Client(), Client()
    for client, team in ((of_fern, fern), (too, fern), (of_moss, moss)):
        staff(client, team=team)
    person = staff(carries, team=fern)
    own = token_of("Own")
    own.consented_by = person
    own.save()
    linked(own, name="Elsewhere", team=moss)

    for client in (boss, of_fern, too, of_moss, carries):
        words(client, NOW)
    worked_out = work_out(NOW + MINUTE)

    alone = {name: words(one, NOW + MINUTE).partition("Only one person left")[2].split()[0]
             for name, one in {"boss": boss, "fern": of_fern, "too": too, "moss": of_moss, "own": carries}.items()}  # fmt: skip
    assert worked_out == 4
    assert alone == {"boss": "7", "fern": "2", "too": "2", "moss": "4", "own": "3"}
    User.objects.get(memberships__team=moss, is_staff=True).memberships.all().delete()
    assert work_out(NOW + 10 * MINUTE) == 3
    assert StartFigures.objects.count() == 3


def test_a_turn_is_short_and_what_fails_holds_up_nobody_else(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    words(boss, NOW)
    mine = StartFigures.objects.get()
    for number in range(3):
        StartFigures.objects.create(
            whose="all", zone=f"Etc/GMT+{number + 1}", user=mine.user, looked_at=NOW, begun_at=None
        )
    count, tried = lately.count, []

    def fails_once(*args: object, **options: object) -> object:
        tried.append(1)
        if len(tried) == 1:
            raise ValueError
        return count(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(lately, "count", fails_once)

    first = work_out(NOW, turn=0)
    rest = work_out(NOW)

    assert (first, rest) == (0, 3)
    assert len(tried) == 4
