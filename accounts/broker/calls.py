"""Lease, call, classify, shift and retry in one, for Python callers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.broker.callers import Caller
from accounts.broker.errors import Busy, LeaseOver
from accounts.broker.leases import Lease, Purpose, lease
from accounts.broker.reports import report
from accounts.broker.signing import sign
from accounts.models import Account
from tokens.channels import http
from tokens.channels.base import Answer

TRIES = 3


@dataclass(frozen=True)
class Reply:
    """The channel's answer, and through whose log-in it was given."""

    status: int
    body: Any
    native_user: str
    tries: int


def call(
    *,
    account: Account,
    method: str,
    url: str,
    now: datetime,
    params: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
    caller: Caller | None = None,
    purpose: Purpose = "publish",
) -> Reply:
    """Send one request of an account to its channel with a token that works, and go on with the next one when it died.

    `params` go into the address, `data` into a form body. Raises Held (only a person can help) or Busy (try later). An answer that has
    nothing to do with tokens, such as a bad parameter, is returned as it is.
    """
    caller = caller or Caller()
    current = lease(
        caller=caller, channel=account.channel, native_id=account.native_id, now=now, purpose=purpose
    )
    for attempt in range(1, TRIES + 1):
        try:
            answer = _send(caller, current, method, url, params or {}, data or {}, now)
        except LeaseOver:  # the token changed between leasing and signing
            current = lease(
                caller=caller, channel=account.channel, native_id=account.native_id, now=now, purpose=purpose
            )
            answer = _send(caller, current, method, url, params or {}, data or {}, now)
        if 200 <= answer.status < 300 and not _holds_error(answer.body):
            return Reply(answer.status, answer.body, current.native_user, attempt)
        result = report(
            caller=caller, lease_id=current.lease_id, status=answer.status, body=answer.body, now=now
        )
        if result.held is not None:
            raise result.held
        if result.action == "retry_later":
            raise Busy(result.retry_after or 30, f"The channel answered {answer.status}: {result.verdict}.")
        if result.lease is None or result.lease.token_id == current.token_id:
            break  # the token is fine, so the answer is about the request itself
        current = result.lease
    return Reply(answer.status, answer.body, current.native_user, attempt)


def _send(
    caller: Caller,
    current: Lease,
    method: str,
    url: str,
    params: Mapping[str, str],
    data: Mapping[str, str],
    now: datetime,
) -> Answer:
    headers = dict(current.send.headers)
    query = {**params, **current.send.query}
    if current.signs:
        signed = {**query, **data}
        headers["Authorization"] = sign(
            caller=caller, lease_id=current.lease_id, method=method, url=url, params=signed, now=now
        )
    return http.request("api", method, url, params=query or None, data=data or None, headers=headers)


def _holds_error(body: Any) -> bool:
    return isinstance(body, dict) and bool(body.get("error") or body.get("errors"))
