"""Headers of requests and answers: what is of one connection or speaks of the channel's host stays, the rest goes through."""

import re
from collections.abc import Iterable, Mapping

from broker.gate.placed import OF_ONE_CONNECTION

# A channel's page is not AdToken's own, and runs nothing in a browser that is logged in here.
HARMLESS = [(b"content-security-policy", b"sandbox"), (b"x-content-type-options", b"nosniff")]
# Cookies would mix people up; the others speak of the channel's own host and of the connection to it. Our server writes the last two.
NOT_GIVEN = frozenset(
    {
        "set-cookie", "set-cookie2", "strict-transport-security", "public-key-pins", "alt-svc", "nel", "report-to", "expect-ct",
        "clear-site-data", "x-request-id", "adtoken-attempts", "adtoken-person-changed", "date", "server",
        *(name.decode() for name, _ in HARMLESS),
    }
)  # fmt: skip
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?")


def received(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return a request's headers by their names in lower case; of one that came twice, both (RFC 9110, section 5.3).

    One with "_" is left out: servers take it for one with "-". So is what `Connection` names: nothing is decided by what is not sent on.
    """
    found: dict[str, str] = {}
    for raw, value in pairs:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        if "_" not in name:
            found[name] = f"{found[name]}, {text}" if name in found else text
    out = named(found.get("connection", ""))
    return {name: text for name, text in found.items() if name not in out}


def for_job(pairs: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return what of an answer's headers reaches the job, each as often as it came."""
    lower = [(name.lower(), value) for name, value in pairs]
    connection = b",".join(value for name, value in lower if name == b"connection").decode("latin-1")
    out = OF_ONE_CONNECTION | NOT_GIVEN | named(connection)
    return [(name, value) for name, value in lower if name.decode("latin-1") not in out]


def named(connection: str) -> frozenset[str]:
    """Return the headers that `Connection` names."""
    return frozenset(name.strip().lower() for name in connection.split(","))


def asked_host(headers: Mapping[str, str]) -> str:
    """Return the host that the job asked, with its port; "" where it names none that can be one."""
    host = headers.get("host", "")
    return host if _HOST.fullmatch(host) else ""
