"""Calls to addresses that people typed: never to a private network, never where a redirect leads, and within a time.

The name is looked up once, and what it leads to is what is connected to: a name that leads elsewhere a moment later changes nothing.
"""

import ipaddress
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import httpcore2
import httpx2
from django.conf import settings

SECONDS = 15.0  # for the whole call
ANSWER = 2_000  # bytes of an answer that are read
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # public addresses that lead to any of IPv4
WORDS = 120  # characters of it that are kept


@dataclass(frozen=True)
class Reply:
    """What a receiver said. `status` 0: nothing; `error`: why, in a few words."""

    status: int
    text: str = ""
    error: str = ""
    ms: int = 0
    retry_after: timedelta = timedelta(0)

    @property
    def is_taken(self) -> bool:
        """Whether it took what was sent."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Private(Exception):  # noqa: N818  # an answer
    """An address leads into a private network."""


def addresses_of(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host. Raises Private where one of them is not public, OSError where it has none."""
    found = {str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    if not found or any(not is_allowed(one) for one in found):
        raise Private
    return sorted(found, key=lambda one: ":" in one)


def is_allowed(address: str) -> bool:
    """Return whether an IP address may be called: a public one, or one of WEBHOOK_NETWORKS."""
    one: Any = ipaddress.ip_address(address.partition("%")[0])
    one = getattr(one, "ipv4_mapped", None) or one
    allowed = any(one in ipaddress.ip_network(network) for network in settings.WEBHOOK_NETWORKS)
    embeds = getattr(one, "sixtofour", None) or getattr(one, "teredo", None) or one in NAT64
    return allowed or (one.is_global and not one.is_multicast and not embeds)


class _Backend(httpcore2.SyncBackend):
    """Connects to what it has looked at, within the time of the whole call."""

    def __init__(self) -> None:
        self._end = time.monotonic() + SECONDS

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *rest: Any, **more: Any
    ) -> httpcore2.NetworkStream:
        """Connect to the first address that answers."""
        address = addresses_of(host, port)[0]
        left = max(0.1, self._end - time.monotonic())
        return super().connect_tcp(address, port, min(left, timeout or left), *rest, **more)


def post(url: str, *, content: bytes, headers: Mapping[str, str]) -> Reply:
    """Send it, and return what came of it. Never raises for what the other side does."""
    began = time.monotonic()
    reply = _post(
        url,
        content,
        {"User-Agent": "AdToken", "Content-Type": "application/json", **headers},
        began + SECONDS,
    )
    return Reply(**{**reply.__dict__, "ms": round((time.monotonic() - began) * 1000)})


def _post(url: str, content: bytes, headers: Mapping[str, str], end: float) -> Reply:
    try:
        with (
            httpcore2.ConnectionPool(
                ssl_context=httpx2.create_ssl_context(trust_env=False), network_backend=_Backend()
            ) as pool,
            pool.stream(
                "POST",
                url,
                headers=list(headers.items()),
                content=content,
                extensions={"timeout": _timeouts()},
            ) as answer,
        ):
            text = b""
            for part in answer.iter_stream():
                text += part
                if len(text) >= ANSWER or time.monotonic() > end:
                    break
            pause = next((value for name, value in answer.headers if name.lower() == b"retry-after"), b"")
            return Reply(answer.status, _words(text), retry_after=_seconds(pause))
    except Private:
        return Reply(0, error="private address")
    except (httpcore2.TimeoutException, TimeoutError):
        return Reply(0, error="timeout")
    except (
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
        httpcore2.UnsupportedProtocol,
        OSError,
        ValueError,
    ) as error:
        return Reply(0, error=f"no connection ({type(error).__name__})")


def _timeouts() -> dict[str, float]:
    return dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)


def _words(text: bytes) -> str:
    return " ".join(text.decode(errors="replace").replace("\0", "").split())[:WORDS]


def _seconds(value: bytes) -> timedelta:
    """Return a `Retry-After` in seconds, at most a day; a date counts as none."""
    return timedelta(seconds=min(int(value), 86_400)) if value.isdigit() else timedelta(0)
