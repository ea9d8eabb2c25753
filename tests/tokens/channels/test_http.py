"""The one way out, against a real server."""

import gzip
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from tokens.channels import gate, http, registry, transport
from tokens.channels.kinds import AppKeys

pytestmark = pytest.mark.django_db


# Bad HTTP: one answer, then the connection closes.
BAD: dict[str, bytes] = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a header of noise": b"HTTP/1.1 200 OK\r\n\xfe\x00\x8b\x01: \xff\n\r\x07\r\n\r\n{}",
    "a status of words": b"HTTP/1.1 fine\r\n\r\n",
    "a length of words": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
    "a length below nothing": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "chunks of noise": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "chunks that break off": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{",
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 900) for n in range(4000)),
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
}  # fmt: skip
# Sent again and again, until the other side has had enough.
ENDLESS: dict[str, tuple[bytes, bytes, float]] = {
    "a body without end": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n", 0,
    ),
    "a header that drips": (b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x", 0.02),
    "a first line that drips": (b"HTTP/1.1 200 ", b"O", 0.02),
    "continue without end": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.005),
    "silence": (b"", b"", 0.02),
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Answers by path, and keeps what was asked."""

    protocol_version = "HTTP/1.1"
    seen: list[dict[str, str]] = []
    mode = ""  # of BAD and ENDLESS
    sent = 0

    def do_GET(self) -> None:
        self.seen.append({**{k.lower(): v for k, v in self.headers.items()}, "path": self.path})
        getattr(self, "answer_" + self.path.strip("/").partition("?")[0], self.answer_json)()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.seen.append({"path": self.path, "body": body.decode()})
        self.answer_json()

    def answer_json(self) -> None:
        self.send(b'{"a": 1}', kind="application/json")

    def answer_html(self) -> None:
        self.send(b"<html>down</html>", status=503)

    def answer_redirect(self) -> None:
        self.send(b"", status=302, extra={"Location": "/json"})

    def answer_cookie(self) -> None:
        self.send(b"{}", extra={"Set-Cookie": "who=ada; Path=/"})

    def answer_large(self) -> None:
        self.send(b"[" + b"1," * http.MAX_BODY + b"1]")

    def answer_bomb(self) -> None:
        self.send(gzip.compress(b" " * (http.MAX_BODY + 10)), extra={"Content-Encoding": "gzip"})

    def answer_garbage(self) -> None:
        self.send(b"not gzip", extra={"Content-Encoding": "gzip"})

    def answer_bytes(self) -> None:
        self.send(b"\xff\xfe\x00", status=401)

    def answer_mark(self) -> None:
        self.send('\ufeff{"a": "ä"}'.encode(), kind="application/json")

    def answer_deep(self) -> None:
        self.send(b"[" * 100_000, status=400)

    def answer_nul(self) -> None:
        self.send(b'{"a": "x\\u0000y", "b": "\\ud800", "c": "\\ud83d\\ude00"}')

    def answer_nan(self) -> None:
        self.send(b'{"a": NaN}')

    def answer_drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "50")
        self.end_headers()
        for _ in range(50):
            try:
                self.wfile.write(b" ")
                self.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    def answer_cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.close_connection = True

    def answer_bad(self) -> None:
        self.close_connection = True
        first, again, pause = ENDLESS.get(self.mode) or (BAD[self.mode], b"", 0)
        with suppress(OSError):  # the other side hung up, which is what it should do
            self.wfile.write(first)
            while self.mode in ENDLESS:
                self.wfile.write(again)
                Handler.sent += len(again)
                time.sleep(pause)

    def send(
        self, body: bytes, *, status: int = 200, kind: str = "text/html", extra: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(extra or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the base class
        """Keep the output of tests clean."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what these tests are about."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    http.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _forget() -> None:
    Handler.seen.clear()


def test_json_is_parsed_and_header_names_are_lower_case(server: str) -> None:
    answer = http.request("api", "GET", f"{server}/json")

    assert (answer.call, answer.status, answer.body) == ("api", 200, {"a": 1})
    assert answer.headers["content-type"] == "application/json"


def test_other_bodies_are_kept_as_text(server: str) -> None:
    answer = http.request("api", "GET", f"{server}/html")

    assert (answer.status, answer.body) == (503, "<html>down</html>")


def test_it_says_who_we_are_and_keeps_the_addresss_own_query(server: str) -> None:
    http.request("api", "GET", f"{server}/json?a=1", params={"b": "2 3"})

    assert Handler.seen[0]["user-agent"] == "AdToken"
    assert Handler.seen[0]["path"] in {"/json?a=1&b=2%203", "/json?a=1&b=2+3"}


def test_a_form_travels_in_the_body(server: str) -> None:
    http.request("exchange", "POST", f"{server}/json", data={"client_secret": "s"})

    assert Handler.seen[0] == {"path": "/json", "body": "client_secret=s"}


