"""Every channel, every parser: no answer, however odd, lets an exception out or kills a token.

Bent answers (`bent.py`) are the hard ones: true but for one part. Bytes and JSON of any shape come beside them.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from django.test import Client
from hypothesis import example, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from tests.contract import bent
from tests.contract.bent import Bench
from tests.contract.profiles import PROFILES
from tests.support import native, signing
from tests.support.sandbox import Sandbox
from tokens.channels import http, registry
from tokens.channels.facebook import pushes as facebook
from tokens.channels.kinds import AccessCheck, ChannelError, Classification, Inspection, Verdict
from tokens.channels.linkedin import channel as linkedin
from tokens.channels.pushes import News, UnreadablePush
from tokens.channels.tiktok import calls as tiktok_listing
from tokens.channels.tiktok import pushes as tiktok
from tokens.channels.x import pushes as x
from tokens.models import Token

pytestmark = pytest.mark.django_db
every_channel = pytest.mark.parametrize("key", [profile.key for profile in PROFILES])
Open = Callable[[str], Bench]

STATUSES = st.sampled_from([200, 400, 401, 403, 404]) | st.integers(-1, 999)
BYTES = st.binary(max_size=200).map(lambda raw: http.parse(raw.decode(errors="replace")))


def plain(longest: int) -> st.SearchStrategy[str]:
    """Text of any kind. Hypothesis draws constants of modules as well, and the stand-in's mark of a secret is no secret by itself."""
    return st.text(max_size=longest).filter(lambda text: Sandbox.MARKER not in text)


def shapes(words: list[str]) -> st.SearchStrategy[Any]:
    """JSON of any shape, with keys of any text and with those that a channel uses."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | plain(20)
    leaves |= st.sampled_from([part for part in bent.PARTS if not isinstance(part, list | dict)])
    keys = st.sampled_from(words) | plain(8)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=12,
    )


RECORDED: dict[str, Bench] = {}


@pytest.fixture
def bench(browser: Callable[[str], Client], world: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Records a channel, once for all tests."""
    monkeypatch.setattr(linkedin, "PAUSE", 0)
    monkeypatch.setattr(tiktok_listing, "SPLITS", 2)  # else each odd answer is asked about by sixty calls

    def recorded(key: str) -> Bench:
        def answer_by(request: Any) -> None:
            monkeypatch.setattr(http, "request", request)

        if key not in RECORDED:
            RECORDED[key] = bent.bench(key, world, browser("ada"), answer_by)
        answer_by(RECORDED[key].recorder.request)
        return RECORDED[key]

    return recorded


def killed(found: Any) -> bool:
    """Return whether a result says that the token is dead."""
    classification = (
        found.classification if isinstance(found, ChannelError | Inspection | AccessCheck) else found
    )
    return isinstance(classification, Classification) and classification.verdict == Verdict.TOKEN_DEAD


def run(bench: Bench, name: str, place: bent.Place, body: Any, status: int | None = None) -> Any:
    """Run an operation with one answer bent."""
    bench.recorder.bend(place, body, status)
    try:
        return bench.run(name)
    except Exception as error:
        raise AssertionError(f"{name} got of {place} {status or ''}: {str(body)[:2000]}") from error


@every_channel
def test_a_true_answer_with_one_odd_part_raises_and_kills_nothing(key: str, bench: Open) -> None:
    opened = bench(key)
    count = 0

    for name, place, answer in opened.places(opened.living):
        for body in bent.bendings(answer.body):
            found = run(opened, name, place, body)
            assert not killed(found), (name, place, body)
            count += 1

    assert count > 250, count


@every_channel
def test_a_true_refusal_with_one_odd_part_raises_nothing(key: str, bench: Open) -> None:
    opened = bench(key)
    refused = set()

    for name, place, answer in opened.places(opened.ended):
        if killed(run(opened, name, place, answer.body)):
            refused.add(name)
        for body in bent.bendings(answer.body):
            run(opened, name, place, body)

    assert refused, "nothing of what was recorded ends a token"


@every_channel
def test_answers_of_any_shape_and_any_bytes_raise_and_kill_nothing(key: str, bench: Open) -> None:
    opened = bench(key)
    places = [(name, place) for name, place, _ in opened.places(opened.living)]

    @given(which=st.sampled_from(places), status=STATUSES, body=shapes(opened.words()) | BYTES)
    def hold(which: tuple[str, bent.Place], status: int, body: Any) -> None:
        name, place = which
        opened.recorder.kept = dict(opened.living[name])

        assert not killed(run(opened, name, place, body, status))

    hold()


@every_channel
def test_an_id_is_canonical_or_refused(key: str) -> None:
    channel = registry.get(key)

    @given(
        st.text(max_size=60)
        | st.sampled_from(["act_1", "ACT_1", "²", "1" * 200, "1\n", "urn:li:sponsoredAccount:5"])
    )
    def hold(text: str) -> None:
        try:
            found = channel.canonical_id(text)
        except ValueError:
            return
        assert channel.canonical_id(found) == found
        assert found.isascii()
        assert 0 < len(found) <= 100

    hold()


