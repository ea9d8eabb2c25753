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
from django.utils import timezone

from accounts import calendar_events, calendars, pool, saved_views
from accounts.models import Account, CalendarEnd, CalendarLink
from tests.support.factories import NOW, link, make_account, make_team, make_token, make_user
from tokens.models import Token
from ui import addresses
from ui.refusal import Refusal
from users import roles
from users.models import Membership, Team, User
from users.role_choices import Role

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
        row, _ = calendars.make(user=user, team=team, now=at)
    return calendars.read(CalendarLink.objects.select_related("user", "team").get(pk=row.pk), now=at).body


def test_a_deadline_is_a_whole_day_in_the_persons_zone_and_keeps_its_uid_when_it_moves(
    ada: User, team: Team
) -> None:
    token = make_token(consented_by=ada, deadline=ENDS)
    (account,) = carried(token, team, ODD)

    first = events(text_of(ada, team))
    again = events(text_of(ada, team, at=NOW + timedelta(hours=7)))
    moved(token, ENDS + timedelta(days=60))
    later = events(text_of(ada, team, at=NOW + timedelta(days=1)))
    moved(token, ENDS + timedelta(hours=1))
    back = events(text_of(ada, team, at=NOW + timedelta(days=2)))

    (uid,) = first
    assert first[uid].decoded("DTSTART") == date(2026, 12, 5)
    assert first[uid].decoded("DTEND") == date(2026, 12, 6)
    assert str(first[uid]["SUMMARY"]) == " ".join(f"{ODD} stops (Facebook)".split())
    assert "Sat 5 Dec, 00:30 CET" in first[uid]["DESCRIPTION"]
    assert "you. Open the link" in first[uid]["DESCRIPTION"]
    assert str(first[uid]["URL"]).endswith(f"/open/{account.pk}/")
    assert again == first
    assert list(later) == list(back) == [uid]
    assert [one[uid]["SEQUENCE"] for one in (first, later, back)] == [0, 1, 2]
    assert [one[uid].decoded("DTSTAMP") for one in (first, later, back)] == [
        NOW,
        NOW + timedelta(days=1),
        NOW + timedelta(days=2),
    ]


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
        calendar_events.deadlines(user=ada, team=team, now=NOW)
    many = make_token(consented_by=emil, deadline=ENDS)
    carried(many, team, *(f"Client {number}" for number in range(40)))

    with CaptureQueriesContext(connection) as of_many:
        found = calendar_events.deadlines(user=ada, team=team, now=NOW)
    auditor = make_user(
        "ina@example.com", is_staff=True, is_superuser=True
    )  # sees the team, and is not in it
    outside = calendar_events.deadlines(user=auditor, team=team, now=NOW)
    monkeypatch.setattr(calendar_events, "MOST", 5)
    limited = calendar_events.deadlines(user=ada, team=team, now=NOW)

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
    assert [one[uid]["SEQUENCE"] for one in (together, later)] == [0, 1]
    assert uid in fewer
    assert len(fewer) == 3


