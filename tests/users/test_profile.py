"""The page "Profile and security"."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.support.factories import make_user
from tests.users.steps import log_in
from users.models import User

pytestmark = pytest.mark.django_db


def test_a_person_sets_name_zone_and_theme(client: Client) -> None:
    user = make_user()
    client.force_login(user)

    client.post(reverse("profile"), {"name": "Ada", "time_zone": "Asia/Tokyo", "theme": "dark"})

    user.refresh_from_db()
    assert (user.name, user.time_zone, user.theme) == ("Ada", "Asia/Tokyo", "dark")
    assert 'data-theme="dark"' in client.get(reverse("profile")).text


@pytest.mark.parametrize(
    ("typed", "saved", "shown"),
    [
        ("Mara  Lind", "Mara Lind", "Mara Lind"),
        ("\u202eMara Lind", "Mara Lind", "Mara Lind"),
        ("\u200b", "mara@example.com", "Ada"),
    ],
)
def test_a_name_is_what_others_can_see_of_it(client: Client, typed: str, saved: str, shown: str) -> None:
    user, other = make_user(name="Ada"), make_user("mara@example.com", name=typed)
    client.force_login(user)

    client.post(reverse("profile"), {"name": typed, "time_zone": "", "theme": "auto"})

    user.refresh_from_db()
    other.save()  # as an administrator does
    assert (str(user), str(other)) == (shown, saved)


def test_rights_cannot_be_posted(client: Client) -> None:
    user = make_user()
    client.force_login(user)

    client.post(
        reverse("profile"),
        {"name": "Ada", "theme": "auto", "is_staff": "1", "is_superuser": "1", "email": "x@example.com"},
    )

    user.refresh_from_db()
    assert (user.name, user.is_staff, user.is_superuser) == ("Ada", False, False)
    assert user.email != "x@example.com"


@pytest.mark.parametrize("wrong", [{"time_zone": "Moon/Base"}, {"name": "<u x-data>Eve"}])
def test_an_unknown_zone_or_a_name_with_markup_is_refused_and_nothing_is_saved(
    client: Client, wrong: dict[str, str]
) -> None:
    user = make_user(name="Ada")
    client.force_login(user)

    page = client.post(reverse("profile"), {"name": "Eve", "time_zone": "", "theme": "auto", **wrong})

    user.refresh_from_db()
    assert user.name == "Ada"
    assert "1 field needs a change" in page.text


def test_it_leads_to_password_second_factor_and_sessions(client: Client) -> None:
    client.force_login(make_user())

    page = client.get(reverse("profile")).text

    for name in ("account_change_password", "mfa_index", "sessions"):
        assert f'href="{reverse(name)}"' in page


def test_another_browser_is_logged_out_from_the_list_of_sessions(client: Client) -> None:
    make_user("ada@example.com")
    other = Client()
    log_in(other, "ada@example.com")
    log_in(client, "ada@example.com")

    client.post(reverse("sessions"))

    assert client.get(reverse("profile")).status_code == 200
    assert other.get(reverse("profile")).status_code == 302


@pytest.mark.parametrize(
    ("chosen", "zone"),
    [
        ("Asia/Tokyo", "Asia/Tokyo"),
        ("", "Europe/Berlin"),
        ("Moon/Base", "Europe/Berlin"),
        ("../x", "Europe/Berlin"),
    ],
)
def test_times_are_told_in_the_chosen_zone_or_else_in_the_projects(
    chosen: str, zone: str, settings: Settings
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"

    assert User(time_zone=chosen).zone.key == zone
