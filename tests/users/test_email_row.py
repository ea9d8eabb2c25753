"""Every person has one verified e-mail row, equal to the login."""

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.db import IntegrityError
from django.test import Client

from tests.support.factories import make_user
from tests.users.steps import is_logged_in, log_in
from users.models import User

pytestmark = pytest.mark.django_db


def rows(user: User) -> list[tuple[str, bool, bool]]:
    return list(EmailAddress.objects.filter(user=user).values_list("email", "verified", "primary"))


def test_createsuperuser_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery staple")

    call_command("createsuperuser", "--noinput", "--email", "Root@Example.com", verbosity=0)

    user = User.objects.get(email="root@example.com")
    assert rows(user) == [("root@example.com", True, True)]


def test_saving_by_any_way_makes_it() -> None:
    user = User(email="ADA@x.com")

    user.save()

    assert rows(user) == [("ada@x.com", True, True)]


def test_it_follows_a_changed_e_mail_and_the_old_address_logs_in_no_more(client: Client) -> None:
    user = make_user("old@example.com")
    user.email = "new@example.com"

    user.save()

    assert rows(user) == [("new@example.com", True, True)]
    log_in(client, "old@example.com")
    assert not is_logged_in(client)


def test_a_log_in_leaves_it_alone(client: Client) -> None:
    user = make_user("ada@example.com")
    before = EmailAddress.objects.get(user=user).pk

    log_in(client, "ada@example.com")

    assert EmailAddress.objects.get(user=user).pk == before


def test_the_database_refuses_capitals() -> None:
    user = make_user()

    with pytest.raises(IntegrityError, match="user_email_is_lower_case"):
        User.objects.filter(pk=user.pk).update(email="ADA@x.com")
