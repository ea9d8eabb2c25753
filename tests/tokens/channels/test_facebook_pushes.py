"""Facebook's pushes: signatures and shapes. Vectors and payloads are typed from the documents, not made by our code."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tokens.channels.facebook import pushes
from tokens.channels.pushes import News, UnreadablePush

# signed with the secret "key"
VECTOR = (
    "Mf_s6nTb38UYqioBmPqu0Ewm9souPZB9I2fIGwV729U."
    "eyJ1c2VyX2lkIjoiMCIsImFsZ29yaXRobSI6IkhNQUMtU0hBMjU2IiwiaXNzdWVkX2F0IjoxNjI0MjQ0MTU2fQ"
)
WEBHOOK = b"""{"object":"permissions","entry":[{"id":"10215241773831025","uid":"10215241773831025","time":1784216000,
  "changes":[{"field":"connected","verb":"revoked"},
             {"field":"ads_management","value":{"verb":"revoked","target_ids":["111111111111111"]}}]}]}"""


def signed(content: Any, secret: str = "key") -> str:
    payload = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    made = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).digest()
    return f"{base64.urlsafe_b64encode(made).decode().rstrip('=')}.{payload}"


def entry(*changes: Any, **more: Any) -> bytes:
    said = {"id": "7", "uid": "7", "time": 1784216000, "changes": list(changes), **more}
    return json.dumps({"object": "permissions", "entry": [said]}).encode()


def test_the_documented_vector_is_signed_by_its_secret_and_no_other() -> None:
    assert pushes.signed_by(VECTOR, "key")
    assert not pushes.signed_by(VECTOR, "kez")
    assert not pushes.signed_by(VECTOR[:-1] + "A", "key")
    assert not pushes.signed_by("", "key")


def test_a_deauthorise_request_gives_the_person_and_the_moment() -> None:
    content = {"user_id": "218471", "algorithm": "HMAC-SHA256", "issued_at": 1291836800}

    push = pushes.read_request(signed(content), News.CANCELLED, "row")

    assert (push.news, push.native_user_id) == (News.CANCELLED, "218471")
    assert push.at == datetime(2010, 12, 8, 19, 33, 20, tzinfo=UTC)


def test_a_deletion_request_is_read_with_its_further_field() -> None:
    content = {
        "user_id": "218471",
        "algorithm": "HMAC-SHA256",
        "issued_at": 1291836800,
        "expires": 1291840400,
    }

    assert pushes.read_request(signed(content), News.DELETION, "row").news == News.DELETION


@pytest.mark.parametrize(
    "content",
    [
        {"user_id": "0", "algorithm": "HMAC-SHA256", "issued_at": 1624244156, "x": "\ud800"},
        {"user_id": 12345, "algorithm": "hmac-sha256"},
    ],
)
def test_odd_but_readable_requests_are_read(content: Any) -> None:
    assert pushes.read_request(signed(content), News.CANCELLED, "row").native_user_id in {"0", "12345"}


@pytest.mark.parametrize(
    "content",
    [
        {"user_id": "218471", "algorithm": "none", "issued_at": 1},
        {"user_id": "218471", "issued_at": 1},
        {"user_id": "", "algorithm": "HMAC-SHA256"},
        {"user_id": "1 or 1=1", "algorithm": "HMAC-SHA256"},
        {"user_id": True, "algorithm": "HMAC-SHA256"},
        {"algorithm": "HMAC-SHA256"},
        {"user_id": "218471", "algorithm": "HMAC-SHA256", "code": "of a log-in"},
        ["218471"],
    ],
)
def test_a_request_without_algorithm_or_person_or_of_a_log_in_is_unreadable(content: Any) -> None:
    with pytest.raises(UnreadablePush):
        pushes.read_request(signed(content), News.CANCELLED, "row")


@pytest.mark.parametrize("issued_at", [None, "soon", -5, 10**30, 12.5, True])
def test_a_date_that_is_none_is_left_out(issued_at: Any) -> None:
    content = {"user_id": "218471", "algorithm": "HMAC-SHA256", "issued_at": issued_at}

    assert pushes.read_request(signed(content), News.CANCELLED, "row").at is None


def test_a_webhook_is_signed_over_its_raw_body() -> None:
    header = "sha256=" + hmac.new(b"key", WEBHOOK, hashlib.sha256).hexdigest()

    assert pushes.webhook_signed_by(WEBHOOK, header, "key")
    assert not pushes.webhook_signed_by(WEBHOOK + b" ", header, "key")
    assert not pushes.webhook_signed_by(WEBHOOK, header.replace("sha256", "sha1"), "key")
    assert not pushes.webhook_signed_by(WEBHOOK, "", "key")
    assert not pushes.webhook_signed_by(WEBHOOK, "sha256=é", "key")


def test_the_documented_webhook_says_whom_to_ask_about() -> None:
    (push,) = pushes.read_webhook(WEBHOOK)

    assert (push.news, push.native_user_id) == (News.CHANGED, "10215241773831025")
    assert push.at == datetime(2026, 7, 16, 15, 33, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        entry({"field": "ads_management", "value": {"verb": "revoked", "target_ids": ["1"]}}),
        entry({"field": "ads_management", "verb": "granted"}),
        entry({"field": "connected", "verb": "granted"}),
        entry(changed_fields=["connected"]),
    ],
)
def test_news_of_every_spelling_is_to_be_asked_about(body: bytes) -> None:
    assert [push.news for push in pushes.read_webhook(body)] == [News.CHANGED]


def test_entries_without_a_person_or_a_change_and_other_objects_give_nothing() -> None:
    assert pushes.read_webhook(entry({"field": "connected", "verb": "revoked"}, id="me", uid=None)) == []
    assert pushes.read_webhook(entry()) == []
    assert pushes.read_webhook(WEBHOOK.replace(b'"permissions"', b'"page"')) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"entry": 1}', b"\xff", b"[" * 100_000, b'{"a": NaN'])
def test_a_body_of_another_shape_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadablePush):
        pushes.read_webhook(body)
