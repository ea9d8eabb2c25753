"""What passes the proxy and what stays: bodies of any size, headers, encodings, a channel that is dark or full."""

import gzip
import json
import random
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from django.db import OperationalError

from accounts.api_keys import services as api_keys
from accounts.models import ApiKey, LeaseRecord
from broker.api import limits
from broker.gate.proxy import bodies, exchange, verdicts
from broker.leases import queries
from tests.gate.test_proxy import LUMEN, Job
from tests.support import native
from tests.support.gate import credential, gate, served
from tests.support.sandbox import Sandbox
from tokens.channel_apps.models import ChannelApp
from tokens.channels import brake, shared, streams
from tokens.channels import gate as channel_gate

pytestmark = pytest.mark.django_db(transaction=True)
MEGABYTE = 1024 * 1024
Answer = Callable[[dict[str, Any], bytes, int], tuple[int, list[tuple[str, str]], Any]]


class StandIn:
    """A channel of one answer, which tells what came to it."""

    def __init__(self) -> None:
        self.status, self.headers, self.pieces = 200, [("content-type", "application/json")], [b"{}"]
        self.came: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        size, begun = 0, b""
        while (message := await receive())["type"] == "http.request":
            size += len(message.get("body", b""))
            begun = (begun + message.get("body", b""))[:100]
            if not message.get("more_body"):
                break
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
        self.came.append(
            {
                "headers": headers,
                "size": size,
                "begun": begun,
                "path": scope["path"],
                "query": scope["query_string"],
            }
        )
        raw = [(name.encode(), value.encode()) for name, value in self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        if scope["method"] != "HEAD":
            for piece in self.pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def channel() -> StandIn:
    return StandIn()


@pytest.fixture
def job(world: Sandbox, channel: StandIn, settings: Any) -> Iterator[Job]:
    account = native.linked("facebook", "ada")
    with served(channel) as address, gate() as base:
        settings.FACEBOOK_GRAPH_URL = address
        made = Job(base, account)
        yield made
        made.http.close()


def test_what_is_of_one_connection_or_of_us_stays_and_the_rest_passes(job: Job, channel: StandIn) -> None:
    channel.headers += [
        ("set-cookie", "who=ada"), ("connection", "x-inner"), ("x-inner", "1"), ("strict-transport-security", "max-age=9"),
        ("x-app-usage", '{"call_count":1}'), ("link", f"<{job.base}>"), ("warning", "one"), ("warning", "two"),
    ]  # fmt: skip
    sent = [
        ("cookie", "a=b"), ("x-forwarded-for", "203.0.113.7"), ("te", "trailers"), ("connection", "close, x-mine"), ("x-mine", "1"),
        ("accept-encoding", "gzip"), ("x-restli-method", "finder"), ("accept", "a"), ("accept", "b"), ("expect", "100-continue"),
        ("content-type", "application/x-www-form-urlencoded"),
    ]  # fmt: skip

    answer = job.call("POST", f"{LUMEN}/ads", headers=sent, content=b"name=x")

    came = dict(channel.came[0]["headers"])
    assert channel.came[0]["begun"] == b"name=x"
    assert not {"cookie", "x-forwarded-for", "te", "x-mine", "expect", "transfer-encoding"} & set(came)
    assert (came["accept-encoding"], came["x-restli-method"], came["accept"]) == (
        "identity",
        "finder",
        "a, b",
    )
    assert (came["content-length"], came["authorization"][:6]) == ("6", "Bearer")
    assert not {"set-cookie", "x-inner", "strict-transport-security"} & set(answer.headers)
    assert answer.headers["x-app-usage"] == '{"call_count":1}'
    assert answer.headers.get_list("warning") == ["one", "two"]


def test_no_header_is_decided_by_that_does_not_reach_the_channel(job: Job, channel: StandIn) -> None:
    answer = job.call("POST", f"{LUMEN}/ads", json={"name": "x"}, headers={"connection": "content-type"})

    assert (answer.status_code, channel.came) == (413, [])


def test_a_page_of_a_channel_is_nothing_that_a_browser_runs_in_our_name(job: Job, channel: StandIn) -> None:
    channel.headers = [("content-type", "text/html"), ("content-security-policy", "script-src *")]

    said = [job.call("GET", path) for path in (LUMEN, "me")]

    assert [one.status_code for one in said] == [200, 403]
    for one in said:
        assert one.headers.get_list("content-security-policy") == ["sandbox"]
        assert one.headers["x-content-type-options"] == "nosniff"


def test_addresses_lead_back_and_tokens_become_the_credential_however_they_are_written(
    job: Job, channel: StandIn, settings: Any
) -> None:
    theirs = settings.FACEBOOK_GRAPH_URL
    job.call("GET", LUMEN)
    token = dict(channel.came[0]["headers"])["authorization"].removeprefix("Bearer ")
    inner = json.dumps({"next": f"{theirs}/a?access_token={token}"}).replace("/", "\\/")
    text = json.dumps({"next": f"{theirs}/a?access_token={token}", "items": [inner]}).encode()
    channel.headers += [("location", f"{theirs}/v26.0/1?access_token={token}"), ("content-encoding", "gzip")]
    channel.pieces = [gzip.compress(text)]

    answer = job.call("GET", LUMEN)

    ours = job.base.removesuffix("/v26.0")
    assert answer.json()["next"] == f"{ours}/a?access_token={job.text}"
    assert json.loads(answer.json()["items"][0]) == {"next": f"{ours}/a?access_token={job.text}"}
    assert answer.headers["location"] == f"{ours}/v26.0/1?access_token={job.text}"
    assert "content-encoding" not in answer.headers


def test_a_long_text_is_changed_while_it_streams_wherever_it_is_cut(
    job: Job, channel: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts, "NO_ERROR_IS_SO_LONG", 1000)
    job.call("GET", LUMEN)
    token = dict(channel.came[0]["headers"])["authorization"].removeprefix("Bearer ").encode()
    text = b"x" * 990 + b" ".join([token] * 50)
    channel.pieces = [text[at : at + 7] for at in range(0, len(text), 7)]

    answer = job.call("GET", LUMEN)

    assert answer.content == text.replace(token, job.text.encode())


def form(*fields: tuple[str, str], size: int) -> list[bytes]:
    """Return a form with a film of this size and then these fields, in pieces."""
    part = "--b\r\nContent-Disposition: form-data; name="
    after = "".join(f'{part}"{name}"\r\n\r\n{value}\r\n' for name, value in fields)
    film, rest = divmod(size, MEGABYTE // 4)
    return [
        f'{part}"source"; filename="film.mp4"\r\n\r\n'.encode(),
        *[bytes(MEGABYTE // 4)] * film,
        bytes(rest),
        f"\r\n{after}--b--\r\n".encode(),
    ]


FORM = {"content-type": "multipart/form-data; boundary=b"}


@pytest.mark.parametrize(
    ("fields", "kind", "passes"),
    [
        ([("title", "method")], FORM, True),
        ([("method", "delete")], FORM, False),
        ([("batch", '[{"relative_url":"me/accounts"}]')], FORM, False),
        ([("fields", "from{access_token}")], FORM, False),
        ([("title", "a\n--b\nb")], FORM, False),
        ([('fields"\r\nContent-Type: a; filename="a', "from{access_token}" + " " * 200_000)], FORM, False),
        ([], {"content-type": "application/json"}, False),
        ([], {**FORM, "content-encoding": "gzip"}, False),
    ],
)
@pytest.mark.parametrize("size", [1000, bodies.KEPT + 5])
def test_a_form_is_looked_through_however_long_it_is(
    job: Job, channel: StandIn, fields: Any, kind: dict[str, str], passes: bool, size: int
) -> None:
    sent = form(*fields, size=size)

    answer = job.call("POST", f"{LUMEN}/advideos", headers=kind, content=iter(sent))

    assert answer.status_code in ((200,) if passes else (400, 403, 413))
    assert any(one["size"] == sum(map(len, sent)) for one in channel.came) is passes


@pytest.mark.parametrize("sized", [True, False])
def test_a_long_upload_streams_through_with_the_length_that_it_has(
    job: Job, channel: StandIn, sized: bool
) -> None:
    sent = form(size=bodies.KEPT + 5)
    size = sum(map(len, sent))
    headers = FORM | ({"content-length": str(size)} if sized else {})

    answer = job.call("POST", f"{LUMEN}/adimages", headers=headers, content=iter(sent))

    assert answer.status_code == 200
    assert channel.came[0]["size"] == size
    names = dict(channel.came[0]["headers"])
    assert names.get("content-length") == (str(size) if sized else None)
    assert names.get("transfer-encoding") == (None if sized else "chunked")


def test_fifty_megabytes_pass_both_ways_and_stay_nowhere(job: Job, channel: StandIn) -> None:
    channel.headers = [("content-type", "video/mp4"), ("content-length", str(50 * MEGABYTE))]
    channel.pieces = [bytes(MEGABYTE // 4)] * 200
    size = sum(map(len, form(size=50 * MEGABYTE)))
    tracemalloc.start()

    def pass_once() -> None:
        sent = iter(form(size=50 * MEGABYTE))
        named = {**FORM, "content-length": str(size), "authorization": f"Bearer {job.text}"}
        with httpx2.stream(
            "POST", f"{job.base}/{LUMEN}/advideos", content=sent, headers=named, trust_env=False
        ) as answer:
            assert sum(len(piece) for piece in answer.iter_bytes()) == 50 * MEGABYTE

    threads = [threading.Thread(target=pass_once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [came["size"] for came in channel.came] == [size] * 4
    assert most < 24 * MEGABYTE  # of four streams at three parties in this process


def test_heads_ranges_and_bodiless_answers_pass(job: Job, channel: StandIn) -> None:
    channel.headers = [("content-type", "video/mp4"), ("content-length", "10")]
    assert job.call("HEAD", LUMEN).headers["content-length"] == "10"
    channel.status, channel.pieces = 206, [b"0123456789"]
    channel.headers += [("content-range", "bytes 0-9/100")]
    part = job.call("GET", LUMEN, headers={"range": "bytes=0-9"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (
        206,
        b"0123456789",
        "bytes 0-9/100",
    )
    assert dict(channel.came[-1]["headers"])["range"] == "bytes=0-9"
    channel.status, channel.headers, channel.pieces = 204, [], []
    assert job.call("DELETE", f"{LUMEN}/ads").status_code == 204


def test_a_text_that_cannot_be_read_whole_is_refused_as_it_may_hold_a_token(
    job: Job, channel: StandIn
) -> None:
    channel.status = 206

    part = job.call("GET", LUMEN, headers={"range": "bytes=0-1"})
    channel.status, channel.pieces = 200, [b"no text that we can read"]
    channel.headers.append(("content-encoding", "br"))
    packed = job.call("GET", LUMEN)

    assert (part.status_code, packed.status_code) == (502, 502)
    assert "Ask without Range" in part.json()["error"]["message"]
    assert b"no text" not in packed.content


def test_a_dark_channel_is_left_alone_after_a_few_tries(job: Job, settings: Any) -> None:
    settings.FACEBOOK_GRAPH_URL = "http://127.0.0.1:1"

    said = [job.call("GET", LUMEN) for _ in range(6)]

    assert [one.status_code for one in said] == [503] * 6
    assert "could not be reached" in said[4].json()["error"]["message"]
    assert "does not answer" in said[5].json()["error"]["message"]
    assert int(said[5].headers["retry-after"]) > 0


@pytest.mark.parametrize("most", ["MOST", "OF_ONE_KEY"])
def test_a_channel_that_is_full_or_taken_up_by_one_key_sends_the_next_one_away(
    job: Job, channel: StandIn, monkeypatch: pytest.MonkeyPatch, most: str
) -> None:
    monkeypatch.setattr(streams, most, 0)

    answer = job.call("GET", LUMEN)

    assert (answer.status_code, answer.headers["retry-after"], channel.came) == (503, "5", [])


def test_a_write_that_went_well_is_answered_also_where_we_cannot_note_it(
    job: Job, channel: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_rest: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(exchange, "_report", fail)

    answer = job.call("POST", f"{LUMEN}/campaigns", data={"name": "x"})

    assert (answer.status_code, answer.content, len(channel.came)) == (200, b"{}", 1)


def test_an_answer_that_breaks_while_it_streams_has_no_second_head(
    job: Job, channel: StandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(verdicts, "NO_ERROR_IS_SO_LONG", 1000)
    channel.headers += [("content-encoding", "gzip")]
    packed = gzip.compress(random.Random(1).randbytes(90_000).hex().encode())
    channel.pieces = [packed[:50_000], packed[50_000:-8] + bytes(8)]  # of another checksum

    with pytest.raises(httpx2.RemoteProtocolError):
        job.call("GET", LUMEN)

    assert "Exception" not in caplog.text


def test_the_body_of_whoever_has_no_credential_is_not_read(job: Job, channel: StandIn) -> None:
    base = urlsplit(job.base)
    head = f"POST {base.path}/{LUMEN}/campaigns?access_token={job.text}x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"

    with socket.create_connection((base.hostname, base.port or 80), timeout=60) as connection:
        connection.sendall(head.encode() + b"{")
        assert connection.recv(100).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("room", ["ROOM", "OF_ONE_KEY"])
def test_one_key_may_not_fill_the_room_for_bodies(
    job: Job, channel: StandIn, monkeypatch: pytest.MonkeyPatch, room: str
) -> None:
    monkeypatch.setattr(bodies, room, 6)

    said = [job.call("POST", f"{LUMEN}/campaigns", data={"name": name}).status_code for name in ("long", "x")]

    assert (said, len(channel.came)) == ([503, 200], 1)


def test_what_cannot_be_recorded_is_not_sent(
    job: Job, channel: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_rest: Any) -> None:
        raise OperationalError("the disk is full")

    monkeypatch.setattr(queries, "write", fail)

    answer = job.call("GET", LUMEN)

    assert (answer.status_code, channel.came) == (503, [])
    assert "recorded" in answer.json()["error"]["message"]
    monkeypatch.undo()
    assert job.call("GET", LUMEN).status_code == 200
    assert LeaseRecord.objects.count() == 1


def test_while_the_channel_asks_the_app_to_wait_jobs_hear_so_from_the_gate(
    job: Job, channel: StandIn
) -> None:
    brake.pause(name_of_app(), 30)

    answer = job.call("GET", LUMEN)

    assert (answer.status_code, answer.json()["error"]["code"], channel.came) == (429, 4, [])
    assert 0 < int(answer.headers["retry-after"]) <= 31


def name_of_app() -> str:
    return channel_gate.name_of("facebook", ChannelApp.objects.get(channel="facebook").client_id)


def test_who_does_not_send_leaves_the_one_try_of_a_dark_channel_to_the_next(
    job: Job, channel: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.write(brake._key(name_of_app(), "open"), {"until": time.time() - 1, "trips": 1}, 60)
    brake.forget()

    monkeypatch.setattr(streams, "MOST", 0)
    full = job.call("GET", LUMEN)
    monkeypatch.undo()

    assert (full.status_code, job.call("GET", LUMEN).status_code, len(channel.came)) == (503, 200, 1)


def test_a_key_or_a_team_that_calls_too_often_hears_the_channels_limit(
    job: Job, channel: StandIn, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.API_CALLS_A_MINUTE = 1
    monkeypatch.setattr(limits, "_counts", {})
    monkeypatch.setattr(limits, "WINDOW", 10**10)  # no minute ends meanwhile

    assert [job.call("GET", path).status_code for path in (LUMEN, "1202345678")] == [200, 429]

    other, _ = api_keys.issue_key(name="another", scopes=[ApiKey.Scope.GATE], teams=[job.account.team])
    job.text = credential(job.account, other.pk)
    assert job.call("GET", LUMEN).status_code == 429
    assert len(channel.came) == 1
