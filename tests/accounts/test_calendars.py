"""Calendars that programs read by a secret address: what they show, whose walls hold, and when an address ends."""

import logging
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import pytest
import time_machine
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.calendars import services as calendars
from accounts.models import Account, CalendarLink
from accounts.pool import services as pool
from tests.support.factories import NOW, link, make_account, make_team, make_token, make_user
from tokens.models import Token
from ui import addresses
from users.models import Membership, Team, User
from users.people.models import Role
from users.people.services import give_role

pytestmark = pytest.mark.django_db

ENDS = datetime(2026, 12, 4, 23, 30, tzinfo=UTC)  # the 5th in Berlin
ODD = "Lumen, Shoes; “EU” \\ Süd\nand " + "Größe 👟 " * 20


@pytest.fixture
def team() -> Team:
    return make_team("Lumen")


@pytest.fixture
def ada(team: Team) -> User:
    return make_user("ada@example.com", name="Ada Okafor", team=team, time_zone="Europe/Berlin")


def carried(token: Token, team: Team, *names: str) -> list[Account]:
    accounts = [make_account(name=name, team=team) for name in names]
    for account in accounts:
        link(account, token)
    pool.settle(token_ids=[token.pk], cause="linked", now=NOW)
    return accounts


def moved(token: Token, deadline: datetime) -> None:
    Token.objects.filter(pk=token.pk).update(deadline=deadline, access_expires_at=deadline)
    pool.settle(token_ids=[token.pk], cause="dates", now=NOW)


def events(body: bytes) -> dict[str, Any]:
    """What a calendar program makes of the file, by UID; and that no line is longer than it may be."""
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    found = icalendar.Calendar.from_ical(body)
    assert found.errors == []
    return {str(one["UID"]): one for one in found.walk("VEVENT")}


def text_of(user: User, team: Team | None = None, *, at: datetime = NOW) -> bytes:
    row = CalendarLink.objects.filter(user=user, team=team).first()
    if row is None:
        row, _ = calendars.make_calendar(user=user, team=team, now=at)
    return calendars.read_calendar(CalendarLink.objects.select_related("user", "team").get(pk=row.pk), now=at)


def test_a_deadline_is_a_whole_day_in_the_persons_zone_and_keeps_its_uid_when_it_moves(
    ada: User, team: Team
) -> None:
    token = make_token(consented_by=ada, deadline=ENDS)
    (account,) = carried(token, team, ODD)

    first = events(text_of(ada, team))
    again = text_of(ada, team, at=NOW + timedelta(hours=1)), text_of(ada, team)
    moved(token, ENDS + timedelta(days=60))
    later = events(text_of(ada, team, at=NOW + timedelta(days=1)))

    (uid,) = first
    assert first[uid].decoded("DTSTART") == date(2026, 12, 5)
    assert first[uid].decoded("DTEND") == date(2026, 12, 6)
    assert str(first[uid]["SUMMARY"]) == " ".join(f"{ODD} stops (Facebook)".split())
    assert "Sat 5 Dec, 00:30 CET" in first[uid]["DESCRIPTION"]
    assert "you. Open the link" in first[uid]["DESCRIPTION"]
    assert str(first[uid]["URL"]).endswith(f"/open/{account.pk}/")
    assert again[0] == again[1], "the same to the byte for some hours"
    assert list(later) == [uid]
    assert later[uid].decoded("DTSTART") == date(2027, 2, 3)
    assert later[uid]["SEQUENCE"] > first[uid]["SEQUENCE"]
    assert later[uid].decoded("DTSTAMP") > first[uid].decoded("DTSTAMP")


def test_what_stopped_was_paused_or_renews_itself_is_not_in_it(ada: User, team: Team) -> None:
    tokens = [make_token(consented_by=ada, deadline=ENDS) for _ in range(4)]
    kept, dead, paused, gone = (carried(one, team, "Fern")[0] for one in tokens)
    before = events(text_of(ada, team))

    Token.objects.filter(pk=tokens[1].pk).update(state="dead", reason="password_changed")
    pool.settle(token_ids=[tokens[1].pk], cause="dead", now=NOW)
    Account.objects.filter(pk=paused.pk).update(paused_at=NOW)
    gone.delete()

    assert len(before) == 4
    assert [uid.partition("@")[0] for uid in events(text_of(ada, team))] == [f"account-{kept.pk}"]
    assert Account.objects.get(pk=dead.pk).state == "deactivated"


