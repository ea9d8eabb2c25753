"""Behind a PgBouncer in transaction mode: exports are whole, second factors work, claims are given back, and no
claim of a living worker is taken over."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from django.db import connection, connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.account_pages import export as export_rows
from accounts.models import Account
from devtools.embedded.processes import LOOPBACK
from infra import liveness
from notifications.delivery import claims
from tests.notifications.support import claim_next, make_message
from tests.support import connections as another_connection
from tests.support import pgbouncer
from tests.support.factories import NOW, make_token, make_user
from tests.support.security_key import SecurityKey
from tests.users.steps import code_of, enrol, log_in, secret_of
from tokens.checks import services as probe
from tokens.models import Token
from users.models import Team
from users.people.queries import names_for

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.skipif(pgbouncer.find() is None, reason=pgbouncer.NONE_FOUND),
]
ACCOUNTS = 1_200


@pytest.fixture
def port() -> Iterator[int]:
    with pgbouncer.in_front(connections=2) as port:
        yield port


@contextmanager
def through(port: int) -> Iterator[None]:
    """Lead this thread's connection through PgBouncer."""
    mine = connections["default"]
    direct = mine.settings_dict
    options = {name: value for name, value in direct["OPTIONS"].items() if name != "pool"}
    mine.close()
    mine.settings_dict = {**direct, "HOST": LOOPBACK, "PORT": port, "OPTIONS": options}
    try:
        yield
    finally:
        mine.close()
        mine.settings_dict = direct


def downloaded(port: int) -> list[str]:
    """Return the ids in an export, and after them those of a walk by Django's `iterator`."""
    with through(port):
        accounts = Account.objects.order_by("pk")
        rows = list(export_rows.export_rows(accounts, names_for(None), NOW))
        walked = [account.native_id for account in accounts.iterator(chunk_size=20)]
    return [str(row[1]) for row in rows] + walked


@pytest.fixture
def accounts() -> list[str]:
    """Ids of many accounts at their channel."""
    ids = [f"{number:05}" for number in range(ACCOUNTS)]
    team = Team.default()
    Account.objects.bulk_create(
        Account(channel="facebook", native_id=one, name=one, team=team) for one in ids
    )
    return ids


def test_six_exports_at_once_are_whole_and_right(port: int, accounts: list[str]) -> None:
    with ThreadPoolExecutor(6) as people:
        files = list(people.map(downloaded, [port] * 6))

    assert files == [accounts * 2] * 6


def test_a_cursor_that_stays_open_breaks_there(port: int) -> None:
    """The control: PgBouncer is really between, and shares what it has."""
    how: dict[str, Any] = {
        "host": LOOPBACK,
        "port": port,
        "dbname": connection.settings_dict["NAME"],
        "user": "anybody",
    }
    with psycopg.connect(**how, autocommit=True) as reader, psycopg.connect(**how) as other:
        reader.execute("declare rows cursor with hold for select generate_series(1, 100)")
        other.execute("select 1")  # its transaction takes the connection on which the cursor lies

        with pytest.raises(psycopg.errors.InvalidCursorName):
            reader.execute("fetch 10 from rows")


@pytest.fixture
def direct() -> Iterator[psycopg.Connection[Any]]:
    """A connection past PgBouncer."""
    made = another_connection.another()
    yield made
    made.close()


def close_what_was_lent(direct: psycopg.Connection[Any]) -> None:
    """Have the pooler's connection to PostgreSQL end, as it does after an hour, while its client goes on."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        lent = cursor.fetchone()
    assert lent is not None
    direct.execute("select pg_terminate_backend(%s, 5000)", lent)


def test_a_living_workers_claim_is_left_alone_and_a_killed_ones_is_taken_over_within_half_a_minute(
    port: int, direct: psycopg.Connection[Any]
) -> None:
    token = make_token(due_at=NOW)
    with through(port):
        claimed = Token.objects.filter(pk=token.pk).claimed_as(probe.claim_token(token.pk, NOW))
        close_what_was_lent(direct)
        with liveness.kept(claimed.keep_claimed):
            liveness.renew(NOW + timedelta(seconds=15))

            assert not probe.claim_token(token.pk, NOW + timedelta(seconds=30))
        taken = probe.claim_token(token.pk, NOW + timedelta(seconds=36))
        assert (claimed.let_go(), Token.objects.claimed_as(taken).let_go()) == (0, 1)


def test_a_mail_that_is_being_sent_is_left_to_its_sender_and_taken_over_half_a_minute_after_his_end(
    port: int, direct: psycopg.Connection[Any]
) -> None:
    make_message()
    with through(port):
        message = claim_next(now=NOW)
        assert message is not None
        close_what_was_lent(direct)
        claims.renew_claim(message, NOW + timedelta(seconds=15))

        assert claim_next(now=NOW + timedelta(seconds=30)) is None
        assert claim_next(now=NOW + timedelta(seconds=36)) is not None


def test_second_factors_are_enrolled_and_open_the_portal(port: int) -> None:
    staff = make_user("mira@example.com", is_staff=True, is_superuser=True)
    key, portal = SecurityKey(), reverse("admin:index")
    with through(port):
        log_in(own := Client(), staff.email)
        enrol(own)
        key.add(own)
        log_in(by_app := Client(), staff.email)
        log_in(by_key := Client(), staff.email)
        before = [client.get(portal).status_code for client in (by_app, by_key)]

        with time_machine.travel(timezone.now() + timedelta(minutes=1)):  # a code works once
            by_app.post(reverse("mfa_authenticate"), {"code": code_of(secret_of(staff))})
        key.show(by_key)

        after = [client.get(portal).status_code for client in (by_app, by_key)]
    assert (before, after) == ([302, 302], [200, 200])
