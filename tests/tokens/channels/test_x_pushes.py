"""X's pushes: challenge, signatures and shapes. Payloads are typed from the documents."""

import base64
import contextlib
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.channels.pushes import News, UnreadablePush
from tokens.channels.x import pushes

ACTIVITY = b"""{"data": {"event_uuid": "5934540941047412905", "filter": {}, "event_type": "oauth.revoke",
  "payload": {"date_time": "2026-07-23T21:44:05+00:00", "user_id": "1111111111111111111", "app_id": "29820954"}}}"""
OLDER = (
    b'{"user_event":{"revoke":{"date_time":"2018-05-24T09:48:12+00:00","target":{"app_id":"13090192"},'
    b'"source":{"user_id":"63046977"}}}}'
)


def made(data: bytes, secret: bytes = b"secret") -> str:
    return "sha256=" + base64.b64encode(hmac.new(secret, data, hashlib.sha256).digest()).decode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "data",
                    "event_type",
                    "payload",
                    "user_id",
                    "date_time",
                    "user_event",
                    "revoke",
                    "source",
                    "target",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


def test_the_challenge_is_answered_by_the_consumer_secret() -> None:
    # computed with openssl: printf challenge | openssl dgst -sha256 -hmac secret -binary | base64
    assert (
        pushes.challenge_answer("challenge", "secret")
        == "sha256=oeUF6Wxqoezggrue+wbIDxKRPSF6esKwizR2MHh9HaA="
    )


@pytest.mark.parametrize("text", ["9b4507b3-9040-4669-9ca3-6b94edb50553", "xYz0123456789AbC", "a+/=", "a_-."])
def test_challenges_of_every_usual_spelling_are_answered(text: str) -> None:
    assert pushes.challenge_answer(text, "secret") == made(text.encode())


@given(st.text() | json_values.map(json.dumps) | st.sampled_from([ACTIVITY.decode(), OLDER.decode()]))
def test_nothing_is_signed_as_a_challenge_that_could_be_an_event(text: str) -> None:
    with contextlib.suppress(UnreadablePush):
        pushes.challenge_answer(text, "secret")
        with pytest.raises(UnreadablePush):
            pushes.read(text.encode())
        return
    assert not re.fullmatch(r"[\w-]{1,200}", text, re.ASCII)


def test_an_event_is_signed_over_its_raw_body() -> None:
    assert pushes.signed_by(ACTIVITY, made(ACTIVITY), "secret")
    assert not pushes.signed_by(ACTIVITY, made(ACTIVITY, b"other"), "secret")
    assert not pushes.signed_by(ACTIVITY + b"\n", made(ACTIVITY), "secret")
    assert not pushes.signed_by(ACTIVITY, "", "secret")


@pytest.mark.parametrize(
    ("body", "user_id", "at"),
    [
        (ACTIVITY, "1111111111111111111", datetime(2026, 7, 23, 21, 44, 5, tzinfo=UTC)),
        (OLDER, "63046977", datetime(2018, 5, 24, 9, 48, 12, tzinfo=UTC)),
        (OLDER.replace(b"+00:00", b"Z"), "63046977", datetime(2018, 5, 24, 9, 48, 12, tzinfo=UTC)),
        (OLDER.replace(b"+00:00", b"+02:00"), "63046977", datetime(2018, 5, 24, 7, 48, 12, tzinfo=UTC)),
    ],
)
def test_both_documented_events_say_that_the_person_removed_the_app(
    body: bytes, user_id: str, at: datetime
) -> None:
    (push,) = pushes.read(body)

    assert (push.news, push.native_user_id, push.at) == (News.CHANGED, user_id, at)


@pytest.mark.parametrize(
    "body",
    [
        ACTIVITY.replace(b"oauth.revoke", b"profile.update.bio"),
        ACTIVITY.replace(b'"1111111111111111111"', b'"adtoken"'),
        b'{"for_user_id": "63046977", "tweet_create_events": []}',
        b"{}",
    ],
)
def test_other_events_give_nothing(body: bytes) -> None:
    assert pushes.read(body) == []


@pytest.mark.parametrize(
    "date", ["", "yesterday", "0001-01-01T00:00:00+23:59", "2026-07-23T21:44:05+00:00" * 9]
)
def test_an_event_without_a_usable_date_keeps_the_person(date: str) -> None:
    (push,) = pushes.read(ACTIVITY.replace(b"2026-07-23T21:44:05+00:00", date.encode()))

    assert (push.native_user_id, push.at) == ("1111111111111111111", None)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff\xfe", b"[" * 100_000, b"1" * 10_000])
def test_a_body_that_is_no_object_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadablePush):
        pushes.read(body)
