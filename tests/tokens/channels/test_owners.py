"""Whose an object is, as each channel tells it that has objects outside of the paths of their ad accounts."""

from typing import Any

import pytest

from tokens.channels import http, registry
from tokens.channels.kinds import Answer, AppKeys, Credentials, Owner

APP, PERSON = AppKeys("1", ("s",), "", ()), Credentials("t")
UUID = "e4cd371b-8de8-4011-a8d2-860fe77c09e1"
NO_FIELD = {
    "error": {
        "code": 100,
        "message": "(#100) Tried accessing nonexisting field (account_id) on node type (Page)",
    }
}
GONE = {"error": {"code": 100, "error_subcode": 33, "message": "Unsupported get request."}}
# What each address answers, by its end.
ANSWERS: dict[str, tuple[int, Any]] = {
    "/10": (200, {"account_id": "123456", "id": "10"}),
    "/11": (400, NO_FIELD),
    "/12": (400, GONE),
    "/ads/a": (
        200,
        {
            "request_status": "SUCCESS",
            "ads": [{"sub_request_status": "SUCCESS", "ad": {"ad_squad_id": UUID}}],
        },
    ),
    f"/adsquads/{UUID}": (
        200,
        {
            "request_status": "SUCCESS",
            "adsquads": [{"sub_request_status": "SUCCESS", "adsquad": {"campaign_id": UUID}}],
        },
    ),
    f"/campaigns/{UUID}": (
        200,
        {
            "request_status": "SUCCESS",
            "campaigns": [{"sub_request_status": "SUCCESS", "campaign": {"ad_account_id": UUID}}],
        },
    ),
    "/creatives/c": (404, {"request_status": "ERROR", "error_code": "E3003"}),
    "/dmpSegments/5": (200, {"id": 5, "account": "urn:li:sponsoredAccount:508"}),
}


@pytest.mark.parametrize(
    ("channel", "of", "object_id", "owner"),
    [
        ("facebook", "", "10", "123456"),
        ("facebook", "", "11", ""),
        ("facebook", "", "12", None),
        ("snapchat", "ads", "a", UUID),
        ("snapchat", "creatives", "c", None),
        ("snapchat", "pixels", "p", ""),
        ("linkedin", "dmpSegments", "5", "508"),
    ],
)
def test_an_object_leads_to_its_ad_account(
    monkeypatch: pytest.MonkeyPatch, channel: str, of: str, object_id: str, owner: str | None
) -> None:
    def request(call: Any, method: str, url: str, **more: Any) -> Answer:
        status, body = next(found for end, found in ANSWERS.items() if url.endswith(end))
        return Answer(call, status, {}, body)

    monkeypatch.setattr(http, "request", request)

    found = registry.get(channel).owner_of(APP, PERSON, of, object_id, timeout=5)

    assert found == Owner(owner) if owner is not None else found.answer is not None
