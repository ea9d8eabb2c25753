"""Connections to a channel: kept where they can be, and never used for the next request once something came that nobody asked for."""

import asyncio
import ssl
from pathlib import Path

import pytest

from tests.project.test_redis_by_tls import certificate
from tokens.channels import transport
from tokens.channels.streams import NoAnswer, Streams, chunks

GOOD, JUNK = (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n" + text for text in (b"good", b"junk"))


async def asked(streams: Streams, port: int, path: str) -> bytes:
    """Ask, and leave what follows the answer time to come."""
    url = f"https://127.0.0.1:{port}{path}"
    async with streams.sent("GET", url, {}, None, seconds=5, key=1) as answer:
        found = b"".join([piece async for piece in chunks(answer)])
    await asyncio.sleep(0.1)
    return found


async def asked_all(streams: Streams, server: ssl.SSLContext, *paths: str) -> tuple[set[bytes], int]:
    """Ask a server that says more than was asked after /junk and with /both, and ends the connection after /bye.

    Return what it said, and on how many.
    """
    count = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        head = b""
        while b"/bye" not in head and not reader.at_eof():
            head = (await reader.readuntil(b"\r\n\r\n")) if not reader.at_eof() else b""
            writer.write(GOOD + JUNK if b"/both" in head else GOOD)
            if b"/junk" in head:
                await asyncio.sleep(0.01)
                writer.write(JUNK)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server) as there:
        said = {await asked(streams, there.sockets[0].getsockname()[1], path) for path in paths}
        await streams.close()
    return said, count


def test_a_connection_is_kept_until_it_ends_or_says_what_nobody_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    with pytest.raises(NoAnswer):  # nobody vouches for it
        asyncio.run(asked_all(Streams(), server, "/"))
    trusted = ssl.create_default_context(cafile=cert)
    monkeypatch.setattr(transport, "certificates", lambda: trusted)

    assert asyncio.run(asked_all(Streams(), server, "/", "/", "/junk", "/", "/both", "/", "/bye", "/")) == (
        {b"good"},
        4,
    )