def test_redirects_are_not_followed(server: str) -> None:
    answer = http.request("api", "GET", f"{server}/redirect")

    assert (answer.status, len(Handler.seen)) == (302, 1)


def test_cookies_of_one_call_do_not_reach_the_next(server: str) -> None:
    http.request("api", "GET", f"{server}/cookie")

    http.request("api", "GET", f"{server}/json")

    assert "cookie" not in Handler.seen[1]


def test_proxies_of_the_environment_are_ignored(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    http.close()

    assert http.request("api", "GET", f"{server}/json").status == 200


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("bytes", 401, "\ufffd\ufffd\ufffd"),
        ("mark", 200, {"a": "ä"}),
    ],
)
def test_a_body_that_is_no_utf_8_keeps_its_status(server: str, path: str, status: int, body: object) -> None:
    answer = http.request("api", "GET", f"{server}/{path}")

    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize("path", ["large", "bomb", "garbage", "cut"])
def test_bodies_that_cannot_be_used_are_no_answer(server: str, path: str) -> None:
    answer = http.request("api", "GET", f"{server}/{path}?access_token=SBXTOKEN")

    assert answer.status == 0
    assert isinstance(answer.body, str)
    assert "SBXTOKEN" not in answer.body


@pytest.mark.parametrize("mode", [*BAD, *ENDLESS])
def test_bad_http_is_no_answer_and_is_given_up_in_time(
    server: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "mode", mode)
    monkeypatch.setattr(Handler, "sent", 0)

    answer = http.request("api", "GET", f"{server}/bad", timeout=0.3)

    assert answer.status == 0
    assert Handler.sent < 60 * http.MAX_BODY


def test_json_that_is_nested_too_deep_stays_text(server: str) -> None:
    answer = http.request("api", "GET", f"{server}/deep")

    assert answer.status == 400
    assert isinstance(answer.body, str)


def test_what_the_database_cannot_store_is_replaced(server: str) -> None:
    answer = http.request("api", "GET", f"{server}/nul")

    assert answer.body == {"a": "x�y", "b": "�", "c": "😀"}


def test_what_is_no_json_stays_text(server: str) -> None:
    assert http.request("api", "GET", f"{server}/nan").body == '{"a": NaN}'


def test_an_answer_that_drips_is_given_up_in_time(server: str) -> None:
    assert http.request("api", "GET", f"{server}/drip", timeout=0.3).status == 0


def test_the_timeout_is_read_from_the_settings_when_asked(server: str, settings: Settings) -> None:
    settings.CHANNEL_TIMEOUT = 0.2

    assert http.request("api", "GET", f"{server}/drip").status == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "https://127.0.0.1:1/",
        "ftp://127.0.0.1/",
        "http://[",
        "",
        "http://127.0.0.1:99999/",
    ],
)
def test_addresses_that_nobody_answers_are_no_answer(url: str) -> None:
    answer = http.request("api", "GET", url)

    assert answer.status == 0


def test_a_header_that_cannot_be_sent_is_no_answer(server: str) -> None:
    for value in ("Bearer näh☃", "Bearer a\r\nX-Evil: 1"):
        assert http.request("api", "GET", f"{server}/json", headers={"Authorization": value}).status == 0

    assert Handler.seen == []


def test_bad_tls_is_no_answer(server: str) -> None:
    assert http.request("api", "GET", server.replace("http:", "https:")).status == 0


def test_nothing_is_logged_of_address_and_body(server: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    logging.getLogger("httpx2").setLevel(logging.WARNING)

    http.request("api", "POST", f"{server}/json?access_token=SBXTOKEN", data={"secret": "SBXTOKEN"})

    assert "SBXTOKEN" not in caplog.text


def test_a_call_inside_a_transaction_is_refused(server: str) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        http.request("api", "GET", f"{server}/json")

    assert Handler.seen == []


def test_a_channel_that_holds_all_its_connections_leaves_the_others_theirs(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "CONNECTIONS", 2)
    http.close()

    def call(channel: str, url: str) -> int:
        with gate.asking(registry.get(channel), AppKeys("1", ("s",), "", ())):
            return http.request("api", "GET", url, timeout=60).status

    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(2) as threads:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        waiting = [threads.submit(call, "facebook", url) for _ in range(2)]
        held = [silent.accept() for _ in waiting]

        answered = call("x", f"{server}/json")

        assert [one.done() for one in waiting] == [False, False]
        for connection, _address in held:
            connection.close()
    http.close()
    assert answered == 200


def test_a_forked_process_has_its_own_connections(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    http.request("api", "GET", f"{server}/json")
    mine = http._client()
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)

    others = http._client()
    http.close()

    monkeypatch.undo()
    assert others is not mine
    assert http._client() is mine
