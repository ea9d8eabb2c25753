"""What the web server refuses: requests that two servers could read in two ways, and too large ones; which connections it keeps, and that
slow clients hold none of its threads."""

import http.client
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from devtools.embedded.processes import LOOPBACK, wait_until
from tests.deploy.running import HOST, Web, web

pytestmark = pytest.mark.slow
GET = b"GET / HTTP/1.1\r\n" + HOST


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with web(tmp_path_factory.mktemp("web"), "--workers=1") as found:
        yield found


SMUGGLED = {
    "length and chunks": b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    "two equal lengths": b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a length with a sign": b"Content-Length: +3\r\n\r\nabc",
    "a length of words": b"Content-Length: 3, 3\r\n\r\nabc",
    "a coding nobody knows": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks that are not last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded header": b"X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a lone LF": b"X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a lone LF behind a chunk's size": b"Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
    "a chunk's size with a sign": b"Transfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n",
    "a zero byte": b"X: a\0b\r\n\r\n",
    "two hosts": b"Host: b\r\n\r\n",
    "two types": b"Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n",
}


@pytest.mark.parametrize("rest", SMUGGLED.values(), ids=SMUGGLED)
def test_what_two_servers_could_read_in_two_ways_is_refused_and_nothing_behind_it_is_answered(
    server: Web, rest: bytes
) -> None:
    said = server.says(b"POST /echo HTTP/1.1\r\n" + HOST + rest + b"GET /told HTTP/1.1\r\n" + HOST + b"\r\n")

    assert said[:10] in (b"HTTP/1.1 4", b"HTTP/1.1 5")
    assert said.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", b"4"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"4"),  # TLS
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", b"414"),
        (GET + b"".join(b"X%d: 1\r\n" % number for number in range(101)) + b"\r\n", b"431"),
        (GET + b"X: " + b"a" * 9_000 + b"\r\n\r\n", b"431"),
        (GET + b"X: " + b"a" * 1_000_000, b"431"),  # and no end
    ],
)
def test_what_is_no_request_or_too_large_a_one_is_refused(server: Web, sent: bytes, status: bytes) -> None:
    assert server.says(sent).startswith(b"HTTP/1.1 " + status)


def test_a_header_with_an_underscore_does_not_stand_in_for_another(server: Web) -> None:
    said = server.says(
        b"GET /told HTTP/1.1\r\n" + HOST + b"X_Forwarded_Proto: https\r\nConnection: close\r\n\r\n"
    )

    assert b"GET " in said
    assert b"FORWARDED_PROTO" not in said


def test_neither_who_sends_slowly_nor_who_reads_slowly_holds_a_thread(server: Web) -> None:
    with ExitStack() as stack:
        for number in range(6):
            line = stack.enter_context(server.connect())
            line.sendall(b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\na")
            if number % 2:
                stack.enter_context(server.connect()).sendall(b"GET /large HTTP/1.1\r\n" + HOST + b"\r\n")

        assert server.get() == "ok"

        line.sendall(b"bcde")
        assert line.recv(1_000).endswith(b"abcde")


def test_a_body_in_chunks_is_whole_and_one_that_is_too_large_is_refused(server: Web) -> None:
    close = HOST + b"Connection: close\r\n"
    post = b"POST /echo HTTP/1.1\r\n" + close + b"Transfer-Encoding: chunked\r\n\r\n"

    assert server.says(post + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").endswith(b"\r\n\r\nabcde")

    with server.connect() as line:
        line.sendall(
            b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 20000000\r\n\r\n" + b"x" * 10_100_000
        )
        assert line.recv(100).startswith(b"HTTP/1.1 413")


def test_what_comes_in_pieces_is_sent_in_pieces_and_ends_with_its_reader(server: Web) -> None:
    with server.connect() as line:
        line.sendall(b"GET /stream HTTP/1.1\r\n" + HOST + b"\r\n")
        said = line.recv(1_000)
        while not said.endswith(b"one\r\n"):
            said += line.recv(1_000)
        assert server.get("/go") == "ok"
        assert b"more" in line.recv(1_000)
        assert server.get("/ended") == "False"

    assert wait_until(lambda: server.get("/ended") == "True", seconds=60)


def test_an_answer_without_a_body_does_not_wait_for_that_of_its_request(server: Web) -> None:
    with server.connect(seconds=30) as line:
        line.sendall(b"HEAD / HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\n0123456789")

        assert line.recv(100).startswith(b"HTTP/1.1 200")

    assert "WARNING" not in server.log.read_text(), "gunicorn's line about a body that nobody may get"


def test_what_breaks_is_answered_with_500_and_costs_no_thread(server: Web) -> None:
    said = [server.says(b"GET /broken HTTP/1.1\r\n" + HOST + b"\r\n") for _ in range(5)]

    assert {one.split(b"\r\n")[0] for one in said} == {b"HTTP/1.1 500 Internal Server Error"}
    assert server.get() == "ok"


def test_a_connection_is_kept_between_two_requests_and_closed_where_none_comes(server: Web) -> None:
    """A proxy that sends a POST on a connection that we close at that moment answers 502, and takes us for dead."""
    line = http.client.HTTPConnection(LOOPBACK, server.port, timeout=10)
    line.connect()
    line.auto_open = 0  # never by a second connection
    with server.connect(seconds=60) as silent:
        for seconds in (0, 3):  # gunicorn's own limit is 2
            time.sleep(seconds)
            line.request("GET", "/")
            assert line.getresponse().read() == b"ok"
        line.close()

        assert silent.recv(1) == b"", "nobody may hold connections by saying nothing"
