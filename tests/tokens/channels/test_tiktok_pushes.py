"""TikTok's pushes: the news of a suspended ad account, and the subscription that brings it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from tests.support.sandbox import Sandbox
from tests.tokens.channels.tiktok_world import APP, FERN, HARBOR, LUMEN, REFUSED, said, token
from tokens.channels.kinds import ChannelError, Verdict
from tokens.channels.pushes import News, Push, UnreadablePush
from tokens.channels.tiktok import pushes
from tokens.channels.tiktok.pushes import Suspension

CHANGED_AT = datetime(2025, 1, 1, 0, 0, 1, tzinfo=UTC)


def payload(**changes: Any) -> dict[str, Any]:
    """A push as a client that restates TikTok's pages describes it."""
    return {
        "request_id": "2026",
        "object": 12,
        "time": 1735689605,
        "subscription_id": "7500000000000000001",
        "advertiser_id": LUMEN,
        "advertiser_name": "Lumen Shoes EU",
        "owner_bc_id": "7000000000000000101",
        "status": "STATUS_LIMIT",
        "status_change_time": "2025-01-01 00:00:01",
        **changes,
    }


@pytest.mark.parametrize("name", ["suspension_reason", "suspension_reasion"])
@pytest.mark.parametrize("as_bytes", [True, False])
def test_a_suspension_is_read_under_both_spellings(name: str, as_bytes: bool) -> None:
    body = payload(**{name: "1:bad ads"})

    found = pushes.read_suspension(json.dumps(body).encode() if as_bytes else body)

    assert found == Suspension(LUMEN, "STATUS_LIMIT", "1:bad ads", CHANGED_AT)
    assert found.suspended


def test_the_end_of_a_suspension_has_no_reason() -> None:
    found = pushes.read_suspension(payload(status="STATUS_ENABLE"))

    assert found == Suspension(LUMEN, "STATUS_ENABLE", "", CHANGED_AT)
    assert not found.suspended


@pytest.mark.parametrize("time", ["", "soon", "2025-13-01 00:00:01", "2025-01-01T00:00:01", 1735689601, None])
def test_a_time_that_is_none_is_unknown(time: Any) -> None:
    found = pushes.read_suspension(payload(status_change_time=time))

    assert found is not None
    assert found.changed_at is None


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff\xfe", "{", "[]", None, 7, [], {},
        payload(advertiser_id=""), payload(advertiser_id="act_1"), payload(advertiser_id=None),
        payload(status="STATUS_NEW"), payload(status=None), {"object": 1, "entry": []},
    ],
)  # fmt: skip
def test_what_is_no_such_news_is_none(body: Any) -> None:
    assert pushes.read_suspension(body) is None


def test_the_news_is_a_reason_to_ask_about_the_ad_account() -> None:
    found = pushes.read(json.dumps(payload()).encode())

    assert found == [
        Push(News.ACCOUNT_CHANGED, "AD_ACCOUNT_SUSPENSION", native_account_id=LUMEN, at=CHANGED_AT)
    ]
    assert pushes.read(b'{"object": 1, "entry": []}') == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_a_body_that_is_no_push_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadablePush):
        pushes.read(body)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@limits(max_examples=75)
@given(
    body=st.binary(max_size=80)
    | ANYTHING
    | st.fixed_dictionaries(
        {"advertiser_id": ANYTHING | st.just(LUMEN), "status": ANYTHING | st.just("STATUS_LIMIT")},
        optional={"status_change_time": ANYTHING, "suspension_reason": ANYTHING},
    )
)
def test_no_garbage_raises(body: Any) -> None:
    found = pushes.read_suspension(body)

    assert found is None or found.advertiser_id.isdigit()


@pytest.mark.django_db
def test_a_subscription_is_made_with_the_token_in_the_body(channels_world: Sandbox) -> None:
    credentials = token(channels_world)

    subscription_id = pushes.subscribe(
        APP, credentials, callback_url="http://127.0.0.1:1/push/", native_ids=[LUMEN, FERN]
    )

    [app] = [one for one in channels_world.state()["apps"] if one["channel"] == "tiktok"]
    [kept] = app["settings"]["subscriptions"]
    [call] = channels_world.calls(channel="tiktok", path="subscription")
    assert (kept["id"], kept["advertiser_ids"]) == (subscription_id, [LUMEN, FERN])
    assert call["query"] == {}


@pytest.mark.django_db
@pytest.mark.parametrize("ids", [[], ["1"] * 101])
def test_a_subscription_takes_1_to_100_ad_accounts(channels_world: Sandbox, ids: list[str]) -> None:
    with pytest.raises(ValueError, match="100 ad accounts"):
        pushes.subscribe(APP, REFUSED, callback_url="http://127.0.0.1:1/", native_ids=ids)

    assert channels_world.calls(channel="tiktok") == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("dead", "ids", "verdict"), [(True, [LUMEN], Verdict.TOKEN_DEAD), (False, [HARBOR], Verdict.ACCESS_LOST)]
)
def test_a_refused_subscription_says_why(
    channels_world: Sandbox, dead: bool, ids: list[str], verdict: Verdict
) -> None:
    credentials = REFUSED if dead else token(channels_world)

    with pytest.raises(ChannelError) as caught:
        pushes.subscribe(APP, credentials, callback_url="http://127.0.0.1:1/", native_ids=ids)

    assert caught.value.classification.verdict == verdict


@pytest.mark.django_db
def test_an_answer_without_an_id_is_no_subscription(channels_world: Sandbox) -> None:
    channels_world.add_fault("tiktok", path="subscription", status=200, body=said(0))

    with pytest.raises(ChannelError) as caught:
        pushes.subscribe(APP, token(channels_world), callback_url="http://127.0.0.1:1/", native_ids=[LUMEN])

    assert caught.value.classification.verdict == Verdict.TRANSIENT
