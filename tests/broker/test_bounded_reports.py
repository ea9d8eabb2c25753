"""What a job may report is bounded: the body, the kinds of answers that are kept, and the mails about them."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.alerts import services as alerts
from accounts.api_keys import services as api_keys
from accounts.models import ApiKey
from accounts.sync import services as write_refusals
from broker.leases import callers
from infra import scrub
from notifications.delivery import services as delivery
from notifications.models import Message
from tests.accounts.test_write_refusals import STRANGE, Pool
from tests.support.factories import NOW, make_app, make_user
from tokens.channels import registry
from tokens.channels.kinds import Answer, Classification, Verdict
from tokens.models import ChannelApp, UnknownAnswer
from tokens.unknown_answers import services as unknown_answers
from users.models import Team

pytestmark = pytest.mark.django_db

HOSTILE: dict[str, Any] = {
    "backslashes": {str(number): "\\" * 4000 for number in range(30)},
    "openers": {str(number): '"token":"' * 400 for number in range(60)},
    "many keys": {f"a key {number}": number for number in range(15_000)},
    "quotes": '\\"token\\":' * 25_000,
    "deep": [[[[[[[["\\" * 4000] * 20] * 20]]]]]],
}


@pytest.fixture
def job() -> Client:
    callers._facts.clear()
    key = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    return Client(headers={"authorization": f"Bearer {key}"})


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_is_read_in_no_time(body: Any) -> None:
    began = time.process_time()

    for channel in registry.CHANNELS:
        registry.get(channel).classify(Answer("api", 403, body=body))
    shown = scrub.evidence(call="api", status=403, body=body)

    assert time.process_time() - began < 1.5
    assert len(str(shown)) < 10_000


def test_a_body_larger_than_any_error_is_refused_before_it_is_read(job: Client) -> None:
    response = job.post(
        "/api/v1/leases/nothing/report",
        {"status": 400, "body": "x" * 300_000},
        content_type="application/json",
    )

    assert response.status_code == 413
    assert response["Content-Type"] == "application/problem+json"
    assert "256 kB" in response.json()["detail"]


def keep(app: ChannelApp, number: int, *, key: int | None = None, hours: int = 0) -> None:
    classification = Classification(Verdict.CONFIRM_FIRST, row="unknown answer 400", unknown=f"{number:032x}")
    evidence = {"call": "api", "status": 400, "body": {"message": f"kind {number}"}}
    unknown_answers.keep_answer(
        app, classification, evidence, token_id=None, now=NOW + timedelta(hours=hours), api_key=key
    )


def test_one_key_brings_twenty_kinds_a_day() -> None:
    app = make_app()
    for number in range(50):
        keep(app, number, key=7)
    kept = UnknownAnswer.objects.all()
    assert kept.count() == unknown_answers.KINDS_A_KEY

    keep(app, 60, key=8)
    keep(app, 61)
    keep(app, 62, key=7, hours=25)

    assert kept.count() == unknown_answers.KINDS_A_KEY + 3


def test_of_more_kinds_than_anybody_can_read_those_seen_last_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unknown_answers, "KINDS", 5)
    app = make_app()
    keep(app, 1000, hours=1)
    for number in range(8):
        keep(app, number)

    kept = UnknownAnswer.objects.filter(app=app)
    assert kept.count() == unknown_answers.KINDS
    assert kept.filter(fingerprint=f"{1000:032x}").exists()


def test_operators_get_three_mails_a_day_about_unknown_answers_of_one_app() -> None:
    make_user(is_staff=True, is_superuser=True)
    app = make_app()
    for hour in range(0, 48, 2):
        keep(app, hour, hours=hour)
        alerts.tell_operators(NOW + timedelta(hours=hour, minutes=1))

    first_day = Message.objects.filter(created_at__lt=NOW + timedelta(hours=24))
    assert first_day.count() == 3
    assert Message.objects.count() <= 7
    assert not UnknownAnswer.objects.filter(
        told_at=None, first_seen_at__lt=NOW + timedelta(hours=24)
    ).exists()


@pytest.mark.parametrize("channel", registry.CHANNELS)
def test_pages_and_garbage_are_one_kind_each_whatever_their_bytes(channel: str) -> None:
    def mark(body: str) -> str:
        return registry.get(channel).classify(Answer("api", 403, body=body)).unknown

    pages = {mark(f"<html><title>Blocked {word}</title>") for word in ("alpha", "beta", "gamma")}
    garbage = {mark(body) for body in ("\x00\x01 abc", "{{{ not json", "%%% qqq zz", "# " * 300)}

    assert len(pages) == 1
    assert len(garbage) == 1


@pytest.mark.django_db(transaction=True)
def test_operators_are_told_once_of_a_shift_on_words_that_nobody_knows() -> None:
    boss = make_user(is_staff=True, is_superuser=True)
    shop = Pool()
    shop.say(STRANGE, key=1)
    before = alerts.tell_of_refusals(NOW)
    shop.say(STRANGE, key=2)

    told = [alerts.tell_of_refusals(NOW), alerts.tell_of_refusals(NOW)]

    message = Message.objects.get()
    assert (before, told, message.recipient) == (0, [1, 0], boss.email)
    delivery.deliver()
    message.refresh_from_db()
    assert message.state == "sent", message.error
    for word in ("Facebook refused changes in words that we do not know", "Not today.", shop.account.name):
        assert word in message.text
    assert write_refusals.forget_refusals(now=NOW + timedelta(days=8)) == 2
