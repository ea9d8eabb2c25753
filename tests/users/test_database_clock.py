"""Background work goes by PostgreSQL's clock: a host whose clock is wrong takes nobody's claim, and nobody takes its."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event
from types import SimpleNamespace

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from adtoken_project.ops import health
from adtoken_project.workers import schedules, signs_of_life
from adtoken_project.workers.clock import Clock
from infra import database_clock
from infra.database_clock import known as by_the_last_look
from infra.database_clock import now as by_postgresql
from notifications import outbox
from notifications.delivery.tasks import deliver_messages
from notifications.models import Message
from portal.start import first_steps
from tests.notifications.support import claim_next
from tests.support.factories import make_user
from tokens.channels import brake, oauth1_client
from tokens.channels.facebook.channel import CHANNEL as FACEBOOK
from tokens.channels.kinds import Answer, AppKeys, Credentials
from tokens.channels.linkedin.channel import CHANNEL as LINKEDIN
from tokens.channels.pinterest.channel import CHANNEL as PINTEREST
from tokens.channels.sessions import nobodys_session
from tokens.channels.snapchat.channel import CHANNEL as SNAPCHAT
from tokens.channels.x.channel import CHANNEL as X

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _real(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    database_clock.forget()
    monkeypatch.setattr(database_clock, "now", by_postgresql)
    monkeypatch.setattr(database_clock, "known", by_the_last_look)
    yield
    database_clock.forget()


@pytest.mark.parametrize("wrong", [HOUR, -HOUR])
def test_the_time_is_postgresqls_however_wrong_the_host_is(wrong: timedelta) -> None:
    right = datetime.now(UTC)

    with time_machine.travel(right + wrong, tick=True):
        found = database_clock.now()

    assert abs(found - right) < HOUR / 2


def test_a_clock_that_is_put_right_meanwhile_moves_nothing() -> None:
    before = database_clock.now()

    with time_machine.travel(before + HOUR, tick=True):
        after = database_clock.now()

    assert abs(after - before) < HOUR / 2


@pytest.mark.parametrize("wrong", [HOUR, -HOUR])
def test_a_worker_whose_clock_is_wrong_leaves_others_mails_alone_and_keeps_its_own(
    wrong: timedelta, mailoutbox: list[object]
) -> None:
    now = timezone.now()
    for number in (1, 2):
        outbox.enqueue(
            kind=first_steps.TEST, recipient=f"p{number}@example.com", dedupe_key=str(number), now=now
        )
    being_sent = claim_next(now=now)

    with time_machine.travel(now + wrong, tick=True):
        deliver_messages()
        own = claim_next(now=database_clock.now())

    assert being_sent is not None
    assert own is None
    states = dict(Message.objects.values_list("recipient", "state"))
    assert states == {being_sent.recipient: "sending", "p2@example.com": "sent"}
    assert len(mailoutbox) == 1


def test_a_mail_that_a_web_server_writes_whose_clock_is_ahead_leaves_at_once(
    mailoutbox: list[object],
) -> None:
    with time_machine.travel(datetime.now(UTC) + HOUR, tick=True):
        now = timezone.now()
        outbox.enqueue(kind=first_steps.TEST, recipient="p1@example.com", dedupe_key="1", now=now)

    deliver_messages()

    assert len(mailoutbox) == 1


def test_a_process_that_looks_no_more_goes_by_its_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    right = database_clock.now()

    with time_machine.travel(right + HOUR, tick=True):
        lately = database_clock.known()
        monkeypatch.setattr(database_clock, "TRUSTED", -1)
        long_ago = database_clock.known()

    assert lately - right < HOUR / 2
    assert long_ago - right > timedelta(minutes=59)


def test_a_wait_for_a_connection_makes_no_clock_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    connected: list[bool] = []

    def look() -> float:
        connected.append(connection.connection is not None)
        return 0.0

    monkeypatch.setattr(database_clock, "time", SimpleNamespace(monotonic=look))

    database_clock.ahead_by()

    assert connected == [True, True]


KEYS = AppKeys("1", ("secret",), "https://x.test/", ())
GIVEN = {
    "access_token": "a" * 40,
    "refresh_token": "r" * 40,
    "expires_in": 1800,
    "scope": "snapchat-marketing-api",
}
GRANTING = {channel.key: channel for channel in (FACEBOOK, SNAPCHAT, PINTEREST, LINKEDIN)}


@pytest.mark.parametrize("channel", GRANTING)
@pytest.mark.parametrize("wrong", [HOUR, -HOUR])
def test_a_token_that_a_host_with_a_wrong_clock_renewed_ends_when_the_channel_says(
    channel: str, wrong: timedelta
) -> None:
    right = database_clock.now()

    with time_machine.travel(right + wrong, tick=True):
        answer = Answer("refresh", 200, {}, GIVEN)
        dates = GRANTING[channel].grant_in(answer, nobodys_session(KEYS)).dates

    assert dates.access_expires_at is not None
    assert abs(dates.access_expires_at - right - timedelta(minutes=30)) < HOUR / 2


def test_x_takes_what_a_host_with_a_wrong_clock_signs() -> None:
    right = database_clock.now()

    with time_machine.travel(right + HOUR, tick=True):
        said = oauth1_client.header(KEYS, Credentials("t", secret="s"), method="GET", url="https://x.test/")

    signed_at = int(re.findall(r'oauth_timestamp="(\d+)"', said)[0])
    assert abs(signed_at - right.timestamp()) < 1800


@pytest.mark.parametrize("wrong", [HOUR, -HOUR])
def test_a_pause_that_a_host_with_a_wrong_clock_began_is_as_long_for_the_others(wrong: timedelta) -> None:
    right = database_clock.now()

    with time_machine.travel(right + wrong, tick=True):
        brake.pause("x:1", 600)
        resets = {"x-rate-limit-reset": str(int(right.timestamp()) + 300)}
        told = X.classify(Answer("api", 429, resets)).retry_after
    brake.forget()

    assert 300 <= brake.read("x:1").pause <= 601
    assert told is not None
    assert 0 < told <= 310


def test_a_clock_that_is_put_back_has_beat_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    schedules.install_schedules()
    begun: list[int] = []
    clock = Clock()

    class Service:
        def __init__(self, app: object, **how: object) -> None:
            self.over = Event()

        def start(self) -> None:
            begun.append(PeriodicTask.objects.filter(last_run_at__gt=timezone.now()).count())
            if len(begun) > 1:
                clock.stop()
            with time_machine.travel(timezone.now() - HOUR, tick=True):
                clock.look()
            assert self.over.is_set()

        def stop(self) -> None:
            self.over.set()

    monkeypatch.setattr("adtoken_project.workers.clock.Service", Service)
    PeriodicTask.objects.filter(name="Heartbeat").update(last_run_at=timezone.now() + HOUR)

    clock.run()

    assert begun == [0, 0]


def test_signs_of_life_say_whose_clock_is_wrong_and_count_where_it_is(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = database_clock.now()
    with time_machine.travel(right - HOUR, tick=True):
        monkeypatch.setattr(signs_of_life, "host", lambda: "host3")
        signs_of_life.write_sign(name="mail-1@host3", parts=[*signs_of_life.PARTS], now=database_clock.now())
        monkeypatch.setattr(signs_of_life, "host", lambda: "web1")
        web_is_behind = client.get("/healthz")
        (own,) = (one.said for one in health.made(health.clocks) if "web1" in one.said)

    web_is_right = client.get("/healthz")
    said = [trouble.said for trouble in health.made(health.clocks)]
    client.force_login(make_user(is_superuser=True, is_staff=True))
    page = client.get(reverse("admin:index")).content.decode()

    found = [web_is_behind.json(), web_is_right.json()]
    assert [answer.pop("clocks") for answer in found] == [health.NOT_PUBLIC] * 2
    assert {said for answer in found for said in answer.values()} == {"ok"}
    assert (web_is_behind.status_code, web_is_right.status_code) == (503, 503)
    assert own == "The clock of web1 is 3,600 seconds behind PostgreSQL's."
    assert said == ["The clock of host3 is 3,600 seconds behind PostgreSQL's."]
    assert "The clock of host3 is 3,600 seconds behind PostgreSQL&#x27;s." in page
