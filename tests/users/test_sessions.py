"""Sessions: a copy of the table opens nothing, they end, and staff can end them."""

import io
import re
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as conf
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from adtoken_project.tasks import clear_sessions
from tests.support.factories import NOW, PASSWORD, make_team, make_user
from tests.users.steps import is_logged_in, log_in
from ui import stored_phrases as kept
from users.models import Session, User
from users.people.models import Role
from users.people.services import give_role
from users.sessions import services as sessions
from users.sessions.models import name_of_browser

pytestmark = pytest.mark.django_db

PROFILE, PORTAL = "/profile/", "/admin/jsi18n/"  # a page of the portal that costs little


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.com", name="Ada")


@pytest.fixture
def staff() -> User:
    return make_user("staff@example.com", is_staff=True, is_superuser=True)


def id_of(client: Client) -> str:
    return client.cookies[conf.SESSION_COOKIE_NAME].value


def whole_database() -> str:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select table_name from information_schema.tables where table_schema = current_schema()"
        )
        tables = [name for (name,) in cursor.fetchall()]
        cursor.execute(" union all ".join(f'select t::text from "{name}" t' for name in tables))
        return "\n".join(row for (row,) in cursor.fetchall())


def test_no_row_of_the_database_opens_a_session(client: Client, ada: User) -> None:
    log_in(client, ada.email)
    dump = whole_database()

    words = set(re.findall(r"[\w-]{8,}", dump))
    keys = [row.pk for row in Session.objects.all()]
    opened = []
    for stolen in {*keys, *(word for word in words if len(word) in {32, 40, 64})}:
        thief = Client()
        thief.cookies[conf.SESSION_COOKIE_NAME] = stolen
        opened.append(thief.get(PROFILE).status_code)

    assert is_logged_in(client)
    assert id_of(client) not in dump
    assert opened
    assert set(opened) == {302}


def test_what_a_row_holds_opens_nothing_in_another_row(client: Client, ada: User, staff: User) -> None:
    log_in(client, ada.email)
    log_in(Client(), staff.email)
    of_staff = Session.objects.get(user=staff)

    Session.objects.filter(user=ada).update(session_data=of_staff.session_data, user=staff)

    assert of_staff.get_decoded()["_auth_user_id"] == str(staff.pk)
    assert client.get(PORTAL).status_code == 302
    assert not is_logged_in(client)


def test_the_row_says_who_is_logged_in_from_where_and_since_when(client: Client, ada: User) -> None:
    with time_machine.travel(NOW, tick=False):
        log_in(client, ada.email)

    row = Session.objects.get()
    assert (row.user, row.address, row.began_at) == (ada, "127.0.0.1", NOW)
    assert row.expire_date == NOW + timedelta(days=14)


