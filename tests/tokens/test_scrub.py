"""Secrets are taken out of text, whoever wrote it."""

import base64
import json
import logging
import re
from urllib.parse import quote

import pytest

from infra import scrub
from tests.support.factories import MARKER

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
        f"/renew/{TOKEN}/again/",
        f"/calendar/{TOKEN}.ics",
        f"/give-access/{TOKEN}/",
        f"Not Found: /mails/12:{MARKER}/",
        f"GET /mails/12%3a{MARKER}/stop/",
        f"/push/tiktok/webhook/{TOKEN}/",
        f"/push/facebook/deletion/{TOKEN}/",
        f"/push/another/webhook/{TOKEN}/",
        f"https%3A%2F%2Fx%3Faccess_token%3D{TOKEN}",
        f"my_page_token={MARKER}",
        f'{{"accessToken": "{MARKER}"}}',
    ],
)
def test_no_secret_stays_in_a_text(text: str) -> None:
    assert MARKER not in scrub.text(text)


OPAQUE = [
    "AQXdSP_W41_UPs5ioT_t8HESyODB4FqbkJ8LrV_5mff4gPODzOYR",
    "pina_AEATLMQWACQUAAIAGCACKD4TWRQVRGYBACGSPOWVDHQ",
    "6c1a2e9f0b8d4c7e9a1b2c3d4e5f60718293a4b5",
    "1234567890-AbCdEf0123456789AbCdEf0123456789AbCdEf01",
    "eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "QWxhZGRpbjpvcGVuIHNl/c2FtZSAxMjM0Nnd4eXox/MjM0NTY3ODkwabc=",
]


@pytest.mark.parametrize(
    "body",
    ["the string {} is odd", {"moon": "{}"}, {"{}": 1}, [["https://x.example/a/{quoted}/b?q={quoted}"]]],
    ids=["text", "value", "key", "address"],
)
def test_evidence_hides_what_merely_looks_like_a_token(body: object) -> None:
    for secret in OPAQUE:
        text = json.dumps(body).replace("{}", secret).replace("{quoted}", quote(secret, safe=""))

        kept = json.dumps(scrub.evidence(call="api", status=200, body=json.loads(text)))

        assert not [part for part in re.split(r"[./]", secret) if part in kept], secret


def test_evidence_hides_a_token_that_its_own_limit_cuts() -> None:
    kept = scrub.evidence(call="api", status=200, body="x " * 990 + OPAQUE[0])

    assert OPAQUE[0][:15] not in kept["body"]


@pytest.mark.parametrize(
    "text",
    [
        "act_1234567890123456 of urn:li:sponsoredAccount:507404993",
        "e4cd371b-8de8-4011-a8d2-860fe77c09e1",
        "INSUFFICIENT_USER_AUTHORIZED_PERMISSION (E3002), trace AbCdEfGh1Ij",
        "https://developers.facebook.com/docs/marketing-api/error-reference-v25-long-name",
        'File "/srv/accounts/alerts/mails.py", line 12, of templates/selfservice/mails/on_it.html',
        "POST /push/x/webhook/7/ and GET /push/facebook/webhook/?hub.mode=subscribe",
    ],
)
def test_ids_words_and_addresses_stay(text: str) -> None:
    assert scrub.strange(text) == text


def test_secrets_known_by_value_go_in_every_writing() -> None:
    coded = base64.b64encode(b"s/cret+1").decode()

    kept = scrub.used(f"s/cret+1 s%2Fcret%2B1 {coded}", ["s/cret+1", ""])

    assert kept.replace("=", "") == "[hidden] [hidden] [hidden]"


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
