"""The log filter hides the secrets of all channels, our own keys and configuration, in every shape and in tracebacks."""

import base64
import logging
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.conf import settings
from django.test import RequestFactory
from django.views.debug import ExceptionReporter
from pytest_django import Settings

from adtoken_project.telemetry.logs import UtcFormatter
from infra import scrub
from tokens.vault import services as vault

SECRETS = {
    "Facebook token": "EAAGm0PX4ZCpsBAJZBk3l2ZCZA9Yb1Gq7pVt8sQw2ErTyUiOpAsDfGh",
    "Facebook app secret": "3f9c0a7be1d24586a9b3c2d1e0f48765",
    "Snapchat token": "hCgwKCjE2OTg3NjU0MzISpwG8w1xXy4Zk9vB2nM5qR7tU0iO3pL6",
    "Snapchat refresh": "hCgwKCjE2OTg4ODg4ODgSxQH1a2B3c4D5e6F7g8H9i0J1k2L3m4N5",
    "X token": "2417045708-QwErTyUiOpAsDfGhJkLzXcVbNm1234567890abc",
    "X secret": "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5zA7bC9dE1",
    "LinkedIn token": "AQXdSP_W41_UPs5ioT_t8HESyODB4FqbkJ8LrV_5mff4gPODzOYR",
    "Pinterest token": "pina_AEATLMQWACQUAAIAGCACKD4TWRQVRGYBACGSPOWVDHQ",
    "Pinterest refresh": "pinr_AEATLMQWACQUAAIAGCACKD4TWRQVRGYBACGSPOWVDHQX",
    "TikTok token": "6c1a2e9f0b8d4c7e9a1b2c3d4e5f60718293a4b5",
    "TikTok secret": "b1946ac92492d2347c6235b4d2611184a8c0e7f1",
    "our API key": "adt_" + "0f3a9c5e7b1d2846" * 3 + "5a2b9c1d",
    "Fernet ciphertext": "gAAAAABmXy3Qk7vT9wZ2bN4mR6sP8qL1jH3gF5dS7aK9zX2cV4bN6mQ8wE1rT3yU",
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1r_wW1gFWFOEjXk",
}
SHAPES = [
    "{}",
    "the token {} was refused",
    "token={}",
    "access_token={}&limit=1",
    "GET /v25.0/me?access_token={}",
    "https%3A%2F%2Fgraph.example%3Faccess_token%3D{}",
    "Authorization: Bearer {}",
    "authorization: bearer {}",
    "Authorization: Basic {basic}",
    "Access-Token: {}",
    "Cookie: sessionid={}",
    '{{"access_token": "{}"}}',
    "{{'refresh_token': '{}'}}",
    '{{"secrets":["{}"]}}',
    '{{"secrets": ["old-one", "{}"], "client_id": "1"}}',
    r'{{"body": "{{\"access_token\": \"{}\"}}"}}',
    "{{'secrets': ('{}',)}}",
    'OAuth oauth_consumer_key="k", oauth_token="{}", oauth_signature="x"',
    "redis://:{}@127.0.0.1:6379/0",
    "postgres://adtoken:{}@db.example:5432/adtoken refused",
    "connection to password={} host=db failed",
    "https://x.example/a/{quoted}/b?q={quoted}",
]


def written(secret: str, shape: str) -> str:
    basic = base64.b64encode(f"client:{secret}".encode()).decode()
    return shape.format(secret, basic=basic, quoted=quote(secret, safe=""))


