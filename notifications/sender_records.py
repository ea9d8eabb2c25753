"""SPF, DKIM and DMARC of a domain that mails are sent from: which records there should be, and, when somebody asks, which there are.

A mail without them is taken for spam by the large providers. Looking one up takes `PATIENCE` seconds at most; a machine without DNS is
told as one that could not look. A domain without DMARC has that of a domain above it (RFC 7489 6.6.3, which names the organisational one).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import dns.exception
import dns.resolver

PATIENCE = 2.0  # seconds for one record
ABOVE = 3  # domains above the sender's that are asked for DMARC
NOT_LOOKED_UP, UNREACHABLE, MISSING, FOUND, TWICE = (
    "not_looked_up",
    "unreachable",
    "missing",
    "found",
    "twice",
)


@dataclass(frozen=True)
class Record:
    """One TXT record: its name, what it should begin with, an example, and what was found (a state of this module, and the texts)."""

    kind: str
    name: str
    begins: str
    example: str
    state: str = NOT_LOOKED_UP
    found: tuple[str, ...] = ()
    else_at: tuple[str, ...] = ()  # names that hold it, in this order, where its own has none


def wanted(
    *, sender_domain: str, envelope_domain: str, server: str, selector: str, reports_to: str
) -> list[Record]:
    """Return the records that mails of these domains need.

    `envelope_domain`: "" where it is the mail service's, which has its own SPF. `server`: the host that mails leave by; `selector`: of
    DKIM, "" if not known.
    """
    key = f"{selector or 'SELECTOR'}._domainkey.{sender_domain}"
    spf = Record(
        "SPF",
        envelope_domain,
        "v=spf1",
        f"v=spf1 a:{server} -all" if server else "v=spf1 include:... -all",
    )
    dmarc = Record(
        "DMARC",
        f"_dmarc.{sender_domain}",
        "v=DMARC1",
        f"v=DMARC1; p=none; rua=mailto:{reports_to}",
        else_at=tuple(f"_dmarc.{one}" for one in _above(sender_domain)),
    )
    return [
        *([spf] if envelope_domain else []),
        Record("DKIM", key, "v=DKIM1", "v=DKIM1; k=rsa; p=..."),
        dmarc,
    ]


def _above(domain: str) -> list[str]:
    """Return the domains above one, the nearest first, without top-level ones."""
    parts = domain.split(".")
    return [".".join(parts[at:]) for at in range(1, len(parts) - 1)][:ABOVE]


def look_up(records: Sequence[Record], *, resolver: dns.resolver.Resolver | None = None) -> list[Record]:
    """Return the records with what DNS has, under the name where that is. A few seconds at most; never raises."""
    try:
        ask = resolver or dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError):
        return [_seen(one, UNREACHABLE) for one in records]
    return [_look_up(one, ask) for one in records]


def _look_up(record: Record, resolver: dns.resolver.Resolver) -> Record:
    if "SELECTOR" in record.name:
        return record
    own = _ask(record, resolver)
    if own.state != MISSING:
        return own
    above = (_ask(replace(record, name=name), resolver) for name in record.else_at)
    return next((one for one in above if one.state != MISSING), own)


def _ask(record: Record, resolver: dns.resolver.Resolver) -> Record:
    try:
        answer = resolver.resolve(record.name, "TXT", lifetime=PATIENCE, search=False)
        texts = [b"".join(one.strings).decode("ascii", "replace")[:500] for one in answer]
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return _seen(record, MISSING)
    except (dns.exception.DNSException, OSError, UnicodeError):
        return _seen(record, UNREACHABLE)
    fitting = tuple(text for text in texts if _fits(record, text))
    return _seen(record, {0: MISSING, 1: FOUND}.get(len(fitting), TWICE), fitting)


def _fits(record: Record, text: str) -> bool:
    """Return whether a text is such a record. One of DKIM may leave its version out (RFC 6376 3.6.1)."""
    return text.lower().startswith(record.begins.lower()) or (record.kind == "DKIM" and "p=" in text)


def _seen(record: Record, state: str, found: tuple[str, ...] = ()) -> Record:
    return replace(record, state=state, found=found)
