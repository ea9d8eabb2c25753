"""The mails that guard a log-in go through the outbox: no secret is kept, no answer tells who has a log-in."""

import re
from email.utils import parseaddr

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as conf
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from notifications.mails import RESET, build_change, build_reset
from notifications.models import Message
from notifications.outbox import Mail, NotWanted
from tests.support.factories import PASSWORD, make_user
from tests.users.steps import is_logged_in, log_in
from ui import stored_phrases as kept
from users.login.services import ChangeKind, LoginChange, notify_change
from users.models import User

pytestmark = pytest.mark.django_db

NEW = "a wholly different phrase"


@pytest.fixture
def boss(client: Client) -> User:
    """A superuser, logged in to the portal."""
    user = make_user("boss@example.com", name="Mira Boss", is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def ask_for_reset(client: Client, email: str) -> str:
    return str(client.post(reverse("account_reset_password"), {"email": email})["Location"])


def built(kind: ChangeKind) -> Mail:
    return build_change(Message.objects.get(payload__change=kind))


def test_a_forgotten_password_is_reset_by_the_mailed_link_and_the_change_is_told(client: Client) -> None:
    make_user("ada@example.com")

    ask_for_reset(client, "Ada@example.com")
    mail = build_reset(Message.objects.get())
    path = re.search(rf"{re.escape(conf.BASE_URL)}(/accounts/password/reset/key/\S+/)", mail.text)
    assert path
    form = client.get(path[1], follow=True)
    client.post(form.redirect_chain[-1][0], {"password1": NEW, "password2": NEW})
    log_in(client, "ada@example.com", NEW)

    assert is_logged_in(client)
    assert built(ChangeKind.PASSWORD_RESET).subject == "Your AdToken password was changed"


def test_the_link_is_never_kept_and_names_our_host_whatever_the_request_said(
    client: Client, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    make_user("ada@example.com")

    client.post(
        reverse("account_reset_password"), {"email": "ada@example.com"}, headers={"host": "evil.example:6666"}
    )
    mail = build_reset(Message.objects.get())

    links = re.findall(r"https?://[^\s\"<]+", mail.text + mail.html)
    assert {link.startswith(conf.BASE_URL + "/") for link in links} == {True}
    for text in (mail.stored_text, mail.stored_html, mail.subject, str(Message.objects.values())):
        assert "/password/reset/key/" not in str(text)


def test_a_known_and_an_unknown_address_cost_the_same_queries_and_rows(client: Client) -> None:
    make_user("ada@example.com")
    page = reverse("account_reset_password")
    client.post(page, {"email": "warm@example.com"})

    with CaptureQueriesContext(connection) as known:
        first = client.post(page, {"email": "ada@example.com"})
    with CaptureQueriesContext(connection) as unknown:
        second = client.post(page, {"email": "eve@example.com"})

    assert first["Location"] == second["Location"]
    assert len(known) == len(unknown)
    assert Message.objects.filter(kind=RESET).count() == 3


@pytest.mark.parametrize("email", ["nobody@example.com", "off@example.com"])
def test_whoever_may_not_log_in_gets_no_link_and_staff_see_why(client: Client, email: str) -> None:
    make_user("off@example.com", is_active=False)
    ask_for_reset(client, email)

    with pytest.raises(NotWanted, match="Nobody logs in here with this address"):
        build_reset(Message.objects.get())


def test_changing_the_own_password_is_told_with_address_and_browser(client: Client) -> None:
    user = make_user("ada@example.com")
    client.force_login(user)

    client.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW},
        headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
    )

    mail = built(ChangeKind.PASSWORD_CHANGED)
    assert "127.0.0.1" in mail.text
    assert "Firefox on Linux" in mail.text
    assert "/why/" in mail.text
    assert f"{conf.BASE_URL}{reverse('account_reset_password')}" in mail.text
    assert f"{conf.BASE_URL}{reverse('account_reset_password')}" in mail.html


def test_a_new_e_mail_address_is_told_to_the_old_and_the_new_one_and_both_stand_in_the_history(
    client: Client, boss: User
) -> None:
    other = make_user("old@example.com")

    change(client, other, email="new@example.com", is_active="on")

    mails = {m.recipient: build_change(m).text for m in Message.objects.all()}
    history = " ".join(map(kept.said, LogEntry.objects.values_list("change_message", flat=True)))
    assert set(mails) == {"old@example.com", "new@example.com"}
    assert "This address no longer logs in" in " ".join(mails["old@example.com"].split())
    assert "Log in with the new address" in " ".join(mails["new@example.com"].split())
    assert "from old@example.com to new@example.com" in history


def test_being_switched_off_and_on_is_told(client: Client, boss: User) -> None:
    other = make_user("ada@example.com")

    change(client, other)
    change(client, other, is_active="on")

    assert list(Message.objects.order_by("pk").values_list("payload__change", flat=True)) == [
        ChangeKind.SWITCHED_OFF,
        ChangeKind.SWITCHED_ON,
    ]


def test_a_second_factor_reset_by_staff_is_told(client: Client, boss: User) -> None:
    other = make_user("ada@example.com")
    Authenticator.objects.create(user=other, type="totp", data={"secret": "sealed"})

    client.post(reverse("admin:users_user_reset_second_factor", args=[other.pk]))

    assert "second factor" in built(ChangeKind.FACTOR_RESET).subject


@pytest.mark.parametrize("by_staff", [False, True])
def test_every_change_has_a_mail_in_whole_sentences(by_staff: bool) -> None:
    user = make_user("ada@example.com", name="Ada <b>Okafor</b>")
    by = None
    if by_staff:
        by = make_user(is_superuser=True)
        by.memberships.all().delete()  # of no team of the reader's
    facts = {"user": user, "recipient": user.email, "old_email": "a@example.com", "new_email": user.email}
    for kind in ChangeKind:
        notify_change(LoginChange(kind=kind, by=by, **facts), now=timezone.now())  # type: ignore[arg-type]  # facts of one

        mail = built(kind)

        assert 10 < len(mail.subject) <= 78, kind
        assert "{" not in mail.text + mail.subject, kind
        assert "&lt;" not in mail.text, kind
        assert parseaddr(user.email)[1] in mail.text, kind
        assert "  ." not in mail.text, kind
        if by_staff:
            assert "Ask an administrator." in mail.text, kind
            assert "Ask an administrator." in mail.html, kind


def change(client: Client, user: User, **data: str) -> None:
    no_inlines = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    client.post(
        reverse("admin:users_user_change", args=[user.pk]),
        {"email": user.email, "theme": "auto", "role": "marketer", **no_inlines, **data},
    )
