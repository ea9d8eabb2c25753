import re
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse

from notifications.mails import build_reset
from notifications.models import Message
from users.models import User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"


class Parts(HTMLParser):
    """Notes what a strict policy would stop."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped: list[str] = []
        self.style_sheets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        inline = tag == "script" and "src" not in names and names.get("type") != "application/json"
        handlers = [name for name in names if name.startswith("on")]
        if inline or tag == "style" or "style" in names or handlers:
            self.stopped.append(self.get_starttag_text() or tag)
        if names.get("rel") == "stylesheet":
            self.style_sheets.append(names["href"] or "")


def assert_in_our_look(html: str) -> None:
    parts = Parts()
    parts.feed(html)
    assert parts.stopped == []
    assert any(href.endswith("adtoken/site.css") for href in parts.style_sheets)
    assert html.count("<h1") == 1
    assert not re.search(r"\b(Sign [Ii]n|Sign [Oo]ut|Two-[Ff]actor|OAuth)\b", html)


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada@lumen.example", PASSWORD, name="Ada Okafor")


@pytest.fixture
def logged_in(ada: User) -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": ada.email, "password": PASSWORD})
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client


@pytest.mark.parametrize(
    "name", ["account_login", "account_signup", "account_reset_password", "account_reset_password_done"]
)
def test_pages_before_log_in_have_our_look(client: Client, name: str) -> None:
    response = client.get(reverse(name))

    assert response.status_code == 200
    assert_in_our_look(response.content.decode())


@pytest.mark.parametrize(
    "name",
    [
        "account_logout",
        "account_change_password",
        "account_reauthenticate",
        "mfa_index",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "sessions",
    ],
)
def test_security_pages_have_our_look(logged_in: Client, name: str) -> None:
    response = logged_in.get(reverse(name))

    assert response.status_code == 200
    assert_in_our_look(response.content.decode())


def test_a_wrong_password_keeps_the_e_mail_and_says_what_is_wrong(client: Client, ada: User) -> None:
    response = client.post(reverse("account_login"), {"login": ada.email, "password": "wrong"})

    html = response.content.decode()
    assert 'role="alert"' in html
    assert 'value="ada@lumen.example"' in html
    assert_in_our_look(html)


def test_nobody_can_sign_up(client: Client) -> None:
    client.post(
        reverse("account_signup"), {"email": "x@y.example", "password1": PASSWORD, "password2": PASSWORD}
    )

    assert not User.objects.exists()


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
    assert_in_our_look(again.content.decode())


def test_the_picture_for_the_app_does_not_hold_its_key_in_words(logged_in: Client) -> None:
    html = logged_in.get(reverse("mfa_activate_totp")).content.decode()

    secret = re.search(r'id="authenticator_secret"\s+type="text"\s+value="(\w+)"', html)
    assert secret
    assert html.count(secret[1]) == 1
