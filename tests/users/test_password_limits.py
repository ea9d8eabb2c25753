"""Guessing a password is stopped, and stops nobody but the one who guesses."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as conf
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.support.factories import NOW, PASSWORD, make_user
from tests.users.steps import is_logged_in, log_in
from users.models import LoginRecord, User

pytestmark = pytest.mark.django_db


def guess(times: int, *, first: int = 1, per_address: int = 4) -> None:
    """Try wrong passwords, a few from each address."""
    for number in range(times):
        address = f"198.51.100.{first + number // per_address}"
        log_in(Client(REMOTE_ADDR=address), "ada@example.com", "wrong")


def fewer_guesses(settings: Settings) -> None:
    """Let ten wrong passwords from anywhere be the end, in place of fifty."""
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "password_anywhere": "10/900s/key"}


def test_five_wrong_passwords_elsewhere_do_not_keep_the_person_out(ada: User) -> None:
    thief, home = Client(REMOTE_ADDR="203.0.113.9"), Client(REMOTE_ADDR="192.0.2.1")
    for _ in range(6):
        log_in(thief, ada.email, "wrong")

    log_in(home, ada.email)
    log_in(thief, ada.email)

    assert is_logged_in(home)
    assert not is_logged_in(thief)
    assert LoginRecord.objects.filter(detail="too_many_wrong_passwords", address="203.0.113.9").count() == 2


def test_another_host_header_gives_no_more_guesses(ada: User, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["one.example", "two.example"]
    for _ in range(5):
        log_in(Client(headers={"host": "one.example"}), ada.email, "wrong")
    other = Client(headers={"host": "two.example"})

    log_in(other, ada.email)

    assert not is_logged_in(other)


def test_guessing_from_many_addresses_is_stopped_but_not_a_device_that_has_logged_in_before(
    ada: User, settings: Settings
) -> None:
    fewer_guesses(settings)
    known, stranger = Client(REMOTE_ADDR="192.0.2.1"), Client(REMOTE_ADDR="192.0.2.2")
    with time_machine.travel(NOW, tick=False) as clock:
        log_in(known, ada.email)
        known.post(reverse("account_logout"))
        clock.shift(timedelta(minutes=5))
        guess(10)

        log_in(stranger, ada.email)
        log_in(known, ada.email)

        assert not is_logged_in(stranger)
        assert is_logged_in(known)


def test_a_device_is_no_way_to_guess_on(ada: User) -> None:
    device = Client(REMOTE_ADDR="192.0.2.1")
    log_in(device, ada.email)
    device.post(reverse("account_logout"))
    for number in range(11):
        device.defaults["REMOTE_ADDR"] = f"192.0.2.{number + 10}"
        log_in(device, ada.email, "wrong")

    log_in(device, ada.email)

    assert not is_logged_in(device)


def test_a_new_password_ends_what_is_known_of_devices(ada: User, settings: Settings) -> None:
    fewer_guesses(settings)
    device = Client(REMOTE_ADDR="192.0.2.1")
    log_in(device, ada.email)
    device.post(reverse("account_logout"))
    ada.set_password("another long phrase of words")
    ada.save()
    guess(10)

    log_in(device, ada.email, "another long phrase of words")

    assert not is_logged_in(device)


def test_the_device_s_cookie_is_one_of_this_host_and_logs_nobody_in(ada: User) -> None:
    browser, thief = Client(), Client()
    answer = log_in(browser, ada.email)
    cookie = answer.cookies[conf.DEVICE_COOKIE_NAME]

    thief.cookies[conf.DEVICE_COOKIE_NAME] = cookie.value

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert thief.get(reverse("profile")).status_code == 302


def test_twelve_good_log_ins_a_minute_from_one_office_are_no_guesses() -> None:
    people = [make_user(f"p{number}@example.com") for number in range(12)]

    browsers = []
    for person in people:
        browsers.append(Client(REMOTE_ADDR="192.0.2.1"))
        log_in(browsers[-1], person.email)

    assert all(is_logged_in(browser) for browser in browsers)


def test_the_portal_s_password_page_is_the_one_with_limits(client: Client) -> None:
    staff = make_user(is_staff=True, is_superuser=True)
    client.force_login(staff)
    new = {
        "old_password": PASSWORD,
        "new_password1": "a wholly new phrase",
        "new_password2": "a wholly new phrase",
    }

    answer = client.post("/admin/password_change/", new)

    staff.refresh_from_db()
    assert answer["Location"] == reverse("account_change_password")
    assert staff.check_password(PASSWORD)


def test_a_password_of_repetition_or_of_words_that_are_easy_to_guess_is_refused(
    ada: User, settings: Settings
) -> None:
    settings.BASE_HOST = "tools.quvixle.example"

    for password in (
        "adtoken-2026!",
        "AdToken AdToken",
        "quvixle-adtoken-1",  # no common word
        "Ada.Okafor.123",
        "okafor123456!",
        "aaaaaaaaaaaa",
        "Summer2026!Summer",
    ):
        with pytest.raises(ValidationError):
            validate_password(password, ada)


def test_the_page_that_changes_a_password_refuses_such_a_one(client: Client, ada: User) -> None:
    client.force_login(ada)
    form = {"oldpassword": PASSWORD, "password1": "adtoken-2026!", "password2": "adtoken-2026!"}

    page = client.post(reverse("account_change_password"), form)

    ada.refresh_from_db()
    assert page.status_code == 200
    assert ada.check_password(PASSWORD)


def test_a_long_phrase_may_hold_such_a_word(client: Client, ada: User) -> None:
    client.force_login(ada)
    phrase = "adtoken and four more words"

    client.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": phrase, "password2": phrase},
    )

    ada.refresh_from_db()
    assert ada.check_password(phrase)
