"""Every channel against servers that speak bad HTTP: real sockets, every question there is, in little time and memory.

What such a server says kills no token, lets no exception out, holds nobody up, and carries no credentials elsewhere.
"""

import gzip
import random
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from sandbox.start import start_accounts
from tests.contract.profiles import PROFILES
from tests.contract.test_garbage import killed
from tokens.channels import http, registry
from tokens.channels.base import Channel
from tokens.channels.kinds import AppKeys, ChannelError, Credentials, Identity
from tokens.channels.linkedin import channel as linkedin
from tokens.channels.x import calls as x_calls

pytestmark = pytest.mark.django_db

PATIENCE = 0.15  # seconds for one call
SECRETS = ("TOKENMARK", "REFRESHMARK", "SECRETMARK", "CODEMARK", "APPSECRETMARK")
HELD = Credentials("TOKENMARK", refresh_token="REFRESHMARK", secret="SECRETMARK")
GZIPPED = gzip.compress(b'{"a": "' + b" " * (8 * http.MAX_BODY) + b'"}')
CHUNK = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
noise = random.Random(3)


def whole(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """Return an answer as it travels."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


# One answer, then the connection closes.
ONCE: dict[str, bytes] = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "noise": noise.randbytes(4000),
    "a header of noise": b"HTTP/1.1 200 OK\r\n" + noise.randbytes(500) + b"\r\n\r\n{}",
    "a body of noise": whole(noise.randbytes(4000), "Content-Type: application/json"),
    "a status that is none": whole(b"{}", status="999999 Fine"),
    "a status of words": b"HTTP/1.1 fine\r\n\r\n",
    "a length too long": whole(b'{"data": []}', length=5000),
    "a length too short": whole(b'{"access_token": "x", "data": [], "code": 0}', length=9),
    "a length of words": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
    "a length below nothing": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "chunks of noise": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "chunks that break off": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{",
    "gzip of noise": whole(noise.randbytes(900), "Content-Encoding: gzip"),
    "gzip that breaks off": whole(GZIPPED[:400], "Content-Encoding: gzip"),
    "gzip of much": whole(GZIPPED, "Content-Encoding: gzip"),
    "an encoding of noise": whole(b"{}", "Content-Encoding: \xfe\xff, br, gzip"),
    "a type of noise": whole(b'\xff\xfe{"a": 1}', "Content-Type: application/json; charset=nonsense"),
    "another charset": whole('{"a": "é"}'.encode("utf-16"), "Content-Type: application/json; charset=utf-16"),
    "a page": whole(b"<html>" + b"x" * 5000, "Content-Type: application/json"),
    "JSON of great depth": whole(b"[" * 200_000),
    "a number of great length": whole(b'{"code": ' + b"9" * 100_000 + b"}"),
    "cookies of noise": whole(b"{}", "Set-Cookie: \xff=\xfe; expires=Wed, 99 Foo 99999; Max-Age=-1e9; Domain=.", "Set-Cookie: =;;="),
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 900) for n in range(4000)),
    "nothing to say": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
}  # fmt: skip
# Sent again and again, until the other side has had enough.
ENDLESS: dict[str, tuple[bytes, bytes, float]] = {
    "a body without end": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", CHUNK, 0),
    "a body that drips": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" ", 0.02),
    "a header that drips": (b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x", 0.02),
    "a first line that drips": (b"HTTP/1.1 200 ", b"O", 0.02),
    "continue without end": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.005),
    "silence": (b"", b"", 0.02),
}
REDIRECTS = (
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "307 Temporary Redirect",
    "308 Permanent Redirect",
    "401 Unauthorized",
)


class Handler(socketserver.BaseRequestHandler):
    """Reads a request, then answers as `server.mode` says."""

    server: "Server"

    def handle(self) -> None:
        """Answer once, and hang up."""
        self.request.settimeout(2)
        try:
            self.server.seen.append(self._read())
            self._answer()
        except OSError:
            return  # the other side hung up, which is what it should do

    def _read(self) -> bytes:
        data: bytes = self.request.recv(65_536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ),
            0,
        )
        while len(body) < length:
            body += self.request.recv(65_536)
        return head + b"\r\n\r\n" + body

    def _answer(self) -> None:
        mode = self.server.mode
        if mode in ENDLESS:
            first, again, pause = ENDLESS[mode]
            self.request.sendall(first)
            while not self.server.over.wait(pause):
                self.request.sendall(again)
                self.server.sent += len(again)
        else:
            self.request.sendall(self.server.answer or ONCE[mode])
            self.request.shutdown(socket.SHUT_WR)


class Server(socketserver.ThreadingTCPServer):
    """A server of our own on a free port."""

    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mode, self.answer, self.sent, self.over = "nothing", b"", 0, threading.Event()
        self.seen: list[bytes] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep the output of tests clean."""


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    """The bad server, and the one that nobody should be led to."""
    both = Server(), Server()
    for server in both:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield both
    http.close()
    for server in both:
        server.shutdown()
        server.server_close()


@pytest.fixture
def bad(servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The bad server as the address of every channel. Looks that nobody was led to the other one."""
    monkeypatch.setattr(linkedin, "PAUSE", 0)
    server, elsewhere = servers
    for one in servers:
        one.mode, one.answer, one.sent, one.over = "nothing", b"", 0, threading.Event()
        one.seen.clear()
    named = {
        name: server.url
        for name in dir(settings)
        if name.endswith("_URL") and name.partition("_")[0].lower() in registry.CHANNELS
    }
    with override_settings(**named, CHANNEL_TIMEOUT=PATIENCE):
        yield server
    server.over.set()
    assert elsewhere.seen == []
    http.close()


def questions(channel: Channel) -> list[Callable[[], Any]]:
    """Return everything that a channel can be asked."""
    keys = AppKeys("1", ("APPSECRETMARK",), "http://testserver/back/", ())
    way_back = {
        "code": "CODEMARK",
        "oauth_token": "TOKENMARK",
        "oauth_token_secret": "SECRETMARK",
        "oauth_verifier": "CODEMARK",
    }
    native_id = next(account.id for account in start_accounts() if account.channel == channel.key)
    found: list[Callable[[], Any]] = [
        lambda: channel.consent(keys, way_back),
        lambda: channel.identity(keys, HELD),
        lambda: channel.list_accounts(keys, HELD, Identity("1", "Ada"), None),
        lambda: channel.read_account(keys, HELD, native_id, scopes=None, timeout=PATIENCE),
        lambda: channel.inspect(keys, HELD, timeout=PATIENCE),
        lambda: channel.renew(keys, HELD, timeout=PATIENCE),
        lambda: channel.verify_app_keys(keys, timeout=PATIENCE),
        lambda: channel.revoke(keys, HELD),
    ]
    if channel.key == "facebook":
        found.append(lambda: channel.inspect_pasted(keys, "TOKENMARK"))
    if channel.key == "x":
        found.append(lambda: x_calls.request_token(keys))
    return found


def ask(question: Callable[[], Any]) -> None:
    """Ask; nothing but ChannelError may come out, and nothing dies or tells a secret."""
    try:
        found: Any = question()
    except ChannelError as error:
        found = error
    assert not killed(found)
    assert not any(secret in f"{found} {getattr(found, 'evidence', '')}" for secret in SECRETS)


every_channel = pytest.mark.parametrize("key", [profile.key for profile in PROFILES])


@every_channel
def test_bad_http_is_no_answer(key: str, bad: Server) -> None:
    """A kind meets another question of each channel, of which some ask nothing."""
    asked, first = questions(registry.get(key)), list(registry.CHANNELS).index(key)

    for number, bad.mode in enumerate(ONCE):
        ask(asked[(number + first) % len(asked)])

    assert len(bad.seen) >= len(ONCE) / 2


@pytest.mark.parametrize("mode", ENDLESS)
def test_an_answer_without_end_is_given_up_in_time(mode: str, bad: Server) -> None:
    """All channels ask by `tokens.channels.http`, so that one of them stands for all."""
    bad.mode = mode
    channel = registry.get("facebook")
    end = threading.Timer(400 * PATIENCE, bad.over.set)
    end.start()

    found = channel.inspect(AppKeys("1", ("s",), "http://testserver/", ()), HELD, timeout=PATIENCE)

    end.cancel()
    assert not killed(found)
    assert not bad.over.is_set()
    assert bad.sent < 60 * http.MAX_BODY


@every_channel
def test_no_redirect_is_followed(key: str, bad: Server, servers: tuple[Server, Server]) -> None:
    elsewhere = servers[1].url
    headers = (
        f"Location: {elsewhere}/steal",
        f"Refresh: 0; url={elsewhere}",
        f'Link: <{elsewhere}>; rel="next"',
        "WWW-Authenticate: Basic",
    )
    for number, question in enumerate(questions(registry.get(key))):
        status = REDIRECTS[number % len(REDIRECTS)]
        bad.answer = whole(f'{{"next": "{elsewhere}"}}'.encode(), *headers, status=status)
        ask(question)

    assert bad.seen