def test_a_saved_view_is_read_by_its_filters_as_its_reader_sees_them(ada: User, team: Team) -> None:
    mira = make_user("mira@example.com", name="Mira Ode", team=team, is_staff=True)
    roles.give(mira, Role.MANAGER)
    mira.groups.set([Group.objects.get(name="Staff")])
    mira = User.objects.get(pk=mira.pk)
    found, *_others = (
        carried(make_token(consented_by=ada, deadline=ENDS), of, name)[0]
        for of, name in ((team, "Lumen EU"), (team, "Else"), (make_team("Fern"), "Lumen Fern"))
    )
    view = saved_views.save(owner=mira, name="Mine", query="q=Lumen&p=2", team=None, now=NOW)
    with pytest.raises(Refusal, match="You cannot see this view"):
        calendars.make(user=ada, team=None, view=view, now=NOW)
    _, secret = calendars.make(user=mira, team=None, view=view, now=NOW)

    opened = calendars.opened(secret, now=NOW)
    assert opened
    shown = events(calendars.read(opened, now=NOW).body)
    User.objects.filter(pk=mira.pk).update(is_staff=False)

    assert [uid.partition("@")[0] for uid in shown] == [f"account-{found.pk}"]
    assert calendars.opened(secret, now=NOW) is None


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
    roles.give(ina, Role.AUDITOR)
    secrets = {
        (user.pk, scope): calendars.make(user=User.objects.get(pk=user.pk), team=scope, now=NOW)[1]
        for user in (ada, ina)
        for scope in (team, None)
    }
    assert all(calendars.opened(secret, now=NOW) for secret in secrets.values())

    Membership.objects.get(user=ada, team=team).delete()
    Membership.objects.create(user=ada, team=team)  # comes back
    ina.groups.set([Group.objects.get(name="Staff")])
    refused = calendars.opened(secrets[ina.pk, team], now=NOW)
    ina.groups.set([Group.objects.get(name="Auditors")])
    left = {key for key, secret in secrets.items() if calendars.opened(secret, now=NOW)}
    for user in (ada, ina):
        user.is_active = False
        user.save(update_fields=["is_active"])
        user.is_active = True
        user.save()

    assert refused is None
    assert left == {(ada.pk, None), (ina.pk, None)}
    assert CalendarLink.objects.count() == 0


