"""`GET /gate/auth`: the decision, for engines that ask by HTTP before they pass a request on themselves (nginx `auth_request`).

An ASGI application. It answers 204 with what to send in `X-AdToken-...` headers, else 401 or 403 with the refusal in `X-AdToken-Answer`:
nginx takes nothing else. The token is in the answer, so it answers engines alone: whoever sends GATE_ENGINE_SECRET. Without that setting
there is no such address. The body of a request is not seen here: what cannot be decided by the path is refused.
"""

import json
from collections.abc import Mapping
from hmac import compare_digest
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from broker.gate import placed
from broker.gate.decisions import Asked, Refusal, Sending, decide
from broker.gate.proxy import heads
from broker.gate.proxy.asgi import PREFIX, Scope
from broker.gate.proxy.bodies import Receive
from broker.gate.proxy.exchange import Send
from broker.gate.proxy.records import OnceAMinute, write_request
from broker.gate.proxy.refusals import Refused, refusal
from users.sessions.client_address import address_of

PATH = "/gate/auth"
OURS = "x-adtoken-"  # how headers begin that engine and AdToken send each other
_once = OnceAMinute()


async def application(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer an engine."""
    headers = heads.received(scope["headers"])
    status, answer = await _answer(headers) if _is_engine(headers) else (404, {})
    pairs = [(name.encode(), value.encode("latin-1", "replace")) for name, value in answer.items()]
    pairs += [(b"cache-control", b"no-store"), *([(b"content-length", b"0")] if status != 204 else [])]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": b""})


def _is_engine(headers: Mapping[str, str]) -> bool:
    secret, said = settings.GATE_ENGINE_SECRET, headers.get("x-adtoken-engine", "")
    return bool(secret) and compare_digest(said.encode(), secret.encode())


async def _answer(headers: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    """Return status and headers of the answer."""
    path, _, query = headers.get("x-adtoken-uri", "").partition("?")
    name, _, rest = path.removeprefix(PREFIX).partition("/")
    channel, _, host = name.partition("-")
    asked = Asked(
        channel=channel,
        host=host,
        method=headers.get("x-adtoken-method", ""),
        path=f"/{rest}",
        query=query,
        headers={one: value for one, value in headers.items() if not one.startswith(OURS)},
        body=b"" if headers.get("x-adtoken-length", "") in ("", "0") else None,
        address=address_of(peer := headers.get("x-adtoken-address", ""), peer),
    )
    now = timezone.now()
    decided = await decide(asked, now=now)
    if isinstance(decided, Refusal):
        return _refused(decided)
    if decided.form:  # it would have to be read
        return _refused(refusal(channel, Refused(403, "gate_form")))
    try:
        await write_request(_once, asked, decided, now)
    except Refused as refused:
        return _refused(refusal(channel, refused))
    return 204, _sent(decided)


def _sent(sending: Sending) -> dict[str, str]:
    parts = urlsplit(sending.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    tokens = {f"{OURS}{name}": sending.headers[name] for name in placed.HEADERS if name in sending.headers}
    return {f"{OURS}target": target, **tokens}


def _refused(refused: Refusal) -> tuple[int, dict[str, str]]:
    """What is answered here in the channel's place cannot pass an engine either: it is refused with the answer beside it."""
    answer = json.dumps(json.loads(refused.body))  # ASCII, in one line
    return (401 if refused.status == 401 else 403), {f"{OURS}answer": answer}
