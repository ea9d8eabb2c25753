"""`adtoken doctor`: whether this machine can work with AdToken, and what to do where it cannot."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2

from adtoken_client.client import AdToken
from adtoken_client.problems import AdTokenError

Finding = tuple[bool, str]
SKEW = 60  # seconds; webhooks are refused from 5 minutes on
ADVICE = {
    "no_key": "Check ADTOKEN_KEY, and the key's last day under API keys in the portal.",
    "https_only": "Make a new key, and use https.",
    "on_hold": "An operator ends that: manage.py release.",
    "rate_limited": "Come again in a minute.",
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
        adtoken = AdToken(wait=0)
    except ValueError as error:
        yield False, str(error)
        return
    url = os.environ["ADTOKEN_URL"]
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        yield (
            False,
            f"{url} is not https: a key would travel in clear. Correct ADTOKEN_URL; make a new key if this one was used.",
        )
        return
    try:
        answer = httpx2.get(f"{url.rstrip('/').removesuffix('/api/v1')}/api/v1/openapi.json", timeout=15)
    except (httpx2.RequestError, httpx2.InvalidURL) as error:
        yield (
            False,
            f"{url} cannot be reached ({error}). Check ADTOKEN_URL, the network, HTTPS_PROXY and SSL_CERT_FILE.",
        )
        return
    if "x-request-id" not in answer.headers:
        yield False, f"{url} answered {answer.status_code}, and is no AdToken. Check ADTOKEN_URL."
        return
    yield True, f"{url} answers."
    yield _clock(answer.headers.get("date"))
    with adtoken:
        yield from _key(adtoken)


def _clock(date: str | None) -> Finding:
    if date is None:
        return True, "The clock was not compared: the answer has no date."
    off = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    if abs(off) > SKEW:
        where = "ahead of" if off > 0 else "behind"
        return (
            False,
            f"This machine's clock is {abs(off):.0f} seconds {where} AdToken's. Set it: webhooks are verified by it.",
        )
    return True, f"The clocks agree within {max(abs(off), 1):.0f} s."


def _key(adtoken: AdToken) -> Iterator[Finding]:
    try:
        key = adtoken.call("GET", "/key")
    except AdTokenError as problem:
        yield False, f"{problem} {ADVICE.get(problem.code, 'See docs/api.md, Errors.')}"
        return
    where = f"teams {', '.join(key['teams']) or 'none'}, channels {', '.join(key['channels']) or 'all'}"
    yield (
        True,
        f"The key {key['name']} has {', '.join(key['scopes'])}; {where}; until {key['expires_at'] or 'revoked'}.",
    )
    if not {"tokens:lease", "gate:use"} & {*key["scopes"]}:
        yield (
            False,
            "It has neither tokens:lease nor gate:use: publishing needs one of them. Make a key that has it.",
        )
