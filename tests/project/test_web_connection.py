"""What the web server's connections send, and when."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from adtoken_project.web.connection import WebConnection

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[WebConnection, socket.socket]]:
    """A connection, and its other side, which waits for nothing."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(0)
    with WebConnection(ours) as connection, theirs:
        connection.settimeout(None)
        yield connection, theirs


def arrived(theirs: socket.socket) -> bytes:
    try:
        return theirs.recv(1_000)
    except BlockingIOError:
        return b""


def test_the_head_of_an_answer_leaves_with_its_body(ends: tuple[WebConnection, socket.socket]) -> None:
    connection, theirs = ends

    connection.sendall(HEAD)
    before = arrived(theirs)
    connection.sendall(b"{}")

    assert (before, arrived(theirs)) == (b"", HEAD + b"{}")


def test_a_head_that_nothing_follows_leaves_at_the_end(ends: tuple[WebConnection, socket.socket]) -> None:
    connection, theirs = ends
    empty = b"HTTP/1.1 204 No Content\r\n\r\n"

    connection.sendall(empty)
    connection.flush()
    connection.flush()

    assert arrived(theirs) == empty


def test_what_goes_before_an_answer_is_not_kept(ends: tuple[WebConnection, socket.socket]) -> None:
    connection, theirs = ends

    connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")

    assert arrived(theirs) == b"HTTP/1.1 103 Early Hints\r\n\r\n"


def test_a_body_that_looks_like_a_head_loses_nothing(ends: tuple[WebConnection, socket.socket]) -> None:
    connection, theirs = ends

    for part in (HEAD, HEAD, HEAD):
        connection.sendall(part)
    connection.flush()

    assert arrived(theirs) == 3 * HEAD


def test_a_head_is_not_lost_where_the_connection_is_ended(
    ends: tuple[WebConnection, socket.socket],
) -> None:
    connection, theirs = ends

    connection.sendall(HEAD)
    connection.shutdown(socket.SHUT_WR)

    assert arrived(theirs) == HEAD


def test_where_nothing_is_waited_for_all_goes_at_once(ends: tuple[WebConnection, socket.socket]) -> None:
    connection, theirs = ends

    connection.setblocking(flag=False)
    connection.sendall(HEAD)

    assert arrived(theirs) == HEAD


def test_a_large_body_follows_its_head(ends: tuple[WebConnection, socket.socket]) -> None:
    connection, theirs = ends

    connection.sendall(HEAD)
    connection.sendall(b"x" * 100_000)

    assert arrived(theirs) == HEAD + b"x" * (1_000 - len(HEAD))


def test_a_file_comes_after_its_head(ends: tuple[WebConnection, socket.socket], tmp_path: Path) -> None:
    connection, theirs = ends
    (tmp_path / "file").write_bytes(b"{}")

    connection.sendall(HEAD)
    with (tmp_path / "file").open("rb") as file:
        connection.sendfile(file)

    assert arrived(theirs) == HEAD + b"{}"


def test_it_waits_as_long_as_it_was_told(ends: tuple[WebConnection, socket.socket]) -> None:
    connection, theirs = ends

    connection.settimeout(0)
    with pytest.raises(BlockingIOError):
        connection.recv(1)
    connection.settimeout(0.01)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(None)
    theirs.sendall(b"GET")

    assert (connection.recv(10), connection.gettimeout()) == (b"GET", None)
