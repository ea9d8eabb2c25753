"""The page that asks everybody whose log-in uses an app: grouped in the database, asked at once or by a worker."""

import random
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from pytest_django import Settings

from accounts import actions, asks_of_app, tasks
from accounts.models import Account, AccountEvent, AccountToken, Job
from notifications.models import Message
from portal import asking, jobs
from tests.portal.support import staff
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tokens.models import ChannelApp, Token, TokenEvent
from users import hold, refused_addresses
from users.models import User
from users.visibility import names_for

pytestmark = pytest.mark.django_db(transaction=True)
PERMISSIONS = ("tokens.view_channelapp", "tokens.change_channelapp", "tokens.ask_token")


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False  # its own tests are in tests/users


@pytest.fixture
def app() -> ChannelApp:
    return make_app("facebook")


def fleet(app: ChannelApp, *, people: int, seed: int = 1) -> list[User]:
    """People with several log-ins in accounts of two teams: asked today, before today, renewed since, gone, of the system, imported."""
    dice, now = random.Random(seed), timezone.now()
    teams = [make_team("One"), make_team("Two")]
    accounts = [
        make_account("facebook", name=f"Account {number // 2:02}", team=dice.choice(teams))
        for number in range(people * 2)
    ]
    persons = [
        make_user(
            f"p{number}@example.com",
            name=f"Person {number}",
            team=dice.choice(teams),
            is_active=number % 5 > 0,
        )
        for number in range(people)
    ]
    for number in range(people * 3):
        person = dice.choice([*persons, None]) if number else persons[1]
        token = make_token(
            app, consented_by=person, native_user_name=f"Native {number}", native_user_id=str(number)
        )
        if number % 11 == 7:
            Token.objects.filter(pk=token.pk).update(kind=Token.Kind.SYSTEM, consented_by=None, team=teams[0])
        Token.objects.filter(pk=token.pk).update(linked_at=now - timedelta(days=3))
        for account in dice.sample(accounts, dice.randint(0, 6)):
            link(account, token)
        if number % 3 == 0:
            at = (
                now - timedelta(days=2)
                if number % 2
                else timezone.localtime(now).replace(hour=0, minute=0, second=1)
            )
            TokenEvent.objects.create(token=token, kind=TokenEvent.Kind.ASKED, at=at)
        if number % 9 == 0:
            Token.objects.filter(pk=token.pk).update(linked_at=now)
    return persons


def ask_url(app: ChannelApp) -> str:
    return reverse("admin:tokens_channelapp_ask", args=[app.pk])


@pytest.mark.parametrize("sees_all", [True, False])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_lines_say_what_they_would_if_every_entry_of_a_pool_were_read(
    app: ChannelApp, seed: int, sees_all: bool
) -> None:
    people = fleet(app, people=12, seed=seed)
    other = make_app("facebook", client_id="other", label="Other", is_default=False)
    link(Account.objects.all()[0], make_token(other, consented_by=people[2]))
    viewer = make_user("boss@example.com", is_superuser=True) if sees_all else people[1]
    now = timezone.now()
    entries = AccountToken.objects.filter(token__app=app, account__in=Account.objects.visible_to(viewer))
    entries = entries.select_related("account__team", "token__app", "token__consented_by")
    read = [(entry.account, entry) for entry in entries.order_by("account__name", "account_id", "pk")]

    waiting = asks_of_app.of_app(app, viewer)
    groups = asks_of_app.groups(waiting, now)
    details = asks_of_app.details(waiting, [group.id for group in groups], now)
    lines = asking.lines_of([details[group.id] for group in groups], names_for(viewer))

    expected = asking.everybody(read, names_for(viewer), now)
    assert {(one.who, one.what, one.skipped, one.but) for one in lines} == {
        (one.who, one.what, one.skipped, one.but) for one in expected
    }
    assert [bool(one.skipped) for one in lines] == [bool(one.skipped) for one in expected]
    assert len(lines) == len(expected)
    assert {"", "was skipped"} == {one.skipped and "was skipped" for one in lines}
    assert any(one.but for one in lines)
    for group in groups:
        refused = actions.cannot_ask(details[group.id].everything.entries[0].token)
        assert bool(refused) == (group.id < 0)


def test_the_page_asks_the_database_as_often_for_many_log_ins_as_for_few(
    client: Client, app: ChannelApp
) -> None:
    client.force_login(make_user("boss@example.com", is_staff=True, is_superuser=True))
    counts = []

    for people, seed in ((6, 1), (40, 2)):
        fleet(app, people=people, seed=seed) if people == 6 else more(app)
        client.get(ask_url(app))
        with CaptureQueriesContext(
            connection,
        ) as asked:
            page = client.get(ask_url(app))
        assert page.status_code == 200
        counts.append(len(asked))

    assert counts[0] == counts[1]
    assert "and 20 more" in page.content.decode()