# --- the way back ---------------------------------------------------------------------------------------------------

NAMES = (
    "code",
    "auth_code",
    "error",
    "error_description",
    "oauth_token",
    "oauth_verifier",
    "denied",
    "state",
)
ODD = ("", "%00", "x" * 20_000, "access_denied", "user_cancelled_login", "%F0%9F%98%80", "%ff%fe", "%ED%A0%80", "[]", "%0D%0AX:1",
       "<script>alert(1)</script>")  # fmt: skip


@every_channel
def test_a_way_back_that_says_anything_links_nothing_and_breaks_nothing(
    key: str, browser: Callable[[str], Client]
) -> None:
    client = browser("ada")

    @limits(max_examples=8)
    @example(said={"code": "%00", "auth_code": "%00", "oauth_verifier": "%00"}, begun=True)
    @example(said={}, begun=True)
    @given(
        said=st.dictionaries(
            st.sampled_from(NAMES), st.sampled_from(ODD) | st.binary(max_size=20).map(quote), max_size=5
        ),
        begun=st.booleans(),
    )
    def hold(said: dict[str, str], begun: bool) -> None:
        if begun:
            query = dict(parse_qsl(urlsplit(native.leave(client, key)).query))
            said = {**said, **{name: query[name] for name in ("state", "oauth_token") if name in query}}

        answer = client.get(
            f"/link/{key}/callback/?" + "&".join(f"{name}={value}" for name, value in said.items())
        )

        assert answer.status_code in {200, 302, 400, 403, 404, 502, 503}
        assert b"alert(1)" not in answer.content
        assert not Token.objects.exists()

    hold()


# --- pushes ---------------------------------------------------------------------------------------------------------

read_signed = partial(facebook.read_request, news=News.CANCELLED, row="deauthorise callback")
PUSHES: dict[str, tuple[Callable[[bytes], Any], dict[str, Any]]] = {
    "facebook webhook": (
        facebook.read_webhook,
        {
            "object": "permissions",
            "entry": [
                {"id": "1", "uid": "1", "time": 1_795_000_000, "changed_fields": ["ads_management"],
                 "changes": [{"field": "connected", "verb": "revoked", "value": {"verb": "revoked", "target_ids": ["1"]}}]}
            ],
        },
    ),
    "facebook signed request": (
        lambda body: read_signed(signing.signed_request(json.loads(body), "s")),
        {"algorithm": "HMAC-SHA256", "user_id": "1", "issued_at": 1_795_000_000},
    ),
    "x activity": (
        x.read,
        {"data": {"event_type": "oauth.revoke", "payload": {"user_id": "1", "date_time": "2026-11-25T09:00:00Z"}}},
    ),
    "x older": (
        x.read,
        {"user_event": {"revoke": {"date_time": "2026-11-25T09:00:00+00:00", "source": {"user_id": "1"}, "target": {"app_id": "1"}}}},
    ),
    "tiktok suspension": (
        tiktok.read,
        {"advertiser_id": "1", "status": "STATUS_LIMIT", "suspension_reason": "x", "status_change_time": "2026-11-25 09:00:00"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("push", PUSHES)
def test_a_push_with_one_odd_part_is_news_of_somebody_or_unreadable(push: str) -> None:
    read, body = PUSHES[push]
    assert read(json.dumps(body).encode())

    for odd in bent.bendings(body):
        look_at_push(read, json.dumps(odd).encode())


@given(
    body=st.binary(max_size=200)
    | shapes(["data", "entry", "user_id"]).map(lambda value: json.dumps(value).encode())
)
def test_a_push_of_any_bytes_is_news_of_nobody(body: bytes) -> None:
    for read in (facebook.read_webhook, x.read, tiktok.read):
        look_at_push(read, body)
    for signed in (body.decode("latin-1"), "s." + body.decode("latin-1"), body.decode(errors="replace")):
        assert not facebook.signed_by(signed, "secret")
        look_at_push(lambda raw: read_signed(raw.decode()), signed.encode())
    assert not facebook.webhook_signed_by(body, body.decode("latin-1"), "secret")
    assert not x.signed_by(body, body.decode("latin-1"), "secret")


def look_at_push(read: Callable[[bytes], Any], body: bytes) -> None:
    """Fail where anything but UnreadablePush comes out, or a push that names nobody or no possible time."""
    try:
        found = read(body)
    except UnreadablePush:
        return
    for push in found if isinstance(found, list) else [found]:
        assert push.native_user_id.isdigit() or push.native_account_id.isdigit()
        assert push.at is None or 2000 < push.at.year < 2101
