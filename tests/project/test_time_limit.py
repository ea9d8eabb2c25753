"""A request that waits for the database too long is ended, and its thread is free again."""

import threading
from typing import Any
from wsgiref.util import setup_testing_defaults

import psycopg
import pytest
from django.conf import settings as given
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, connections

from adtoken_project import time_limit
from tests.support.factories import make_account, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False
    monkeypatch.setattr(time_limit, "LONGEST", 0.4)
    monkeypatch.setattr(time_limit, "EVERY", 0.1)


def get(path: str, **more: Any) -> tuple[str, str]:
    """Ask as gunicorn does, in a thread of its own as gunicorn has. Returns the status and the body."""
    environ: dict[str, Any] = {"PATH_INFO": path, "RAW_URI": path, "HTTP_HOST": "testserver", **more}
    setup_testing_defaults(environ)
    found: list[str] = []

    def ask() -> None:
        body = time_limit.limit(WSGIHandler())(environ, lambda status, *_: found.append(status))
        found.append(b"".join(body).decode())
        connections.close_all()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return found[0], found[1]


def test_a_request_that_waits_for_a_lock_is_answered_503_and_the_next_one_is_good(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    make_account("facebook")
    client.force_login(make_user("boss@example.com", is_staff=True, is_superuser=True))
    cookie = f"{given.SESSION_COOKIE_NAME}={client.cookies[given.SESSION_COOKIE_NAME].value}"

    with psycopg.connect(**of_the_test()) as other:
        other.execute("lock table accounts_account in access exclusive mode")
        status, page = get("/admin/accounts/account/", HTTP_COOKIE=cookie)
    after, _ = get("/admin/accounts/account/", HTTP_COOKIE=cookie)

    assert status == "503 Service Unavailable"
    assert "This took too long" in page
    assert "GET /admin/accounts/account/" in caplog.text
    assert after == "200 OK"


def of_the_test() -> dict[str, Any]:
    known = connection.settings_dict
    return {
        "host": known["HOST"], "port": known["PORT"], "user": known["USER"],
        "password": known["PASSWORD"], "dbname": known["NAME"],
    }  # fmt: skip