def readable(secret: str, kept: str) -> bool:
    """Whether a third of the secret, or its Base64, can be read."""
    part = max(8, len(secret) // 3)
    spellings = (secret, base64.b64encode(f"client:{secret}".encode()).decode().rstrip("="))
    return any(text[at : at + part] in kept for text in spellings for at in range(len(text) - part + 1))


def logged(message: str, *args: object, error: Exception | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("x", logging.INFO, "", 1, message, args, info)
    scrub.LogFilter().filter(record)
    return logging.Formatter().format(record)


def test_no_secret_is_readable_in_any_shape() -> None:
    found = [
        (name, shape)
        for name, secret in SECRETS.items()
        for shape in SHAPES
        if readable(secret, logged("%s", written(secret, shape)))
    ]

    assert found == []


@pytest.mark.parametrize("scheme", ["redis", "postgres", "smtp"])
def test_a_password_in_an_address_is_hidden_whatever_it_looks_like(scheme: str) -> None:
    kept = logged("%s", f"no answer from {scheme}://app:correcthorse@db.example/0")

    assert kept == f"no answer from {scheme}://app:[hidden]@db.example/0"


def test_no_secret_is_readable_in_a_traceback() -> None:
    found = []
    for name, secret in SECRETS.items():
        for shape in SHAPES:
            try:
                raise ValueError(written(secret, shape))
            except ValueError as error:
                if readable(secret, logged("it failed", error=error)):
                    found.append((name, shape))

    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "Task accounts.tasks.check_due_tokens[0f3a9c5e-7b1d-4846-a9b3-c2d1e0f48765] succeeded in 0.0213s: None",
        "Internal Server Error: /admin/accounts/account/17/change/",
        "checking token 7 failed: no answer within 10 s from graph.facebook.com",
        "act_203847561029384 of urn:li:sponsoredAccount:507404993 at 2026-11-25T09:00:00.123Z",
        'File "/srv/adtoken/.venv/lib/python3.11/site-packages/django/core/handlers/exception.py", line 55, in inner',
        "a push to facebook was refused: no signature",
        "Error validating access token: Session has expired on Friday. code 190, subcode 463",
    ],
)
def test_what_operators_need_stays_readable(text: str) -> None:
    assert logged("%s", text) == text


def test_the_installation_s_own_secrets_are_hidden_by_value(settings: Settings) -> None:
    settings.SECRET_KEY, settings.REDIS_URL = (
        "plain words as a key",
        "redis://:another plain one@127.0.0.1:1/0",
    )

    kept = logged("signed with plain words as a key, asked with another plain one")

    assert kept == "signed with [hidden], asked with [hidden]"


@pytest.mark.parametrize(
    "content",
    [b'{"owner":"facebook:1","data":{"secrets":["3f9c0a7be1d24586', b'["3f9c0a7be1d24586"]', b"\xff\xfe"],
)
def test_an_error_inside_decryption_carries_nothing_of_the_text(content: bytes) -> None:
    sealed = vault.Sealed(Fernet(settings.FERNET_KEYS[0]).encrypt(content))

    with pytest.raises(vault.VaultError) as failed:
        vault.unseal("facebook:1", sealed)

    error: BaseException | None = failed.value
    assert error is not None
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert "3f9c0a7b" not in str(error)


def test_no_frame_of_an_error_report_shows_what_was_opened() -> None:
    sealed = vault.Sealed(Fernet(settings.FERNET_KEYS[0]).encrypt(b'{"secrets": ["3f9c0a7be1d24586"]}'))
    try:
        vault.unseal("facebook:1", sealed)
    except vault.VaultError as error:
        reporter = ExceptionReporter(RequestFactory().get("/"), type(error), error, error.__traceback__)

    frames = [
        frame for frame in reporter.get_traceback_frames() if frame["filename"].endswith("vault/services.py")
    ]
    assert frames
    assert "3f9c0a7b" not in str([frame["vars"] for frame in frames])


def test_log_lines_say_their_time_in_utc() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 1, "hello", (), None)
    record.created, record.msecs = datetime(2026, 11, 25, 9, 0, 1, 500_000, tzinfo=UTC).timestamp(), 500.0

    with time_machine.travel(datetime(2026, 11, 25, 10, tzinfo=UTC)):
        text = UtcFormatter("{asctime} {message}", style="{").format(record)

    assert text == "2026-11-25T09:00:01.500Z hello"
    assert [one for one in logging.getLogger().handlers if isinstance(one.formatter, UtcFormatter)]
