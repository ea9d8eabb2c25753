"""While PostgreSQL is away the answer is 503 with Retry-After, and good again as soon as it is back; what left meanwhile is recorded."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import Client, RequestFactory
from psycopg import sql
from pytest_django import Settings

from accounts.api_keys import services as api_keys
from accounts.models import ApiKey
from notifications import outbox
from notifications.delivery import services as delivery
from notifications.models import Message
from portal.start import first_steps
from tests.notifications.smtp import running_server
from tests.support.factories import NOW, make_user
from users.models import Team

pytestmark = pytest.mark.django_db(transaction=True)

_ALLOW = sql.SQL("alter database {} with allow_connections {}")
_END = "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where datname = %s"


class Server:
    """The PostgreSQL of the tests, seen from another database: it takes ours away and brings it back."""

    def __init__(self, admin: psycopg.Connection[Any], name: str) -> None:
        self._admin, self._name = admin, name

    def go_away(self) -> None:
        """Refuse connections, and end those that there are in the middle of what they do."""
        self._admin.execute(_ALLOW.format(sql.Identifier(self._name), sql.SQL("false")))
        self._admin.execute(_END, [self._name])

    def end_connections(self) -> None:
        """End all connections, as a hard restart does. The server takes new ones at once."""
        self._admin.execute(_END, [self._name])

    def come_back(self) -> None:
        """Take connections again."""
        self._admin.execute(_ALLOW.format(sql.Identifier(self._name), sql.SQL("true")))


@pytest.fixture
def server() -> Iterator[Server]:
    given = connection.settings_dict
    facts = {
        "host": given["HOST"],
        "port": given["PORT"],
        "user": given["USER"],
        "password": given["PASSWORD"],
    }
    with psycopg.connect(**facts, dbname="postgres", autocommit=True) as admin:
        server = Server(admin, str(given["NAME"]))
        yield server
        server.come_back()
        connection.close()


@pytest.fixture
def asker() -> Client:
    _, text = api_keys.issue_key(
        name="job", scopes=list(ApiKey.Scope.values), teams=[Team.objects.create(name="A")]
    )
    return Client(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)


def test_it_is_503_while_the_database_is_away_and_good_soon_after(
    server: Server, asker: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool: Any = connection.pool  # type: ignore[attr-defined]  # PostgreSQL has one
    monkeypatch.setattr(pool, "timeout", 0.5)  # so long a request waits for a connection
    asker.force_login(make_user())
    paths = ("/api/v1/accounts", "/")
    assert [asker.get(path).status_code for path in paths] == [200, 200]
    connection.close()
    server.go_away()

    away = [asker.get(path) for path in paths]
    server.come_back()
    late = [[asker.get(path).status_code for path in paths]]
    while late[-1] != [200, 200] and len(late) < 100:
        late.append([asker.get(path).status_code for path in paths])

    assert [answer.status_code for answer in away] == [503, 503]
    assert [answer["Content-Type"].split(";")[0] for answer in away] == [
        "application/problem+json",
        "text/html",
    ]
    assert all(int(answer["Retry-After"]) > 0 for answer in away)
    assert "AdToken is not ready at the moment" in away[1].text
    assert late[-1] == [200, 200]
    assert {status for both in late for status in both} <= {200, 503}


def test_who_waits_when_it_comes_back_is_served_though_nobody_else_asks(server: Server, key: str) -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # a connection that has ended would be looked at later, and a new one be asked for
    server.go_away()
    threading.Timer(1, server.come_back).start()

    assert call("/api/v1/accounts", key) == 200


# ---- a connection that has ended


def call(path: str, key: str) -> int:
    """Ask as a web server does: the connection is given back, as there."""
    statuses: list[int] = []

    def start(status: str, _headers: Any, _error: Any = None, /) -> Any:
        statuses.append(int(status.split()[0]))

    environ = RequestFactory(headers={"Authorization": f"Bearer {key}"}).get(path).environ
    answer = WSGIHandler()(environ, start)
    b"".join(answer)
    answer.close()
    return statuses[0]


@pytest.fixture
def key() -> str:
    return api_keys.issue_key(
        name="job", scopes=list(ApiKey.Scope.values), teams=[Team.objects.create(name="A")]
    )[1]


@pytest.mark.parametrize("path", ["/api/v1/accounts", "/readyz"])
def test_a_connection_that_a_restart_has_ended_costs_no_answer(server: Server, key: str, path: str) -> None:
    call("/api/v1/accounts", key)
    server.end_connections()

    assert call(path, key) == 200


def test_another_fault_of_ours_is_500(asker: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise LookupError

    monkeypatch.setattr("adtoken_project.api.application.authenticate", broken)

    answer = asker.get("/api/v1/accounts")

    assert answer.status_code == 500
    assert answer.json()["title"] == "Our fault"


def test_a_mail_that_leaves_while_the_database_goes_away_leaves_once(
    server: Server, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    outbox.enqueue(kind=first_steps.TEST, recipient="ada@example.com", dedupe_key="1", now=NOW)
    with running_server() as (mail_server, port):
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port

        def restart() -> None:
            server.go_away()
            threading.Timer(1, server.come_back).start()

        mail_server.on_data = restart

        tally = delivery.deliver()

        assert mail_server.recipients == ["ada@example.com"]
    assert (tally.sent, Message.objects.get().state) == (1, Message.State.SENT)
