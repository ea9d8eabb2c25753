"""Calls to addresses that people typed: never into a private network, never where a redirect leads, and within a time.

The name is looked up once, and what it leads to is what is connected to: a name that leads elsewhere a moment later changes nothing.
"""

import ipaddress
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import httpcore2
import httpx2
from django.conf import settings

from tokens.channels.transport import Network, transport_over, within
from users.installation import hold

SECONDS = 15.0  # for the whole call
ANSWER = 2_000  # bytes of an answer that are read
WORDS = 120  # characters of it that are kept
HEADERS = {"User-Agent": "AdToken", "Content-Type": "application/json", "Accept-Encoding": "identity"}
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # public addresses that lead to any of IPv4


@dataclass(frozen=True)
class Reply:
    """What a receiver said. `status` 0: nothing; `error`: why, as a block of words/webhooks.txt."""

    status: int
    text: str = ""
    error: str = ""
    ms: int = 0
    retry_after: timedelta = timedelta(0)

    @property
    def is_taken(self) -> bool:
        """Whether it took what was sent."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def said(self) -> str:
        """Status and text, or the code of why there is none. `models.worded` says it to people."""
        return self.error or f"{self.status} {self.text}".strip()


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


class Guard(Network):
    """Connects to what it has looked at."""

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *rest: Any, **more: Any
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of a host. Raises as `addresses_of` does."""
        return super().connect_tcp(addresses_of(host, port)[0], port, timeout, *rest, **more)


def post(url: str, *, content: bytes, headers: Mapping[str, str]) -> Reply:
    """Send it, and return what came of it. Never raises for what the other side does. Raises OnHold."""
    hold.refuse()
    began = time.monotonic()
    reply = _post(url, content, {**HEADERS, **headers})
    return replace(reply, ms=round((time.monotonic() - began) * 1000))


def _post(url: str, content: bytes, headers: Mapping[str, str]) -> Reply:
    try:
        with (
            within(SECONDS),
            httpx2.Client(transport=transport_over(Guard()), trust_env=False, timeout=SECONDS) as client,
            client.stream("POST", url, content=content, headers=headers) as answer,
        ):
            text = b""
            for part in answer.iter_raw():
                text += part
                if len(text) >= ANSWER:
                    break
            return Reply(answer.status_code, _words(text), retry_after=_seconds(answer.headers))
    except Private:
        return Reply(0, error="private")
    except (httpx2.TimeoutException, TimeoutError):
        return Reply(0, error="timeout")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
        return Reply(0, error="no_connection")


def _words(text: bytes) -> str:
    return " ".join(text.decode(errors="replace").replace("\0", "").split())[:WORDS]


def _seconds(headers: Mapping[str, str]) -> timedelta:
    """Return a `Retry-After` in seconds, at most a day; a date counts as none."""
    value = headers.get("retry-after", "")
    seconds = int(value[:9]) if value.isascii() and value.isdigit() else 0
    return timedelta(seconds=min(seconds, 86_400))
