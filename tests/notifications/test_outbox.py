"""Writing messages."""

from typing import Any

import pytest
from celery import Celery, current_app
from django.db import transaction

from notifications import outbox
from notifications.models import Message
from tests.support.factories import NOW


def enqueue(key: str = "k:1", recipient: str = "Ada@Example.com") -> bool:
    return outbox.enqueue(kind="test", recipient=recipient, dedupe_key=key, now=NOW, payload={"id": 1})


def nothing() -> None:
    pass


@pytest.mark.django_db
def test_a_key_is_written_once() -> None:
    written = [enqueue(), enqueue()]

    message = Message.objects.get()
    assert written == [True, False]
    assert (message.recipient, message.payload, message.state) == ("ada@example.com", {"id": 1}, "queued")


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_does_not_break_the_caller(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = Celery("away", broker="redis://127.0.0.1:1/0", set_as_current=False)
    monkeypatch.setitem(current_app.tasks, outbox.DELIVER, app.task(name="away", ignore_result=True)(nothing))

    with transaction.atomic():
        enqueue()
        assert "the sweep will" not in caplog.text  # nobody is asked about what is not committed

    assert Message.objects.count() == 1
    assert "the sweep will" in caplog.text


@pytest.mark.django_db
def test_a_rolled_back_cause_takes_its_message_with_it() -> None:
    def fail(*_args: Any) -> None:
        with transaction.atomic():
            enqueue()
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert not Message.objects.exists()
