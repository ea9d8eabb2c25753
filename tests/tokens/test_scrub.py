"""Secrets are taken out of text, whoever wrote it."""

import logging

import pytest

from tests.support.factories import MARKER
from tokens import scrub

TOKEN = f"EAAB-{MARKER}-a1b2c3d4e5f6"


@pytest.mark.parametrize(
    "text",
    [
        f"GET /me?access_token={TOKEN}&limit=1",
        f"Authorization: Bearer {TOKEN}",
        f'{{"access_token": "{TOKEN}", "expires_in": 5}}',
        f"{{'refresh_token': '{TOKEN}'}}",
        f"oauth_token={TOKEN}&oauth_token_secret={TOKEN}",
        f'OAuth oauth_consumer_key="k", oauth_token="{TOKEN}", oauth_signature="{TOKEN}"',
        f"/link/facebook/callback/?code={TOKEN}&state=abc",
        f"the token {TOKEN} was refused",
        f"oauth_token=\"{MARKER}\", oauth_token_secret='{MARKER}'",
        rf'{{"body": "{{\"access_token\": \"{MARKER}\"}}"}}',
        f"/invitation/{TOKEN}/",
        f"/push/tiktok/webhook/{TOKEN}/",
        f"/push/facebook/deletion/{TOKEN}/",
        f"https%3A%2F%2Fx%3Faccess_token%3D{TOKEN}",
    ],
)
def test_no_secret_stays_in_a_text(text: str) -> None:
    assert MARKER not in scrub.text(text)


def test_a_text_without_secrets_stays_as_it_is() -> None:
    text = "Error validating access token: Session has expired on Friday. code 190, subcode 463"

    assert scrub.text(text) == text


def test_evidence_keeps_codes_and_hides_tokens() -> None:
    body = {"error": {"code": 190, "error_subcode": 460, "message": f"bad {TOKEN}"}, "access_token": TOKEN}

    kept = scrub.evidence(call="api", status=400, body=body)

    assert kept["body"]["error"]["code"] == 190
    assert MARKER not in repr(kept)


def test_evidence_has_a_limit() -> None:
    kept = scrub.evidence(call="api", status=500, body={"a": ["x" * 500] * 100})

    assert len(repr(kept)) < 4500


def test_every_log_line_is_scrubbed(caplog: pytest.LogCaptureFixture) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 1, "got %s", (f"access_token={TOKEN}",), None)
    try:
        raise ValueError(f"access_token={TOKEN}")
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)

    scrub.LogFilter().filter(record)

    assert MARKER not in logging.Formatter().format(record)