@time_machine.travel(NOW, tick=False)
def test_programs_poll_cheaply_without_session_and_leave_no_trace_of_the_secret(
    ada: User, team: Team, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = make_token(consented_by=ada, deadline=ENDS)
    carried(token, team, "Lumen EU")
    row, secret = calendars.make(user=ada, team=team, now=NOW)
    path = reverse("calendar", args=[secret])

    whole = client.get(path)
    same = client.get(path, headers={"If-None-Match": whole["ETag"]})
    since = client.get(path, headers={"If-Modified-Since": whole["Last-Modified"]})
    head = client.head(path)
    with time_machine.travel(NOW + timedelta(hours=2), tick=False):
        Account.objects.update(paused_at=NOW)  # an event that goes makes the file another one, too
        emptied = client.get(path, headers={"If-Modified-Since": whole["Last-Modified"]})
    unknown = client.get(reverse("calendar", args=["x" * 43]))
    posted = client.post(path)

    assert [one.status_code for one in (whole, same, since, head, emptied, unknown, posted)] == [
        200, 304, 304, 200, 200, 404, 405,
    ]  # fmt: skip
    assert whole["Content-Type"] == "text/calendar; charset=utf-8"
    assert len(events(whole.content)) == 1
    assert events(emptied.content) == {}
    for one in (whole, same, unknown):
        assert {"private", "no-cache"} == set(one["Cache-Control"].split(", "))
        assert (one["Referrer-Policy"], one["X-Robots-Tag"]) == ("no-referrer", "noindex, nofollow")
        assert not one.cookies
    row.refresh_from_db()
    assert secret not in f"{row.sha256} {row.said} {caplog.text}"


@time_machine.travel(NOW, tick=False)
def test_a_program_that_comes_too_often_is_told_to_wait(ada: User, client: Client) -> None:
    _, secret = calendars.make(user=ada, team=None, now=NOW)
    path = reverse("calendar", args=[secret])

    codes = [client.get(path).status_code for _ in range(61)]
    wrong = [client.get(reverse("calendar", args=["wrong"])) for _ in range(61)]

    assert codes == [200] * 60 + [429]
    assert [one.status_code for one in wrong] == [404] * 60 + [429]
    assert wrong[-1]["Retry-After"] == "3600"


def test_the_page_shows_an_address_once_and_a_new_one_ends_the_old(
    ada: User, team: Team, client: Client
) -> None:
    foreign = make_team("Fern")
    client.force_login(ada)

    page = client.get(reverse("calendars"))
    refused = client.post(reverse("calendars"), {"team": foreign.pk})
    made = client.post(reverse("calendars"), {"team": team.pk})
    first = made.context["address"]
    row = CalendarLink.objects.get()
    asked = client.get(reverse("renew_calendar", args=[row.pk]))
    renewed = client.post(reverse("renew_calendar", args=[row.pk])).context["address"]
    later = client.get(reverse("calendars"))
    codes = [client.get(one).status_code for one in (first, renewed)]
    client.post(reverse("revoke_calendar", args=[row.pk]))

    assert "Team Lumen" in page.text
    assert "Fern" not in page.text
    assert refused.status_code == 400
    assert first in made.text
    assert asked.status_code == 200
    assert (first in later.text, renewed in later.text) == (False, False)
    assert codes == [404, 200]
    assert client.get(renewed).status_code == 404
    assert first not in str(client.session.items())


def test_nobody_ends_anothers_address_or_has_more_than_twenty(ada: User, client: Client) -> None:
    row, _ = calendars.make(user=ada, team=None, now=NOW)
    client.force_login(make_user())

    codes = [
        client.post(reverse(name, args=[row.pk])).status_code
        for name in ("renew_calendar", "revoke_calendar")
    ]
    for _ in range(21):
        last = client.post(reverse("calendars"), {"team": ""})

    assert codes == [404, 404]
    assert CalendarLink.objects.count() == 21
    assert last.status_code == 400
    assert "Revoke one that you no longer need" in last.text


def test_colleagues_whose_calendar_ends_by_what_others_do_read_so(
    client: Client, settings: Any, ada: User, team: Team
) -> None:
    settings.STAFF_SECOND_FACTOR = False  # its own tests are in tests/users
    mira, lena = (
        make_user(f"{name}@example.com", team=team, is_staff=True, is_superuser=True)
        for name in ("mira", "lena")
    )
    shared, unshared = (
        saved_views.save(owner=mira, name=name, query="q=x", team=team, now=NOW) for name in ("Soon", "Late")
    )
    fern = make_team("Fern")
    Membership.objects.create(user=lena, team=fern)
    Membership.objects.create(user=lena, team=Team.default())
    secret = [calendars.make(user=lena, team=None, view=one, now=NOW)[1] for one in (shared, unshared)][1]
    for one in (team, fern, Team.default()):
        calendars.make(user=lena, team=one, now=NOW)
    calendars.make(user=mira, team=None, view=shared, now=NOW)
    client.force_login(mira)

    asked = [client.get(f"/admin/accounts/account/views/{shared.pk}/{tail}").text for tail in ("", "delete/")]
    client.post(f"/admin/accounts/account/views/{shared.pk}/delete/", {"seen": ""})
    saved_views.change(view=unshared, name="Late", team=None, by=unshared.owner)
    opened = calendars.opened(secret, now=timezone.now())
    fern.delete()
    Membership.objects.filter(user=lena, team=Team.default()).delete()
    client.force_login(lena)
    page = client.get(reverse("calendars")).text
    ada.delete()

    assert "1 calendar of somebody else shows it" in asked[0]
    assert "1 calendar of somebody else shows it and ends." in asked[1]
    assert opened is None
    assert [one.team for one in calendars.of_person(lena)] == [team]
    for ended in ("view Soon", "view Late", "team Fern", f"team {Team.default()}"):
        assert f"The calendar of the {ended} has ended" in page
    assert not CalendarEnd.objects.filter(user=mira).exists(), "who deletes it knows"
    assert calendars.sweep(now=timezone.now() + timedelta(days=31)) == 4
    User.objects.filter(pk=lena.pk).delete()


def test_whoever_is_deleted_with_a_shared_view_takes_it_along_and_colleagues_read_so(team: Team) -> None:
    mira, lena = (
        make_user(f"{name}@example.com", team=team, is_staff=True, is_superuser=True)
        for name in ("mira", "lena")
    )
    view = saved_views.save(owner=mira, name="Soon", query="q=x", team=team, now=NOW)
    for one in (mira, lena):
        calendars.make(user=one, team=None, view=view, now=NOW)
        calendars.make(user=one, team=team, now=NOW)

    mira.delete()

    assert [(one.user, one.name) for one in CalendarEnd.objects.all()] == [(lena, "Soon")]
