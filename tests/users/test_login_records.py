"""Log-ins, failed ones and second factors are on record, in a table that nobody changes."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from tests.support.factories import NOW, PASSWORD, make_team, make_user
from tests.tools.marked import in_brackets
from tests.users.steps import code_of, enrol, log_in, secret_of
from users.login.services import ChangeKind
from users.models import LoginRecord, User
from users.sessions.models import Detail

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.com", name="Ada")


def told() -> list[tuple[str, str, bool]]:
    rows = LoginRecord.objects.order_by("id")
    return [(row.email, row.event, row.succeeded) for row in rows]


def test_a_log_in_and_a_log_out_are_recorded_with_address_and_browser(ada: User) -> None:
    client = Client(headers={"user-agent": "Firefox " + "x" * 300}, REMOTE_ADDR="203.0.113.7")

    with time_machine.travel(NOW, tick=False):
        log_in(client, ada.email)
        client.post(reverse("account_logout"))

    assert told() == [("ada@example.com", "Log-in", True), ("ada@example.com", "Log-out", True)]
    row = LoginRecord.objects.order_by("id")[0]
    assert (row.user, row.at, row.address, len(row.browser)) == (ada, NOW, "203.0.113.7", 200)


def test_wrong_passwords_are_recorded_for_known_and_unknown_addresses_and_hold_no_password(
    client: Client, ada: User
) -> None:
    log_in(client, "Ada@example.com", "wrong-secret-1")
    log_in(client, "nobody@example.com", "wrong-secret-2")

    assert told() == [
        ("ada@example.com", "Password: wrong password", False),
        ("nobody@example.com", "Password: wrong password", False),
    ]
    assert [row.user for row in LoginRecord.objects.order_by("id")] == [ada, None]
    assert "wrong-secret" not in str(list(LoginRecord.objects.values()))


@pytest.mark.django_db(transaction=True)
def test_second_factors_and_changes_are_recorded(client: Client, ada: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        log_in(client, ada.email)
        enrol(client)
        clock.shift(timedelta(hours=1))
        client.post(reverse("account_logout"))
        log_in(client, ada.email)
        client.post(reverse("mfa_authenticate"), {"code": "000000"})
        client.post(reverse("mfa_authenticate"), {"code": code_of(secret_of(ada))})

    assert [(event, succeeded) for _, event, succeeded in told()] == [
        ("Log-in", True),
        ("Password: asked again", True),
        ("Change: authenticator app activated", True),
        ("Log-out", True),
        ("Second factor: wrong code or key", False),
        ("Second factor: authenticator app", True),
        ("Log-in", True),
    ]


def test_what_staff_change_is_recorded_with_who_did_it(client: Client, ada: User) -> None:
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    client.force_login(boss)

    client.post(reverse("admin:users_user_reset_second_factor", args=[ada.pk]))

    assert told()[-1] == ("ada@example.com", "Change: second factor reset, by boss@example.com", True)


def test_rows_hold_codes_that_are_read_in_every_language_and_rows_from_before_are_shown_as_they_are() -> None:
    new = [Detail.WRONG_PASSWORD, "totp+again", "factor_reset|boss@example.com", *ChangeKind]
    before = ["wrong password", "authenticator app, asked again", "factor reset, by boss@example.com"]

    with in_brackets():
        said = [LoginRecord(kind="password", detail=detail).event for detail in (*new, *before)]

    assert said[:3] == [
        "⟦Password⟧: ⟦wrong password⟧",
        "⟦Password⟧: ⟦authenticator app, asked again⟧",
        "⟦Password⟧: ⟦⟦second factor reset⟧, by boss@example.com⟧",
    ]
    assert all(event.endswith("⟧") for event in said[3 : len(new)])
    assert said[len(new) :] == [f"⟦Password⟧: {detail}" for detail in before]


def test_a_row_can_be_neither_changed_nor_removed_and_outlives_the_person(client: Client, ada: User) -> None:
    log_in(client, ada.email)
    for statement in ("update users_loginrecord set email = 'x'", "delete from users_loginrecord"):
        with (
            pytest.raises(DatabaseError, match="only added"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    ada.delete()

    assert LoginRecord.objects.select_related("user").get().email == "ada@example.com"


def test_administrators_see_all_and_staff_with_the_permission_those_of_their_people(client: Client) -> None:
    lumen = make_team("Lumen")
    clerk = make_user("clerk@example.com", team=lumen, is_staff=True)
    for email, team in (("mate@example.com", lumen), ("otto@example.com", make_team("Fern"))):
        make_user(email, team=team)
        log_in(Client(), email, "wrong")
    url = reverse("admin:users_loginrecord_changelist")
    client.force_login(clerk)

    refused = client.get(url).status_code
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_loginrecord", "view_user"]))
    own = client.get(url).text
    client.force_login(make_user(is_staff=True, is_superuser=True))
    everything = client.get(url + "?q=example.com").text
    chrome = (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
    )
    log_in(Client(headers={"User-Agent": chrome}), "otto@example.com", "wrong")
    browsers = client.get(url).text

    assert refused == 403
    assert "mate@example.com" in own
    assert "otto@example.com" not in own
    assert "mate@example.com" in everything
    assert "otto@example.com" in everything
    assert f'<span title="{chrome}">Chrome on Mac</span>' in browsers


def test_the_person_s_page_and_the_own_page_show_the_latest(client: Client, ada: User) -> None:
    log_in(Client(), ada.email, "wrong")
    boss = make_user(is_staff=True, is_superuser=True)
    client.force_login(boss)

    page = client.get(reverse("admin:users_user_change", args=[ada.pk])).text
    own = Client()
    log_in(own, ada.email, PASSWORD)

    assert "Password: wrong password (refused)" in page
    assert "Password: wrong password" in own.get(reverse("sessions")).text
