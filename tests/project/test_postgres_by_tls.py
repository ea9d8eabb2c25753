"""With `sslmode=verify-full` in DATABASE_URL the certificate of PostgreSQL is checked, and doctor says what is wrong with it."""

import runpy
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from adtoken_project.ops import health
from devtools.embedded.processes import LOOPBACK
from tests.project.test_redis_by_tls import Relay, TlsServer, certificate

pytestmark = pytest.mark.django_db(transaction=True)
SSL_REQUEST = 8  # bytes: the client asks for TLS before anything else


class PostgresServer(TlsServer):
    """By TLS before the tests' PostgreSQL (the wheel's own speaks none)."""

    def get_request(self) -> tuple[socket.socket, Any]:
        taken, address = self.socket.accept()
        assert taken.recv(SSL_REQUEST, socket.MSG_WAITALL).endswith(b"\x04\xd2\x16\x2f")
        taken.sendall(b"S")
        return self.context.wrap_socket(taken, server_side=True), address  # type: ignore[attr-defined]

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that went away."""


@contextmanager
def served(cert: Path, key: Path) -> Iterator[int]:
    """Run one with this certificate. Yields its port."""
    given = connection.get_connection_params()
    with PostgresServer((LOOPBACK, 0), Relay) as relay:
        relay.behind = (given["host"], int(given["port"]))  # type: ignore[attr-defined]
        relay.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # type: ignore[attr-defined]
        relay.context.load_cert_chain(cert, key)  # type: ignore[attr-defined]
        Thread(target=relay.serve_forever, daemon=True).start()
        yield relay.server_address[1]
        relay.shutdown()


def said_of(port: int, ca: Path, monkeypatch: pytest.MonkeyPatch) -> list[health.Finding]:
    """Return what doctor finds where the settings are made of such a DATABASE_URL."""
    given = connection.get_connection_params()
    address = f"postgres://{given['user']}:{quote(given['password'])}@{LOOPBACK}:{port}/{given['dbname']}"
    monkeypatch.setenv("DATABASE_URL", f"{address}?sslmode=verify-full&sslrootcert={ca}")
    made = runpy.run_path(str(settings.BASE_DIR / "adtoken_project" / "settings.py"))["DATABASES"]["default"]
    del made["OPTIONS"]["pool"]
    mine = connections["default"]
    before = mine.settings_dict
    mine.close()
    mine.settings_dict = {**before, **made}
    try:
        return list(health.database(timezone.now()))
    finally:
        mine.settings_dict = before


@pytest.mark.parametrize(
    ("name", "vouched_for", "wrong"),
    [
        (LOOPBACK, True, None),
        ("127.9.9.9", True, 'does not match host name "127.0.0.1"'),
        (LOOPBACK, False, "certificate verify failed"),
    ],
    ids=["right", "another server's name", "another authority"],
)
def test_a_certificate_is_believed_only_where_it_is_vouched_for_and_for_this_server(
    name: str, vouched_for: bool, wrong: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    cert, key = certificate(tmp_path, address=name)
    other, _ = certificate(tmp_path / "other")

    with served(cert, key) as port:
        found = said_of(port, cert if vouched_for else other, monkeypatch)

    if wrong is None:
        assert [one for one in found if not one.note] == []
    else:
        assert wrong in found[0].said
        assert "sslrootcert" in found[0].cure
