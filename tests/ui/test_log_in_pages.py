import re

import pytest
from django.test import Client
from django.urls import reverse

from notifications.mails import build_reset
from notifications.models import Message
from users.models import User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada@lumen.example", PASSWORD, name="Ada Okafor")


@pytest.fixture
def logged_in(ada: User) -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": ada.email, "password": PASSWORD})
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client


def test_a_wrong_password_keeps_the_e_mail_and_says_what_is_wrong(client: Client, ada: User) -> None:
    response = client.post(reverse("account_login"), {"login": ada.email, "password": "wrong"})

    html = response.content.decode()
    assert 'role="alert"' in html
    assert 'value="ada@lumen.example"' in html


def test_a_used_reset_link_says_that_it_has_ended(client: Client, ada: User) -> None:
    client.post(reverse("account_reset_password"), {"email": ada.email})
    path = re.search(
        r"https?://[^/]+(/accounts/password/reset/key/\S+)", build_reset(Message.objects.get()).text
    )
    assert path
    page = client.get(path[1], follow=True)
    action = page.request["PATH_INFO"]
    new = {"password1": "another long pass phrase", "password2": "another long pass phrase"}

    done = client.post(action, new, follow=True)
    again = client.get(path[1], follow=True)

    assert "Your password is changed" in done.content.decode()
    assert "This link has ended" in again.content.decode()


def test_the_picture_for_the_app_does_not_hold_its_key_in_words(logged_in: Client) -> None:
    html = logged_in.get(reverse("mfa_activate_totp")).content.decode()

    secret = re.search(r'id="authenticator_secret"\s+type="text"\s+value="(\w+)"', html)
    assert secret
    assert html.count(secret[1]) == 1
