"""`manage.py doctor`: each thing that can be wrong is named with its cure, and ends it with status 1."""

import io
from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone
from pytest_django import Settings

from adtoken_project.ops import health
from adtoken_project.ops.health import Check, Finding
from tests.support.factories import make_app, make_user
from users.installation import hold
from users.models import User

pytestmark = pytest.mark.django_db


def said(check: health.Look) -> str:
    found = health.made(check)
    assert all(trouble.cure for trouble in found)
    return " ".join(trouble.said for trouble in found)


def test_a_channel_that_refuses_our_app_is_wrong_and_one_that_nobody_uses_is_a_note() -> None:
    none = health.made(health.apps)
    make_app("x", fault="suspended", fault_since=timezone.now(), client_id="c1")
    refused, missing = health.made(health.apps)

    assert [trouble.note for trouble in none] == [False]
    assert (refused.said, refused.note) == ("X refuses our app: suspended", False)
    assert "Channel apps" in refused.cure
    assert missing.note
    assert "Facebook" in missing.said


def test_nobody_to_tell_is_wrong(settings: Settings) -> None:
    settings.OPERATOR_EMAILS = []
    User.objects.update(is_active=False)
    nobody = said(health.people)
    make_user(is_superuser=True)

    assert nobody == "There is nobody to tell of our own faults."
    assert said(health.people) == ""


def test_servers_that_are_away_are_named_with_their_setting(settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "redis://:hunter2hunter2@127.0.0.1:1/0"
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "127.0.0.1",
        1,
    )

    assert said(health.queue) == "The server of REDIS_URL does not answer: ConnectionError."
    assert "The mail server does not take us: ConnectionRefusedError" in said(health.mail_server)


def test_an_installation_on_hold_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "current", lambda: hold.Hold("copied."))

    assert "on hold: copied." in said(health.installation)
    assert said(health.migrations) == ""


def test_a_database_that_is_away_is_said_once_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    where = {**connection.get_connection_params(), "host": "127.0.0.1", "port": 1}
    monkeypatch.setattr(type(connections["default"]), "get_connection_params", lambda _self: where)

    (_, said), (_, asked) = health.examine([health.DATABASE, Check("Operators", health.people)])

    assert said is not None
    assert "Connection refused" in said[0].said
    assert "DATABASE_URL" in said[0].cure
    assert asked is None


@pytest.mark.parametrize(
    ("troubles", "status", "words"),
    [
        ([], 0, ["ok     Redis", "All is well."]),
        ([Finding("odd", "look", note=True)], 0, ["note   Redis: odd", "-> look"]),
        (
            [Finding("token=abcdefgh1234", "fix")],
            1,
            ["WRONG  Redis: token=[hidden]", "-> fix", "1 thing to fix."],
        ),
    ],
)
def test_the_status_tells_whether_something_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    troubles: list[Finding],
    status: int,
    words: list[str],
) -> None:
    settings.RELEASE = "blue"

    def look(now: datetime) -> Any:
        return iter(troubles)

    monkeypatch.setattr(health.examine, "__defaults__", ((Check("Redis", look),),))
    out, ended = io.StringIO(), 0

    try:
        call_command("doctor", stdout=out)
    except SystemExit as end:
        ended = int(str(end.code))

    assert ended == status
    assert out.getvalue().startswith("AdToken 0.2.0, release blue\n")
    assert [word for word in words if word not in out.getvalue()] == []
