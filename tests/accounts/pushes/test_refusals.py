"""What is no push: garbage, guesses and floods at every address. Nothing is stored, nothing secret is said or logged."""

import json
import logging
from itertools import count
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tests.support.factories import make_app, make_token
from tests.support.rows import fingerprints
from tests.support.signing import of_x, signed_request
from tokens.channel_apps import models
from tokens.models import ChannelApp

pytestmark = pytest.mark.django_db

SECRET = "app-secret"
numbers = count(700_000_000)
FORMS = (
    "application/x-www-form-urlencoded",
    "application/json",
    "multipart/form-data; boundary=x",
    "",
)
ADDRESSES = (
    "/push/facebook/deauthorise/",
    "/push/facebook/delete/",
    "/push/facebook/webhook/",
    "/push/x/webhook/",
    "/push/tiktok/webhook/guessed/",
)


@pytest.fixture
def installed() -> ChannelApp:
    """An app at each pushing channel, and a token at Facebook."""
    for channel in ("x", "tiktok"):
        make_app(channel)
    return make_token(make_app("facebook"), native_user_id="77").app


@pytest.mark.parametrize("address", ADDRESSES)
def test_garbage_is_refused_with_a_short_text_and_leaves_nothing(
    address: str, client: Client, installed: ChannelApp
) -> None:
    bodies = [b"", b"x", b"signed_request=", b"signed_request=a.b", b"{}", b"[" * 5000, b"\xff" * 50]
    before = fingerprints()

    answers = []
    for body in (*bodies, b"a=1&" * 3000):
        answers += [client.post(address, body, content_type=kind) for kind in FORMS]

    assert {answer.status_code for answer in answers} <= {400, 403}
    assert all(0 < len(answer.content) < 80 for answer in answers)
    assert fingerprints() == before


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_body_that_is_too_large_is_refused_before_it_is_read(
    address: str, client: Client, installed: ChannelApp
) -> None:
    answer = client.post(address, b"x" * 2_621_441, content_type="application/json")

    odd = client.post(address, b"x", content_type="application/json", CONTENT_LENGTH="0" * 13 + str(10**7))

    assert answer.status_code in {400, 403}  # whatever the address asks for first
    assert (odd.status_code, odd.content) == (answer.status_code, answer.content)


def test_other_methods_are_refused_and_get_where_nothing_is_to_be_proven(
    client: Client, installed: ChannelApp
) -> None:
    for address in ADDRESSES:
        for answer in (client.put(address), client.delete(address), client.patch(address)):
            assert answer.status_code == 405
    assert client.get("/push/facebook/deauthorise/").status_code == 405
    assert client.get("/push/facebook/delete/").status_code == 405
    assert client.get("/push/tiktok/webhook/guessed/").status_code == 405
    assert client.get("/push/facebook/webhook/").status_code == 400


def test_the_challenge_is_echoed_as_text_and_to_nobody_without_the_word(
    client: Client, installed: ChannelApp
) -> None:
    word = installed.push_words(models.VERIFY_TOKEN)[0]
    asked = {"hub.mode": "subscribe", "hub.challenge": "<b>1158201444</b>", "hub.verify_token": word}

    answer = client.get("/push/facebook/webhook/", asked)
    refused = client.get("/push/facebook/webhook/", {**asked, "hub.verify_token": word[:-1]})

    assert (answer.status_code, answer.content) == (200, b"<b>1158201444</b>")
    assert answer["Content-Type"].startswith("text/plain")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert refused.status_code == 403


def test_words_of_an_older_secret_key_hold_as_long_as_it_is_a_fallback(
    client: Client, installed: ChannelApp, settings: Any
) -> None:
    word = installed.push_words(models.VERIFY_TOKEN)[0]
    asked = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": word}
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another-" + "k" * 50

    without = client.get("/push/facebook/webhook/", asked).status_code
    settings.SECRET_KEY_FALLBACKS = [old]

    assert (without, client.get("/push/facebook/webhook/", asked).status_code) == (403, 200)


def test_words_differ_by_app_and_purpose(installed: ChannelApp) -> None:
    other = make_app("tiktok")
    words = [
        app.push_words(purpose)[0]
        for app in (installed, other)
        for purpose in (models.VERIFY_TOKEN, models.ADDRESS_KEY)
    ]

    assert len(set(words)) == 4


def test_nothing_secret_and_nothing_of_the_body_is_logged_or_answered(
    client: Client, installed: ChannelApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    word = installed.push_words(models.VERIFY_TOKEN)[0]
    signed = signed_request({"user_id": "MARKER", "algorithm": "HMAC-SHA256"}, SECRET)

    answers = [
        client.post("/push/facebook/deauthorise/", {"signed_request": signed}),
        client.post("/push/facebook/deauthorise/", {"signed_request": signed + "MARKER"}),
        client.get(
            "/push/facebook/webhook/",
            {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": "MARKER"},
        ),
    ]

    said = caplog.text + str([answer.content for answer in answers])
    assert [answer.status_code for answer in answers] == [400, 403, 403]
    assert "was refused: 403" in caplog.text
    for secret in (SECRET, word, signed, signed.partition(".")[2], "MARKER"):
        assert secret not in said


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "payload", "user_id", "date_time", "event_type", "user_event", "revoke", "source"]
            ),
            inner,
        )
    ),
    max_leaves=10,
)


@effort(max_examples=10)
@given(json_values, st.sampled_from(["oauth.revoke", ""]))
def test_signed_garbage_is_answered_and_kills_nobody(
    client: Client, installed: ChannelApp, value: Any, kind: str
) -> None:
    token = make_token(make_app("x"), native_user_id=str(next(numbers)))
    body = json.dumps({"data": {"event_type": kind, "payload": value}, "user_event": value}).encode()

    headers = {"x-twitter-webhooks-signature": of_x(body, SECRET)}
    answer = client.post("/push/x/webhook/", body, content_type="application/json", headers=headers)

    token.refresh_from_db()
    assert answer.status_code in {200, 400}
    assert token.state == "valid"
