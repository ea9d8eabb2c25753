"""With the mail server away no page fails, and nothing that was done says that it was not: every mail goes through the outbox."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import tasks
from notifications.models import Message
from tests.support.factories import link, make_account, make_token, make_user
from users.models import Invitation, Team, User

PROJECT = Path(__file__).parents[2]
OURS = (
    "accounts",
    "adtoken_project",
    "broker",
    "macros",
    "notifications",
    "portal",
    "selfservice",
    "tokens",
    "ui",
    "users",
)


@pytest.fixture(autouse=True)
def _no_mail_server(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1


@pytest.fixture
def boss(client: Client) -> User:
    """A superuser, logged in to the portal."""
    user = make_user("boss@example.com", is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def imported(node: ast.AST) -> Iterator[str]:
    """What a statement imports, in full, however it is written."""
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{one.name}" for one in node.names)


def modules_that_import_mail() -> Iterator[str]:
    for app in OURS:
        for path in (PROJECT / app).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if "smtplib" not in text and "django.core" not in text:
                continue
            for node in ast.walk(ast.parse(text)):
                if any(name.startswith(("django.core.mail", "smtplib")) for name in imported(node)):
                    yield path.relative_to(PROJECT).as_posix()


def test_nothing_but_delivery_speaks_to_the_mail_server() -> None:
    assert set(modules_that_import_mail()) == {
        "notifications/delivery/services.py",
        "notifications/delivery/rules.py",
        "adtoken_project/ops/health.py",
        "adtoken_project/setup/safe_start.py",
    }


@pytest.mark.django_db
def test_an_invitation_a_test_mail_and_an_ask_are_done_and_wait(client: Client, boss: User) -> None:
    token = make_token(state="dead", consented_by=make_user("ada@example.com"))
    account = make_account()
    link(account, token)
    ask = f"{reverse('admin:accounts_account_changelist')}bulk/ask/?ids={account.pk}"

    answers = [
        client.post(
            reverse("admin:users_invitation_add"),
            {"email": "new@example.com", "team": Team.default().pk},
            follow=True,
        ),
        client.post(reverse("admin:test_mail"), follow=True),
        client.post(ask, {"note": ""}, follow=True),
    ]
    tasks.run_asks()

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert Invitation.objects.exists()
    kinds = set(Message.objects.values_list("kind", flat=True))
    assert {"invite", "test", "ask"} <= kinds, kinds
    assert set(Message.objects.values_list("state", flat=True)) == {"queued"}