def test_what_ends_with_one_log_in_is_one_event_and_no_more_queries(
    ada: User, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    emil = make_user("emil@example.com", name="Emil Berg", team=team)
    few = make_token(consented_by=emil, deadline=ENDS + timedelta(days=3))
    carried(few, team, "North", "South")
    with CaptureQueriesContext(
        connection,
    ) as of_few:
        calendars.deadlines_of(user=ada, team=team, now=NOW)
    many = make_token(consented_by=emil, deadline=ENDS)
    carried(many, team, *(f"Client {number}" for number in range(40)))

    with CaptureQueriesContext(connection) as of_many:
        found = calendars.deadlines_of(user=ada, team=team, now=NOW)
    auditor = make_user(
        "ina@example.com", is_staff=True, is_superuser=True
    )  # sees the team, and is not in it
    outside = calendars.deadlines_of(user=auditor, team=team, now=NOW)
    monkeypatch.setattr(calendars, "MOST_ACCOUNTS", 5)
    limited = calendars.deadlines_of(user=ada, team=team, now=NOW)

    assert found[0].title == "40 Facebook accounts stop"
    assert "Who can fix it: Emil Berg" in found[0].text
    assert "and 10 more" in found[0].text
    assert len(found) == 3
    assert found[0].url == addresses.absolute_url("my_accounts")
    first = Account.objects.filter(name__startswith="Client").order_by("pk")[0]
    assert outside[0].url == addresses.absolute_url("open_account", first.pk)
    assert [one.title for one in limited] == ["5 Facebook accounts stop"]
    assert len(of_many) == len(of_few) <= 5


def test_what_one_log_in_ends_is_the_same_event_when_the_deadline_moves_to_another_log_in_or_fewer_are_left(
    ada: User, team: Team
) -> None:
    first, second = (make_token(consented_by=ada, deadline=ENDS) for _ in range(2))
    accounts = carried(first, team, *(f"Client {number}" for number in range(5)))

    together = events(text_of(ada, team))
    for account in accounts:
        link(account, second)
    moved(second, ENDS + timedelta(days=30))
    later = events(text_of(ada, team, at=NOW + timedelta(days=1)))
    Account.objects.filter(pk__in=[one.pk for one in accounts[3:]]).update(paused_at=NOW)
    fewer = events(text_of(ada, team, at=NOW + timedelta(days=2)))

    (uid,) = together
    assert list(later) == [uid]
    assert later[uid].decoded("DTSTART") == date(2027, 1, 4)
    assert uid in fewer
    assert len(fewer) == 3


def test_walls_hold_at_each_reading(ada: User, team: Team) -> None:
    other = make_team("Fern")
    petra = make_user("petra@example.com", name="Petra Vogel", team=other)
    account, away = carried(make_token(consented_by=petra, deadline=ENDS), team, "Lumen EU", "Lumen US")
    of_team, of_mine = text_of(ada, team), text_of(ada)

    Account.objects.filter(pk=away.pk).update(team=other)

    assert b"Petra" not in of_team + of_mine
    assert b"someone in another team" in of_team
    for before, scope in ((of_team, team), (of_mine, None)):
        assert len(events(before)) == 2
        assert [uid.partition("@")[0] for uid in events(text_of(ada, scope))] == [f"account-{account.pk}"]


def test_an_address_ends_with_log_in_membership_and_role(ada: User, team: Team) -> None:
    ina = make_user("ina@example.com")
    give_role(ina, Role.AUDITOR)
    secrets = {
        (user.pk, scope): calendars.make_calendar(user=User.objects.get(pk=user.pk), team=scope, now=NOW)[1]
        for user in (ada, ina)
        for scope in (team, None)
    }
    assert all(calendars.link_opened_by(secret) for secret in secrets.values())

    Membership.objects.get(user=ada, team=team).delete()
    gone = calendars.link_opened_by(secrets[ada.pk, team])
    Membership.objects.create(user=ada, team=team)  # comes back
    ina.groups.set([Group.objects.get(name="Staff")])
    refused = calendars.link_opened_by(secrets[ina.pk, team])
    ina.groups.set([Group.objects.get(name="Auditors")])
    left = {key for key, secret in secrets.items() if calendars.link_opened_by(secret)}
    for user in (ada, ina):
        user.is_active = False
        user.save(update_fields=["is_active"])
        user.is_active = True
        user.save()

    assert (gone, refused) == (None, None)
    assert left == {(ada.pk, None), (ina.pk, None)}
    assert CalendarLink.objects.count() == 0


@time_machine.travel(NOW, tick=False)
def test_programs_poll_cheaply_without_session_and_leave_no_trace_of_the_secret(
    ada: User, team: Team, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = make_token(consented_by=ada, deadline=ENDS)
    carried(token, team, "Lumen EU")
    row, secret = calendars.make_calendar(user=ada, team=team, now=NOW)
    path = reverse("calendar", args=[secret])

    whole = client.get(path)
    same = client.get(path, headers={"If-None-Match": whole["ETag"]})
    head = client.head(path)
    with time_machine.travel(NOW + timedelta(hours=2), tick=False):
        Account.objects.update(paused_at=NOW)  # an event that goes makes the file another one, too
        emptied = client.get(path, headers={"If-None-Match": whole["ETag"]})
    unknown = client.get(reverse("calendar", args=["x" * 43]))
    posted = client.post(path)

    assert [one.status_code for one in (whole, same, head, emptied, unknown, posted)] == [
        200, 304, 200, 200, 404, 405,
    ]  # fmt: skip
    assert whole["Content-Type"] == "text/calendar; charset=utf-8"
    assert len(events(whole.content)) == 1
    assert events(emptied.content) == {}
    for one in (whole, same, unknown):
        assert {"private", "no-cache"} == set(one["Cache-Control"].split(", "))
        assert (one["Referrer-Policy"], one["X-Robots-Tag"]) == ("no-referrer", "noindex, nofollow")
        assert not one.cookies
    row.refresh_from_db()
    assert secret not in f"{row.sha256} {caplog.text}"


@time_machine.travel(NOW, tick=False)
def test_a_program_that_comes_too_often_is_told_to_wait(ada: User, client: Client, settings: Any) -> None:
    few = {"calendar_read": "3/3600s/key", "calendar_guess": "3/3600s/key"}
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, **few}
    _, secret = calendars.make_calendar(user=ada, team=None, now=NOW)
    path = reverse("calendar", args=[secret])

    codes = [client.get(path).status_code for _ in range(4)]
    wrong = [client.get(reverse("calendar", args=["wrong"])) for _ in range(4)]

    assert codes == [200] * 3 + [429]
    assert [one.status_code for one in wrong] == [404] * 3 + [429]
    assert wrong[-1]["Retry-After"] == "3600"


def test_the_page_shows_an_address_once_and_ends_it(ada: User, team: Team, client: Client) -> None:
    foreign = make_team("Fern")
    client.force_login(ada)

    page = client.get(reverse("calendars"))
    refused = client.post(reverse("calendars"), {"team": foreign.pk})
    made = client.post(reverse("calendars"), {"team": team.pk})
    first = made.context["address"]
    row = CalendarLink.objects.get()
    later = client.get(reverse("calendars"))
    opens = client.get(first).status_code
    client.post(reverse("revoke_calendar", args=[row.pk]))

    assert "Team Lumen" in page.text
    assert "Fern" not in page.text
    assert refused.status_code == 400
    assert first in made.text
    assert first not in later.text
    assert opens == 200
    assert client.get(first).status_code == 404
    assert first not in str(client.session.items())


def test_nobody_ends_anothers_address_or_has_more_than_twenty(ada: User, client: Client) -> None:
    row, _ = calendars.make_calendar(user=ada, team=None, now=NOW)
    client.force_login(stranger := make_user())

    code = client.post(reverse("revoke_calendar", args=[row.pk])).status_code
    for _ in range(calendars.MOST):
        calendars.make_calendar(user=stranger, team=None, now=NOW)
    last = client.post(reverse("calendars"), {"team": ""})

    assert code == 404
    assert CalendarLink.objects.count() == 21
    assert last.status_code == 400
    assert "Revoke one that you no longer need" in last.text
