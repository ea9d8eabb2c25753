"""Lease, call, classify, shift and retry in one, for Python callers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import Account
from broker.callers import Caller
from broker.errors import BrokerRefused, Busy, LeaseOver
from broker.lease_rows import Purpose
from broker.leases import Lease, lease
from broker.reports import report
from broker.signing import sign
from broker.texts import text
from tokens.channels import http, registry
from tokens.channels.addresses import path_below
from tokens.channels.kinds import Answer, Verdict

TRIES = 3


@dataclass(frozen=True)
class Reply:
    """The channel's answer, and through whose log-in it was given."""

    status: int
    body: Any
    native_user: str | None
    tries: int


@dataclass(frozen=True)
class _Request:
    """What is to be sent with whatever token works."""

    method: str
    url: str
    params: Mapping[str, str]
    data: Mapping[str, str]
    json: Any


def call(
    *,
    account: Account,
    method: str,
    url: str,
    now: datetime,
    params: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
    json: Any = None,
    caller: Caller | None = None,
    purpose: Purpose = "publish",
) -> Reply:
    """Send one request of an account to its channel with a token that works, and go on with the next one when it died.

    `params` go into the address, `data` into a form body, `json` into a JSON body. Raises NotAvailable (only a person can help), Busy (try
    later), or BrokerRefused: the token goes to the channel's own API alone. An answer that has nothing to do with tokens, such as a bad
    parameter, is returned as it is.
    """
    caller = caller or Caller()
    _refuse_elsewhere(url, registry.get(account.channel).api_urls())
    request = _Request(method, url, params or {}, data or {}, json)

    def fresh() -> Lease:
        return lease(
            caller=caller, channel=account.channel, native_id=account.native_id, now=now, purpose=purpose
        )

    current = fresh()
    for attempt in range(1, TRIES + 1):
        try:
            answer = _send(caller, current, request, now)
        except LeaseOver:  # the token changed between leasing and signing
            current = fresh()
            answer = _send(caller, current, request, now)
        reply = Reply(answer.status, answer.body, current.native_user, attempt)
        if _is_fine(account.channel, answer):
            break
        result = report(
            caller=caller,
            lease_id=current.lease_id,
            status=answer.status,
            body=answer.body,
            method=request.method.upper(),
            now=now,
        )
        if result.held is not None:
            raise result.held
        if result.action == "retry_later":
            raise Busy(
                result.retry_after or 30,
                text("channel_answered", status=answer.status, verdict=str(result.verdict)),
            )
        if result.lease is None:
            break  # the token is fine, so the answer is about the request itself
        current = result.lease
    return reply


def _refuse_elsewhere(url: str, bases: tuple[str, ...]) -> None:
    if path_below(url, bases, encoded=True) is None:
        raise BrokerRefused(text("own_addresses_only", addresses=" and ".join(bases)))


def _is_fine(channel: str, answer: Answer) -> bool:
    """Return whether the channel did what was asked. Its own table knows: HTTP 200 may carry an error (TikTok, Facebook).

    A success in a shape that no table knows, such as a file, is the job's own business.
    """
    classification = registry.get(channel).classify(answer)
    if classification.unknown and not isinstance(answer.body, dict):
        return 200 <= answer.status < 300
    return classification.verdict == Verdict.OK


def _send(caller: Caller, current: Lease, request: _Request, now: datetime) -> Answer:
    if current.base_url is not None:
        _refuse_elsewhere(request.url, (current.base_url,))
    headers = dict(current.send.headers)
    query = {**request.params, **current.send.query}
    if current.signs:
        headers["Authorization"] = sign(
            caller=caller,
            lease_id=current.lease_id,
            method=request.method,
            url=request.url,
            params={**query, **request.data},
            now=now,
        )
    return http.request(
        "api",
        request.method,
        request.url,
        params=query or None,
        data=request.data or None,
        json=request.json,
        headers=headers,
    )
