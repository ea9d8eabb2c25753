"""People log in by e-mail and password; nobody signs up, and no channel is a way in."""

import os
import subprocess
import sys

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.support.factories import PASSWORD, make_user
from tests.users.steps import is_logged_in, log_in
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("typed", ["ada@example.com", "ADA@Example.com", " Ada@example.com "])
def test_the_e_mail_logs_in_in_any_spelling(client: Client, typed: str) -> None:
    make_user("Ada@Example.com")

    log_in(client, typed)

    assert is_logged_in(client)


def test_a_person_who_is_switched_off_cannot_log_in(client: Client) -> None:
    make_user("ada@example.com", is_active=False)

    log_in(client, "ada@example.com")

    assert not is_logged_in(client)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_logging_in_never_leads_to_another_site(client: Client, target: str) -> None:
    make_user("ada@example.com")

    response = log_in(client, "ada@example.com", next=target)

    assert response["Location"] == reverse("my_accounts")


def test_logging_in_leads_to_the_page_that_asked_for_it(client: Client) -> None:
    make_user("ada@example.com")

    response = log_in(client, "ada@example.com", next=reverse("profile"))

    assert response["Location"] == reverse("profile")


def test_sign_up_is_closed_and_says_so(client: Client) -> None:
    sent = {"email": "eve@example.com", "password1": PASSWORD, "password2": PASSWORD}

    page = client.get(reverse("account_signup"))
    client.post(reverse("account_signup"), sent)

    assert page.status_code == 200
    assert "account/signup_closed.html" in [template.name for template in page.templates]
    assert not User.objects.filter(email="eve@example.com").exists()


@pytest.mark.parametrize("path", ["3rdparty/", "3rdparty/signup/", "social/connections/", "facebook/login/"])
def test_no_page_of_allauth_links_a_channel_to_a_log_in(client: Client, path: str) -> None:
    client.force_login(make_user())

    response = client.get(f"/accounts/{path}")

    assert response.status_code in {302, 404}
    assert not [t for t in response.templates if t.name and t.name.startswith("socialaccount/")]


def test_nobody_is_mailed_a_code_in_place_of_the_password(client: Client, mailoutbox: list[object]) -> None:
    client.force_login(make_user("ada@example.com"))

    answer = client.post(reverse("account_request_reauthentication_code"), {"recipient": "ada@example.com"})

    assert (answer.status_code, mailoutbox) == (403, [])


def test_a_second_e_mail_address_cannot_be_added(client: Client) -> None:
    user = make_user()
    client.force_login(user)

    response = client.post(reverse("account_email"), {"email": "other@example.com", "action_add": ""})

    assert response["Location"] == reverse("profile")
    assert list(EmailAddress.objects.filter(user=user).values_list("email", flat=True)) == [user.email]


def test_after_five_wrong_passwords_the_right_one_is_refused_too(client: Client) -> None:
    make_user("ada@example.com")

    for _ in range(5):
        log_in(client, "ada@example.com", "wrong")
    log_in(client, "ada@example.com")

    assert not is_logged_in(client)


def test_four_wrong_passwords_do_not_lock_anybody_out(client: Client) -> None:
    make_user("ada@example.com")

    for _ in range(4):
        log_in(client, "ada@example.com", "wrong")
    log_in(client, "ada@example.com")

    assert is_logged_in(client)


GUESS = """
import django
django.setup()
from django.conf import settings
from django.test import Client
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # as the tests store them
for _ in range(5):
    answer = Client(headers={"host": settings.BASE_HOST}).post(
        "/accounts/login/", {"login": "ada@example.com", "password": "wrong"})
    assert answer.status_code == 200, answer
"""


@pytest.mark.django_db(transaction=True)
def test_guesses_in_another_process_count_too(client: Client) -> None:
    make_user("ada@example.com")
    parts = connection.get_connection_params()
    host = parts.get("host") or "127.0.0.1"
    login = parts["user"] + (f":{parts['password']}" if parts.get("password") else "")
    url = f"postgres://{login}@{host}:{parts.get('port') or 5432}/{connection.settings_dict['NAME']}"

    subprocess.run(
        [sys.executable, "-c", GUESS], check=True, cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "adtoken_project.settings"},
    )  # fmt: skip
    log_in(client, "ada@example.com")

    assert not is_logged_in(client)
