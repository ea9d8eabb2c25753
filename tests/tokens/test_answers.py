"""Unknown answers: counted once per kind and app, never with a secret, and what staff say of them holds in every process."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from tests.support.factories import NOW, make_app, make_token
from tokens.channels import registry
from tokens.channels.classifier import evidence
from tokens.channels.kinds import Answer, Classification, Verdict
from tokens.models import UnknownAnswer
from tokens.unknown_answers import services as unknown_answers

pytestmark = pytest.mark.django_db

ODD = {"error": {"code": 987654, "message": "The moon is in the wrong house"}}


def odd(body: Any = None, status: int = 400) -> Answer:
    return Answer(call="api", status=status, body=ODD if body is None else body)


def kept(answer: Answer, *, channel: str = "facebook", app: Any = None, **more: Any) -> UnknownAnswer:
    app = app or make_app(channel)
    classification = registry.get(channel).classify(answer)
    unknown_answers.keep_answer(
        app, classification, evidence(answer), **{"token_id": None, "now": NOW, **more}
    )
    return UnknownAnswer.objects.get(app=app, fingerprint=classification.unknown)


def test_the_same_kind_of_answer_is_counted_in_one_row() -> None:
    token = make_token(make_app())

    kept(odd(), token_id=token.pk)
    kept(odd(), now=NOW + timedelta(hours=1))

    row = UnknownAnswer.objects.get()
    assert (row.count, row.call, row.status) == (2, "api", 400)
    assert (row.first_seen_at, row.last_seen_at) == (NOW, NOW + timedelta(hours=1))
    assert row.sample["body"] == ODD


def test_an_answer_that_a_row_of_the_table_knows_is_not_kept() -> None:
    unknown_answers.keep_answer(
        make_app(),
        Classification(Verdict.TOKEN_DEAD, row="password changed"),
        {"status": 400},
        token_id=1,
        now=NOW,
    )

    assert not UnknownAnswer.objects.exists()


def test_a_sample_holds_no_secret_even_where_the_caller_forgot_to_scrub() -> None:
    app = make_app()

    unknown_answers.keep_answer(
        app,
        Classification(Verdict.TRANSIENT, unknown="a" * 32),
        {"call": "api", "status": 200, "body": {"access_token": "EAAmarkermarkermarker"}},
        token_id=None,
        now=NOW,
    )

    assert "marker" not in str(UnknownAnswer.objects.get().sample)


def test_a_sample_holds_none_of_the_credentials_that_the_channel_was_asked_with() -> None:
    token = make_token(make_app())
    used = [*token.app.keys().secrets, *filter(None, token.unseal().as_dict().values())]

    row = kept(odd({"moon": used, "phases": {one: f"/x/{one}/y" for one in used}}), token_id=token.pk)

    assert len(used) > 2
    assert not [one for one in used if one in json.dumps(row.sample)]


def test_a_token_that_is_gone_does_not_stop_the_count() -> None:
    row = kept(odd(), token_id=987_654_321)

    assert row.count == 1


@pytest.mark.django_db(transaction=True)
def test_many_workers_that_meet_the_same_answer_count_each_once() -> None:
    app = make_app()
    classification = registry.get("facebook").classify(odd())

    def work(_: int) -> None:
        unknown_answers.keep_answer(app, classification, evidence(odd()), token_id=None, now=NOW)
        connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(40)))

    assert UnknownAnswer.objects.get().count == 40
