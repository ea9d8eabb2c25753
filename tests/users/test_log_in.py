"""People log in by e-mail and password; nobody signs up, and no channel is a way in."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse

from tests.support.factories import PASSWORD, make_token, make_user
from tests.users.steps import is_logged_in, log_in
from users.models import User

pytestmark = pytest.mark.django_db


def test_the_e_mail_logs_in_in_any_spelling(client: Client) -> None:
    make_user("Ada@Example.com")

    log_in(client, " ADA@example.com ")

    assert is_logged_in(client)


def test_a_person_who_is_switched_off_cannot_log_in(client: Client) -> None:
    make_user("ada@example.com", is_active=False)

    log_in(client, "ada@example.com")

    assert not is_logged_in(client)


@pytest.mark.parametrize("target", ["//evil.example/", "/\\evil.example"])
def test_logging_in_never_leads_to_another_site(client: Client, target: str) -> None:
    make_user("ada@example.com")

    response = log_in(client, "ada@example.com", next=target)

    assert response["Location"] == reverse("my_accounts")


def test_logging_in_leads_to_the_page_that_asked_for_it(client: Client) -> None:
    make_user("ada@example.com")

    response = log_in(client, "ada@example.com", next=reverse("profile"))

    assert response["Location"] == reverse("profile")


def test_staff_without_an_own_log_in_at_a_channel_land_in_the_portal(client: Client) -> None:
    mira = make_user("mira@example.com", is_staff=True)

    page = client.get("/")["Location"]
    landed = log_in(client, mira.email)["Location"]
    make_token(consented_by=mira)
    later = log_in(Client(), mira.email)["Location"]

    assert page == reverse("account_login")  # naming no page to come back to
    assert (landed, later) == (reverse("admin:index"), reverse("my_accounts"))


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


def test_four_wrong_passwords_do_not_lock_anybody_out(client: Client) -> None:
    make_user("ada@example.com")

    for _ in range(4):
        log_in(client, "ada@example.com", "wrong")
    log_in(client, "ada@example.com")

    assert is_logged_in(client)
