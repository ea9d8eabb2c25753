"""Where a vendor's client puts its token, and so our credential: found there and taken out, with every other token and what is of one hop.

`Authorization: Bearer`, `Access-Token`, `access_token` in query or form, `oauth_token` in a header of OAuth 1.0a, whose other values are
made with secrets that nobody has, and thrown away.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from accounts.api_keys.services import PREFIX as API_KEY
from broker.gate.credentials import PREFIX, NoCredential
from tokens.channels.parameters import Refused

HEADERS = frozenset({"authorization", "access-token"})
PARAMETERS = frozenset({"access_token"})
PROOFS = frozenset({"appsecret_proof", "appsecret_time"})  # made with the token that the client thinks it has
# RFC 9110, section 7.6.1.
OF_ONE_CONNECTION = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding",
        "upgrade",
    }
)  # fmt: skip
# Of one connection, of whoever stood before us, or made anew for the channel.
DROPPED = HEADERS | OF_ONE_CONNECTION | {
    "expect", "host", "content-length", "cookie", "cookie2", "forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip",
}  # fmt: skip
_OF_OTHERS = ("x-forwarded-", "adtoken-", "proxy-", "sec-")
_OAUTH_TOKEN = re.compile(r"[\s,]oauth_token=\"([^\"]*)\"")


@dataclass(frozen=True, repr=False)
class Found:
    """The credential as it was written, "" for none, and query and body without it. Never printed."""

    text: str
    query: str
    body: bytes | None


def find(query: str, headers: Mapping[str, str], body: bytes | None) -> Found:
    """Take the credential out. Raises NoCredential where there is none, Refused for another token in its place, or two of them."""
    query, tokens = _split(query)
    if body and is_form(headers):
        form, more = _split(body.decode("latin-1"))
        body, tokens = form.encode("latin-1"), tokens + more
    tokens += [_in_header(name, headers[name]) for name in sorted(HEADERS) if name in headers]
    said = set(tokens)
    if any(one.startswith(API_KEY) for one in said):
        raise NoCredential("gate_api_key")
    if not all(one.startswith(PREFIX) for one in said):
        raise Refused(
            "Only AdToken's credentials (adtp_...) are sent here, and no other token beside them: take it out.",
            401,
        )
    if len(said) > 1:
        raise Refused("Two different credentials are in this request: send one.", 401)
    return Found(next(iter(said), ""), query, body)


def is_form(headers: Mapping[str, str]) -> bool:
    """Return whether the body is one in which the credential may stand."""
    return headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded")


def passed(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that go on to the channel."""
    return {
        name: value
        for name, value in headers.items()
        if name not in DROPPED and not name.startswith(_OF_OTHERS)
    }


def _split(text: str) -> tuple[str, list[str]]:
    """Return a query or form without what is a token's, the rest byte by byte as it was, and the tokens."""
    kept, tokens = [], []
    for part in text.split("&"):
        name, _, value = part.partition("=")
        spoken = unquote_plus(name).strip().lower()
        if spoken in PARAMETERS:
            tokens.append(unquote_plus(value))
        elif spoken not in PROOFS:
            kept.append(part)
    return "&".join(kept), tokens


def _in_header(name: str, value: str) -> str:
    """Return the token of a header; the whole of it where there is none in it."""
    kind, _, rest = value.strip().partition(" ")
    if name != "authorization":
        return value.strip()
    if kind.lower() == "oauth" and len(found := _OAUTH_TOKEN.findall(f" {rest}")) == 1:
        return unquote(found[0])
    return rest.strip() if kind.lower() == "bearer" else value
