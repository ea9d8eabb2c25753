"""TikTok's pushes: the news of a suspended ad account, and the subscription that brings it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.tokens.channels.answers.tiktok import said
from tests.tokens.channels.conftest import At
from tests.tokens.channels.worlds import FERN, HARBOR, LUMEN, NOBODYS
from tokens.channels.kinds import Verdict
from tokens.channels.pushes import News, Push, UnreadablePush
from tokens.channels.tiktok import pushes

ID = "7002238017842757633"
CHANGED_AT = datetime(2025, 1, 1, 0, 0, 1, tzinfo=UTC)


def payload(**changes: Any) -> dict[str, Any]:
    """A push as a client that restates TikTok's pages describes it."""
    return {
        "request_id": "2026",
        "object": 12,
        "time": 1735689605,
        "subscription_id": "7500000000000000001",
        "advertiser_id": ID,
        "advertiser_name": "Lumen Shoes EU",
        "owner_bc_id": "7000000000000000101",
        "status": "STATUS_LIMIT",
        "status_change_time": "2025-01-01 00:00:01",
        **changes,
    }


@pytest.mark.parametrize("time", ["", "soon", "2025-13-01 00:00:01", 1735689601, None])
def test_a_time_that_is_none_is_unknown(time: Any) -> None:
    (found,) = pushes.read(json.dumps(payload(status_change_time=time)).encode())

    assert found.at is None


@pytest.mark.parametrize(
    "changes",
    [{"advertiser_id": ""}, {"advertiser_id": "act_1"}, {"advertiser_id": None}, {"status": "STATUS_NEW"}, {"status": []}],
)  # fmt: skip
def test_what_is_no_such_news_is_none(changes: dict[str, Any]) -> None:
    assert pushes.read(json.dumps(payload(**changes)).encode()) == []


@pytest.mark.parametrize("status", ["STATUS_LIMIT", "STATUS_ENABLE"])
def test_the_news_is_a_reason_to_ask_about_the_ad_account(status: str) -> None:
    found = pushes.read(json.dumps(payload(status=status)).encode())

    assert found == [Push(News.ACCOUNT_CHANGED, "AD_ACCOUNT_SUSPENSION", native_account_id=ID, at=CHANGED_AT)]
    assert pushes.read(b'{"object": 1, "entry": []}') == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_a_body_that_is_no_push_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadablePush):
        pushes.read(body)


CALLBACK = "http://127.0.0.1:1/push/"


def test_a_subscription_is_made_with_the_token_in_the_body(at: At) -> None:
    world = at("tiktok")
    ids = [world.id(LUMEN), world.id(FERN)]

    made = pushes.subscribe(world.app, world.token(), callback_url=CALLBACK, native_ids=ids)

    [app] = [one for one in world.sandbox.state()["apps"] if one["channel"] == "tiktok"]
    [kept] = app["settings"]["subscriptions"]
    [call] = world.calls("subscription")
    assert (kept["id"], kept["advertiser_ids"], call["query"]) == (made, ids, {})


@pytest.mark.parametrize("ids", [[], ["1"] * 101])
def test_a_subscription_takes_1_to_100_ad_accounts(at: At, ids: list[str]) -> None:
    world = at("tiktok")

    with pytest.raises(ValueError, match="100 ad accounts"):
        pushes.subscribe(world.app, NOBODYS, callback_url=CALLBACK, native_ids=ids)

    assert world.calls() == []


@pytest.mark.parametrize(
    ("dead", "name", "answer", "verdict"),
    [
        (True, LUMEN, None, Verdict.TOKEN_DEAD),
        (False, HARBOR, None, Verdict.ACCESS_LOST),
        (False, LUMEN, said(0), Verdict.TRANSIENT),  # an answer without an id is no subscription
    ],
)
def test_a_refused_subscription_says_why(
    at: At, dead: bool, name: str, answer: Any, verdict: Verdict
) -> None:
    world = at("tiktok")
    held, ids = NOBODYS if dead else world.token(), [world.id(name)]
    if answer:
        world.says("subscription", answer)

    found = world.refuses(lambda: pushes.subscribe(world.app, held, callback_url=CALLBACK, native_ids=ids))

    assert found.verdict == verdict