def more(app: ChannelApp) -> None:
    """People beyond what a page shows."""
    AccountToken.objects.all().delete()
    accounts = [make_account("facebook", name=f"Many {number}") for number in range(5)]
    for number in range(120):
        token = make_token(app, consented_by=make_user(f"m{number}@example.com"), native_user_id=f"m{number}")
        for account in accounts:
            link(account, token)


def test_its_page_says_what_came_of_each_person(
    client: Client, app: ChannelApp, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "SMALL", 0)
    names, now = ("Ada", "Ben", "Cleo", "Dora"), timezone.now()
    people = {name: make_user(f"{name.lower()}@example.com", name=name) for name in names}
    tokens = {name: make_token(app, consented_by=person) for name, person in people.items()}
    for name, token in tokens.items():
        link(make_account("facebook", name=f"Account of {name}"), token)
    for number in range(4):
        link(make_account("facebook", name=f"More {number}"), tokens["Ada"])
    link(Account.objects.all()[0], make_token(app, consented_by=None))
    refused_addresses.note("ben@example.com", said="550", now=now, why=refused_addresses.Why.BOUNCED)
    TokenEvent.objects.create(token=tokens["Cleo"], kind=TokenEvent.Kind.ASKED, at=now)
    client.force_login(make_user("boss@example.com", is_staff=True, is_superuser=True))

    leads = client.post(ask_url(app), {"note": "We move."})["Location"]
    people["Dora"].delete()
    tasks.run_jobs()
    with django_assert_max_num_queries(25):
        page = client.get(leads).content.decode()

    rows = [
        " ".join(strip_tags(row.replace("<", " <")).split())
        for row in page.split("<tbody>")[1].split("</tbody>")[0].split("</tr>")
    ]
    assert rows[:-1] == [
        "Ada Account of Ada, More 0 and 3 more Done",
        "Ben – Skipped Mail does not reach the person: the address is parked.",
        "somebody who was deleted – Skipped asked today already, or renewed meanwhile",
        "Cleo – Skipped asked today already, or renewed meanwhile",
    ]
    assert "1 done, 4 skipped" in page, "the imported one, too"
    assert reverse("admin:tokens_channelapp_campaign", args=[app.pk]) in page
    assert Message.objects.get(kind="ask").recipient == "ada@example.com"


def many(app: ChannelApp) -> list[User]:
    """Three people with two accounts each."""
    people = [make_user(f"p{number}@example.com") for number in range(3)]
    for person in people:
        token = make_token(app, consented_by=person)
        for _ in range(2):
            link(make_account("facebook"), token)
    return people


def test_they_are_asked_by_a_worker_while_the_page_says_how_far_it_is(
    client: Client, app: ChannelApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "SMALL", 0)
    people = many(app)
    link(Account.objects.all()[0], make_token(app, consented_by=None))
    client.force_login(make_user("boss@example.com", is_staff=True, is_superuser=True))

    leads = client.post(ask_url(app), {"note": "We move."})["Location"]
    before = client.get(leads)
    none_yet = Message.objects.filter(kind="ask").count()
    tasks.run_jobs()
    after = client.get(leads)

    assert none_yet == 0
    assert before["Refresh"] == "2"
    assert "<title>Ask 3 people to re-authenticate |" in " ".join(before.content.decode().split()).replace(
        "<title> ", "<title>"
    )
    assert "0 of 3 are asked" in before.content.decode()
    assert "3 done, 1 skipped" in after.content.decode()
    assert "Refresh" not in after
    asked = Message.objects.filter(kind="ask")
    assert set(asked.values_list("recipient", flat=True)) == {person.email for person in people}
    assert all(len(one.payload["accounts"]) == 2 for one in asked)
    assert set(AccountEvent.objects.filter(kind="asked").values_list("note", flat=True)) == {"We move."}


def test_two_presses_ask_once(client: Client, app: ChannelApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "SMALL", 0)
    many(app)
    client.force_login(make_user("boss@example.com", is_staff=True, is_superuser=True))

    first, second = (client.post(ask_url(app), {"note": ""})["Location"] for _ in range(2))
    client.force_login(make_user("other@example.com", is_staff=True, is_superuser=True))
    third = client.post(ask_url(app), {"note": ""}, follow=True).content.decode()
    tasks.run_jobs()

    assert first == second
    assert "Somebody else is asking these people already." in third
    assert Message.objects.filter(kind="ask").count() == 3


def test_the_page_of_a_job_is_its_persons_alone(client: Client, app: ChannelApp) -> None:
    many(app)
    client.force_login(make_user("boss@example.com", is_staff=True, is_superuser=True))
    leads = client.post(ask_url(app), {"note": ""})["Location"]

    staff(client, *PERMISSIONS)

    assert client.get(leads).status_code == 404


def test_on_hold_nobody_is_asked_and_nothing_waits_to_be(
    client: Client, app: ChannelApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(app)
    client.force_login(make_user("boss@example.com", is_staff=True, is_superuser=True))
    monkeypatch.setattr(hold, "current", lambda: hold.Hold(note="A copy.", since=timezone.now()))

    answer = client.post(ask_url(app), {"note": ""})

    assert answer.status_code == 503
    assert not Job.objects.exists()