def test_a_session_ends_after_14_days_however_much_it_is_used(client: Client, ada: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        log_in(client, ada.email, remember="on")
        for _ in range(2):
            clock.shift(timedelta(days=6, hours=12))
            client.post(PROFILE, {"name": "Ada", "theme": "dark"})  # a message is written into the session
            assert client.get(PROFILE).status_code == 200
        clock.shift(timedelta(days=1))

        answer = client.get(PROFILE)

    assert answer.status_code == 302


def test_a_session_of_staff_ends_after_30_minutes_without_a_click(client: Client, staff: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        log_in(client, staff.email)
        clock.shift(timedelta(minutes=29))
        used = client.get(PORTAL)
        clock.shift(timedelta(minutes=29))
        used_again = client.get(PORTAL)
        clock.shift(timedelta(minutes=31))

        answer = client.get(PORTAL, follow=True)

    assert (used.status_code, used_again.status_code) == (200, 200)
    assert answer.redirect_chain[-1][0].startswith(reverse("account_login"))
    assert "Your session has ended. Log in again." in answer.text
    assert not Session.objects.filter(user=staff).exists()


def test_a_session_of_staff_ends_after_12_hours_though_it_is_used(
    client: Client, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "STAFF_IDLE", timedelta(hours=6))  # else it would take 24 clicks
    with time_machine.travel(NOW, tick=False) as clock:
        log_in(client, staff.email)
        codes = []
        for hours in (5, 5, 1.9, 0.2):
            clock.shift(timedelta(hours=hours))
            codes.append(client.get(PORTAL).status_code)

    assert codes == [200, 200, 200, 302]


def test_an_idle_session_of_a_marketer_goes_on(client: Client, ada: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        log_in(client, ada.email)
        clock.shift(timedelta(days=13))

        assert client.get(PROFILE).status_code == 200


def test_showing_again_who_one_is_gives_the_session_a_new_id_and_no_longer_life(
    client: Client, ada: User
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        log_in(client, ada.email)
        before = id_of(client)
        clock.shift(timedelta(days=1))

        client.post(reverse("account_reauthenticate"), {"password": PASSWORD})

        stolen = Client()
        stolen.cookies[conf.SESSION_COOKIE_NAME] = before
        assert id_of(client) != before
        assert client.get(PROFILE).status_code == 200
        assert stolen.get(PROFILE).status_code == 302
    assert Session.objects.get().expire_date == NOW + timedelta(days=14)


def test_the_list_shows_the_own_sessions_that_are_alive(client: Client, ada: User) -> None:
    with time_machine.travel(timezone.now() - timedelta(days=20), tick=False):
        log_in(Client(), ada.email)
    log_in(Client(), make_user().email)
    log_in(Client(), ada.email)
    log_in(client, ada.email)

    page = client.get(reverse("sessions"))

    assert len(page.context["sessions"]) == 2
    assert page.text.count("This one") == 1


def test_staff_end_all_sessions_of_a_person_with_an_event(client: Client, staff: User, ada: User) -> None:
    phone = Client()
    log_in(phone, ada.email)
    client.force_login(staff)
    url = reverse("admin:users_user_end_sessions", args=[ada.pk])

    page = client.get(url)
    still = phone.get(PROFILE).status_code
    client.post(url)

    assert "Log Ada out everywhere?" in page.text
    assert still == 200
    assert phone.get(PROFILE).status_code == 302
    assert client.get(PORTAL).status_code == 200
    assert kept.said(LogEntry.objects.get().change_message) == "Logged the person out everywhere (1 browser)."


@pytest.mark.parametrize("whom", ["superuser", "another team's", "no permission"])
def test_who_may_not_end_sessions_ends_none(client: Client, staff: User, whom: str) -> None:
    team = make_team()
    clerk = make_user(team=team, is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "end_sessions"]))
    other = make_user(team=make_team() if whom == "another team's" else team)
    if whom == "superuser":
        User.objects.filter(pk=other.pk).update(is_staff=True, is_superuser=True)
    if whom == "no permission":
        clerk.user_permissions.set(Permission.objects.filter(codename="view_user"))
    log_in(Client(), other.email)
    client.force_login(clerk)

    answer = client.post(reverse("admin:users_user_end_sessions", args=[other.pk]))

    assert answer.status_code == (404 if whom == "another team's" else 403)
    assert Session.objects.filter(user=other).exists()


ON_WINDOWS = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36"
ON_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.1 Safari/604.1"
)


def in_two_browsers(user: User) -> tuple[Client, Client]:
    office, phone = Client(headers={"user-agent": ON_WINDOWS}), Client(headers={"user-agent": ON_IPHONE})
    for browser in (office, phone):
        log_in(browser, user.email)
    return office, phone


def handle_of(user: User, name: str) -> str:
    return next(one.handle for one in Session.objects.filter(user=user) if one.browser_name == name)


def test_one_logs_oneself_out_of_one_other_browser_and_the_others_go_on(ada: User) -> None:
    office, phone = in_two_browsers(ada)
    log_in(third := Client(), ada.email)

    page = office.get(reverse("sessions")).text
    answer = office.post(reverse("sessions"), {"session": handle_of(ada, "Safari on iPhone")}, follow=True)
    itself = office.post(reverse("sessions"), {"session": handle_of(ada, "Chrome on Windows")}, follow=True)

    assert "Safari on iPhone" in page
    assert handle_of(ada, "Chrome on Windows") not in page  # this one has no button
    assert "Logged out: Safari on iPhone." in answer.text
    assert "Log-out: of another browser" in answer.text
    assert "That browser is logged out already." in itself.text
    assert [one.get(PROFILE).status_code for one in (office, phone, third)] == [200, 302, 200]


@pytest.mark.parametrize(("role", "sees"), [(Role.MANAGER, False), (Role.AUDITOR, True)])
def test_browsers_of_colleagues_are_for_administrators_and_auditors(
    client: Client, ada: User, role: Role, sees: bool
) -> None:
    log_in(Client(headers={"user-agent": ON_IPHONE}), ada.email)
    viewer = make_user("viewer@example.com", team=ada.teams.get())
    give_role(viewer, role)
    client.force_login(User.objects.get(pk=viewer.pk))

    page = client.get(reverse("admin:users_user_change", args=[ada.pk])).text

    assert ("Safari on iPhone" in page) is sees


def test_the_command_ends_all_sessions_or_those_of_one_person(client: Client, ada: User) -> None:
    other = Client()
    log_in(client, ada.email)
    log_in(other, make_user("ben@example.com").email)
    out = io.StringIO()

    call_command("end_sessions", email="Ben@example.com", stdout=out)
    one = (client.get(PROFILE).status_code, other.get(PROFILE).status_code)
    call_command("end_sessions", stdout=out)

    assert one == (200, 302)
    assert client.get(PROFILE).status_code == 302
    assert out.getvalue() == "Sessions ended: 1.\nSessions ended: 1.\n"
    with pytest.raises(CommandError, match="Nobody here"):
        call_command("end_sessions", email="nobody@example.com")


def test_sessions_that_have_ended_are_removed_by_the_schedule(ada: User, staff: User) -> None:
    with time_machine.travel(timezone.now() - timedelta(hours=13), tick=False):
        log_in(Client(), ada.email)
        log_in(Client(), staff.email)
    with time_machine.travel(timezone.now() - timedelta(days=15), tick=False):
        log_in(Client(), ada.email)

    clear_sessions()

    assert [row.user for row in Session.objects.all()] == [ada]


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36 Edg/131.0",
         "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.1 Safari/604.1",
         "Safari on iPhone"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_browser_is_called_as_people_call_it(agent: str, name: str) -> None:
    assert name_of_browser(agent) == name
