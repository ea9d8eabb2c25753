"""The only outbound HTTP of the app. Everything that goes wrong on the way is an `Answer` too, and no address or body is logged."""

import atexit
import json as jsonlib
import os
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2
from django.conf import settings
from django.db import transaction

from infra import spans
from tokens.channels import gate, transport
from tokens.channels.kinds import Answer, Call
from tokens.channels.transport import Network, transport_over
from users.installation import hold

# How the body of an answer of status 0 begins: nothing was sent, so nothing can have happened there.
NOT_SENT = gate.NO_CONNECTION
MAX_BODY = 2 * 1024 * 1024  # bytes
HEADERS = {"User-Agent": "AdToken", "Accept": "application/json", "Accept-Encoding": "identity"}
# NUL and half a surrogate pair: JSON may carry them, PostgreSQL stores neither.
_UNSTORABLE = re.compile(
    r"\\u0000|\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)

# By process id, as connections must not be shared over a fork, and by channel, so that one which holds all of its own that there may be
# leaves the others theirs.
_clients: dict[tuple[int, str], httpx2.Client] = {}


class _NoAnswer(Exception):  # noqa: N818  # it is an outcome, not an error
    """An answer began and cannot be used. Its text is short and holds nothing of the answer."""


class Limit:
    """A time limit over several calls to a channel; None: each call has its own."""

    def __init__(self, timeout: float | None) -> None:
        self._end = None if timeout is None else time.monotonic() + timeout

    def left(self) -> float | None:
        """Return the seconds that are left for the next call, at least half of one."""
        return None if self._end is None else max(0.5, self._end - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether no further call may begin."""
        return self._end is not None and time.monotonic() >= self._end


def request(
    call: Call,
    method: str,
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Answer:
    """Send one request; `params` join the address's own query.

    Trouble of the network and bodies that are too large give status 0 and a short text. What is no UTF-8 in a body is replaced: the
    status counts.
    `timeout` (seconds, CHANNEL_TIMEOUT if left out) bounds the whole request. Where the gate says that the channel is not to be asked now,
    the answer has status 0 too, at once. Raises RuntimeError inside a transaction, and OnHold where this installation may call nobody.
    """
    _refuse_inside_a_transaction()
    hold.refuse_call(call)
    seconds = settings.CHANNEL_TIMEOUT if timeout is None else timeout
    send = partial(
        _request, call, method, url, params=params, data=data, json=json, headers=headers, seconds=seconds
    )
    return _traced(call, partial(gate.through, call, send, seconds=seconds))


def _traced(call: Call, send: Callable[[], Answer]) -> Answer:
    """Make the call, as a span that says which one it was of which channel, and how it ended."""
    facts = {"adtoken.channel": gate.current_channel(), "adtoken.call": call}
    with spans.span(f"channel {call}", kind="client", facts=facts) as note:
        answer = send()
        if answer.status == 0:
            note({"error.type": str(answer.body)})  # our own words
        else:
            failed = answer.status >= HTTPStatus.BAD_REQUEST
            note(
                {
                    "http.response.status_code": answer.status,
                    **({"error.type": str(answer.status)} if failed else {}),
                }
            )
    return answer


def _request(
    call: Call,
    method: str,
    url: str,
    *,
    params: Mapping[str, str] | None,
    data: Mapping[str, str] | None,
    json: Any,
    headers: Mapping[str, str] | None,
    seconds: float,
) -> Answer:
    try:
        # Given as an argument, the parameters would replace the address's own query.
        address = httpx2.URL(url).copy_merge_params(params or {})
        with (
            transport.within(seconds),
            _client().stream(
                method, address, data=data, json=json, headers=headers, timeout=_patience(seconds)
            ) as response,
        ):
            text = _read(response)
            found = {name.lower(): value for name, value in response.headers.items()}
            return Answer(call, response.status_code, found, parse(text))
    except _NoAnswer as error:
        return Answer(call, 0, body=str(error))
    except httpx2.ConnectError:
        return Answer(call, 0, body=NOT_SENT)
    except (httpx2.ConnectTimeout, httpx2.PoolTimeout):
        return Answer(call, 0, body=f"{NOT_SENT} in time")
    except httpx2.TimeoutException:
        return Answer(call, 0, body="no answer in time")
    except httpx2.HTTPError as error:
        return Answer(call, 0, body=f"no answer: {type(error).__name__}")
    except (httpx2.InvalidURL, httpx2.StreamError, ValueError) as error:
        return Answer(call, 0, body=f"{gate.UNSENT}: {type(error).__name__}")


def _patience(seconds: float) -> httpx2.Timeout:
    """Return how long is waited for what: for an answer as long as was asked for, for a connection never longer than for any call."""
    return httpx2.Timeout(seconds, connect=min(seconds, settings.CHANNEL_TIMEOUT))


def parse(text: str) -> Any:
    """Return the JSON value of a body, else the text itself."""
    if text.lstrip()[:1] not in {"{", "["}:
        return text.replace("\0", "�")
    try:
        return _READER.decode(_UNSTORABLE.sub(r"\\ufffd", text) if "\\u" in text else text)
    except (ValueError, RecursionError):
        return text.replace("\0", "�")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_READER = jsonlib.JSONDecoder(parse_constant=_refuse_constant)


def _read(response: httpx2.Response) -> str:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_BODY:
            raise _NoAnswer("the answer is too large")
    return body.decode("utf-8-sig", errors="replace")


def _client() -> httpx2.Client:
    """Return this process's client for the channel that is being called.

    No redirects, no proxies of the environment, and no cookies, which would mix people up.
    """
    key = os.getpid(), gate.current_channel()
    if key not in _clients:
        no_cookies = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        client = httpx2.Client(
            headers=HEADERS,
            cookies=no_cookies,
            follow_redirects=False,
            trust_env=False,
            transport=transport_over(Network()),
        )
        return _clients.setdefault(key, client)
    return _clients[key]


@atexit.register
def close() -> None:
    """Close this process's connections. The next request opens new ones."""
    pid = os.getpid()
    for key in [key for key in _clients if key[0] == pid]:
        _clients.pop(key).close()


def _refuse_inside_a_transaction() -> None:
    """Hold the rule that no call to a channel runs inside a transaction. The blocks that Django's TestCase opens do not count."""
    blocks = transaction.get_connection().atomic_blocks
    if any(not getattr(block, "_from_testcase", False) for block in blocks):
        raise RuntimeError(
            "A channel was called inside a transaction. Call first, then open the transaction and write."
        )
