"""The log of calls that the stand-in channels got. It never holds a credential."""

import json
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from sandbox.world import MARKER

KEPT = 10_000
"""Calls kept; the oldest go first."""

_SECRET_NAMES = re.compile(
    r"^(access_token|input_token|fb_exchange_token|client_secret|appsecret_proof|code|revoke_token"
    r"|refresh_token|auth_code|secret|token"
    r"|oauth_(token|token_secret|verifier|signature|consumer_key|nonce)|signed_request)$"
)
_OAUTH_TOKEN = re.compile(r'oauth_token="([^"]*)"')


@dataclass
class Call:
    """One call. `native_user` is the key of the person whose credential came with it, if any."""

    id: int
    at: float
    channel: str
    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    authorization: str
    native_user: str
    status: int | None = None
    milliseconds: float = 0.0
    fault: int | None = None


@dataclass
class CallLog:
    """The calls, oldest first. `status` is empty while a call runs and when its connection was dropped."""

    calls: list[Call] = field(default_factory=list)
    next_id: int = 1

    def add(self, call: Call) -> None:
        """Keep a call and give it its number."""
        call.id, self.next_id = self.next_id, self.next_id + 1
        self.calls.append(call)
        if len(self.calls) > KEPT:
            del self.calls[: len(self.calls) - KEPT]

    def find(self, **wanted: str) -> list[Call]:
        """Calls that fit: channel, method and status are compared, path is a regular expression."""
        found = self.calls
        if channel := wanted.get("channel"):
            found = [c for c in found if c.channel == channel]
        if method := wanted.get("method"):
            found = [c for c in found if c.method == method.upper()]
        if status := wanted.get("status"):
            found = [c for c in found if str(c.status) == status]
        if path := wanted.get("path"):
            found = [c for c in found if re.search(path, c.path)]
        return found


def items(text: str) -> list[tuple[str, str]]:
    """The pairs of a query or of a form body."""
    return parse_qsl(text, keep_blank_values=True)


def redact(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Pairs without credentials: `[token]` in place of one of our tokens, `[redacted]` for other secrets."""
    shown: dict[str, str] = {}
    for name, value in pairs:
        if MARKER in value:
            shown[name] = "[token]"
        elif _SECRET_NAMES.match(name):
            shown[name] = "[redacted]"
        else:
            shown[name] = value
    return shown


def json_items(body: bytes) -> list[tuple[str, str]]:
    """The texts of a JSON object, as TikTok takes them."""
    try:
        data = json.loads(body)
    except ValueError:
        return []
    return (
        [(name, value) for name, value in data.items() if isinstance(value, str)]
        if isinstance(data, dict)
        else []
    )


def scheme_of(authorization: str) -> str:
    """How a call was authorised: Bearer, OAuth or nothing."""
    return authorization.partition(" ")[0]


def credentials(pairs: list[tuple[str, str]], authorization: str) -> list[str]:
    """The credentials in a call, likeliest first: header, access token, the token asked about, code."""
    found = []
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "oauth" and (match := _OAUTH_TOKEN.search(rest)):
        found.append(unquote(match[1]))
    elif scheme.lower() in ("bearer", "oauth"):
        found.append(rest.strip())
    by_name = dict(pairs)
    names = (
        "access_token", "oauth_token", "input_token", "fb_exchange_token", "refresh_token", "token", "code", "auth_code",
    )  # fmt: skip
    return found + [by_name[name] for name in names if name in by_name]
