"""`adtoken doctor`: whether this machine can work with AdToken, and what to do where it cannot."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2

from adtoken_client.flows import Options, Request, read_answer
from adtoken_client.problems import AdTokenError

Finding = tuple[bool, str]
SKEW = 60  # seconds; webhooks are refused from 5 minutes on
# A call that does nothing, for each scope that has one.
SCOPES = {
    "accounts:read": Request("GET", "/accounts", query={"limit": 1}),
    "tokens:lease": Request("POST", "/leases", {"accounts": [{"channel": "none", "native_id": "0"}]}),
    "asks:write": Request("GET", "/asks"),
    "macros:write": Request("GET", "/macros"),
    "records:read": Request("GET", "/hand-outs"),
}


def main() -> int:
    """Print what was found. Status 1: something is to be done."""
    sound = True
    for good, said in findings():
        sound = sound and good
        sys.stdout.write(f"{'ok ' if good else 'DO '} {said}\n")
    return 0 if sound else 1


def findings() -> Iterator[Finding]:
    """Go through address, certificate, clock, key and scopes; end where nothing further can be said."""
    try:
        options = Options.read("", "", 0, 0)
    except ValueError as error:
        yield False, str(error)
        return
    with httpx2.Client(timeout=15) as http:
        host = urlsplit(options.url)
        if host.scheme != "https" and host.hostname not in ("127.0.0.1", "localhost", "::1"):
            yield (
                False,
                f"{options.url} is not https: the key would travel in clear. Correct ADTOKEN_URL; make a new key if it was used.",
            )
            return
        try:
            first = http.request(**options.http(SCOPES["accounts:read"]))
        except httpx2.RequestError as error:
            yield (
                False,
                f"{options.url} cannot be reached ({error}). Check ADTOKEN_URL, the network, HTTPS_PROXY and SSL_CERT_FILE.",
            )
            return
        if "x-request-id" not in first.headers:
            yield (
                False,
                f"{options.url} answered {first.status_code}, and is no AdToken. Check ADTOKEN_URL; it has no path.",
            )
            return
        yield True, f"{options.url} answers."
        yield _clock(first.headers.get("date"))
        yield from _key(http, options, first)


def _clock(date: str | None) -> Finding:
    told = parsedate_to_datetime(date) if date else None
    if told is None:
        return True, "The clock was not compared: the answer has no date."
    off = (datetime.now(UTC) - told).total_seconds()
    if abs(off) > SKEW:
        where = "ahead of" if off > 0 else "behind"
        return (
            False,
            f"This machine's clock is {abs(off):.0f} seconds {where} AdToken's. Set it: webhooks and X's signatures go by it.",
        )
    return True, f"The clocks agree within {max(abs(off), 1):.0f} s."


def _key(http: httpx2.Client, options: Options, first: httpx2.Response) -> Iterator[Finding]:
    lacking, held = [], []
    for scope, request in SCOPES.items():
        try:
            read_answer(first if scope == "accounts:read" else http.request(**options.http(request)))
            held.append(scope)
        except AdTokenError as problem:
            if problem.code == "scope_missing":
                lacking.append(scope)
                continue
            yield False, f"{problem} {_ADVICE.get(problem.code, 'See docs/api.md, Errors.')}"
            return
    yield bool(held), f"The key has {', '.join(held) or 'none of the scopes of this client'}."
    if lacking:
        yield (
            "tokens:lease" in held,
            f"It lacks {', '.join(lacking)}. Calls that need these are refused; make a key that has them.",
        )


_ADVICE = {
    "no_key": "Check ADTOKEN_KEY, and the key's last day under API keys in the portal.",
    "https_only": "Make a new key, and use https.",
    "on_hold": "An operator ends that: manage.py release.",
    "rate_limited": "Come again in a minute.",
}
