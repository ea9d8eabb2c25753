"""The HTTP face of the broker: a router; adtoken_project.api makes the one API object with its keys and errors."""

import base64
import json
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Query, Router, Schema

from accounts import broker, names, pool_reasons, summary
from accounts.broker import Caller
from accounts.broker.leases import Lease
from accounts.calendar_days import end_of_window
from accounts.models import Account, ApiKey
from accounts.summary import Summary
from tokens import channels, reasons
from tokens.models import ChannelKey
from users.client_address import client_address

router = Router(tags=["broker"])

PAGE = 100


class Problem(Schema):
    """An error as RFC 9457 has it, with what a caller needs to decide."""

    type: str
    title: str
    status: int
    detail: str
    reason: str | None = None
    since: datetime | None = None
    who: list[str] | None = None
    steps: list[str] | None = None
    retry_after: int | None = None


class PoolEntry(Schema):
    """One token of an account's pool, without anything secret."""

    token_id: int
    person: str
    native_user: str
    state: Literal["valid", "cooling", "dead"]
    reason: str
    active: bool
    access: Literal["ok", "lost"]
    can_publish: Literal["yes", "no", "unknown"]
    deadline: datetime | None
    deadline_kind: Literal["date", "never", "unknown"]
    last_checked_at: datetime | None


class AccountOut(Schema):
    """An ad account as its pool stands."""

    channel: str
    native_id: str
    name: str
    team: str
    state: str = Field(description="connected, interrupted, deactivated or paused")
    reason: str
    since: datetime
    restriction: str
    deadline: datetime | None
    deadline_kind: str = Field(description="date, never, unknown or none")
    usable_count: int
    people: int


class AccountDetail(AccountOut):
    """An ad account with its pool, and what to do where it needs a person."""

    pool: list[PoolEntry]
    what: str = Field(description="What happened, where the account is not connected.")
    who: str = Field(description="Who must act.")
    causes: list[str] = Field(description="Likely causes, never proven ones.")
    steps: list[str]


class AccountPage(Schema):
    """One page of accounts. Follow `next` until it is null."""

    accounts: list[AccountOut]
    next: str | None


class LeaseIn(Schema):
    """What a job needs."""

    min_valid_for: int = Field(0, ge=0, le=31_536_000, description="Seconds that the token must still live.")
    purpose: Literal["publish", "read"] = "publish"


class SendOut(Schema):
    """Merge both blindly into the request."""

    headers: dict[str, str]
    query: dict[str, str]


class LeaseOut(Schema):
    """A token that works now."""

    lease_id: str
    expires_at: datetime
    channel: str
    native_id: str
    native_user: str
    signs: bool = Field(description="True: `send` is empty and every request is signed by POST .../sign.")
    send: SendOut


class SignIn(Schema):
    """One request that is to be signed."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    url: str = Field(max_length=4000, description="Absolute address at the channel's API host.")
    params: dict[str, str] = Field({}, description="Query and form parameters that are not in the address.")


class SignOut(Schema):
    """The header to send."""

    authorization: str


class ReportIn(Schema):
    """What the channel answered to the job."""

    status: int = Field(ge=0, le=599, description="HTTP status; 0: no answer came.")
    body: Any = Field(None, description="Parsed JSON, else the text.")
    method: Literal["", "GET", "POST", "PUT", "PATCH", "DELETE"] = Field(
        "",
        description="Of the request that was answered. A good answer to a write shows that the person may write.",
    )


class ReportOut(Schema):
    """What to do next."""

    verdict: str
    action: Literal["none", "retry_with", "retry_later", "hold"]
    reason: str
    lease: LeaseOut | None = None
    retry_after: int | None = None
    problem: Problem | None = None


PROBLEMS = {401: Problem, 403: Problem, 404: Problem, 422: Problem}


def caller_of(request: HttpRequest, scope: str) -> Caller:
    """Return the caller that the key names. Raises ScopeMissing where the key lacks the scope."""
    caller: Caller = request.auth  # type: ignore[attr-defined]  # ninja sets it
    if not caller.may(scope):
        raise ScopeMissing(scope)
    return replace(caller, address=client_address(request))


class ScopeMissing(Exception):  # noqa: N818  # an answer
    """The API key lacks a scope."""


class BadCursor(Exception):  # noqa: N818  # an answer
    """The cursor is not one that we gave."""


@router.get("/accounts", response={200: AccountPage, **PROBLEMS}, summary="List accounts")
def list_accounts(
    request: HttpRequest,
    channel: ChannelKey | None = None,
    state: Account.State | None = None,
    deadline_within_days: Annotated[int | None, Query(ge=0, le=3650)] = None,
    cursor: str | None = None,
) -> AccountPage:
    """Return the accounts of the key's teams, in the order of their ids, 100 a page."""
    caller = caller_of(request, ApiKey.Scope.READ)
    now = timezone.now()
    accounts = Account.objects.filter(caller.visible(), pk__gt=_position(cursor))
    if channel:
        accounts = accounts.filter(channel=channel)
    if state:
        accounts = accounts.filter(state=state)
    if deadline_within_days is not None:
        after = end_of_window(deadline_within_days, now=now, zone=timezone.get_default_timezone())
        accounts = accounts.filter(Q(deadline_kind="date", deadline__lt=after) | Q(deadline_kind="none"))
    page = list(summary.with_pools(accounts.order_by("pk"))[: PAGE + 1])
    shown = [_account(summary.of(account, now)) for account in page[:PAGE]]
    return AccountPage(accounts=shown, next=_cursor(page[PAGE - 1].pk) if len(page) > PAGE else None)


@router.get(
    "/accounts/{channel}/{native_id}", response={200: AccountDetail, **PROBLEMS}, summary="Read one account"
)
def read_account(request: HttpRequest, channel: str, native_id: str) -> AccountDetail:
    """Return one account with its pool."""
    caller = caller_of(request, ApiKey.Scope.READ)
    try:
        canonical = channels.get(channel).canonical_id(native_id)
    except (channels.UnknownChannel, ValueError) as error:
        raise broker.NotFound("There is no such account.") from error
    found = summary.with_pools(Account.objects.filter(caller.visible(), channel=channel, native_id=canonical))
    account = found.first()
    if account is None:
        raise broker.NotFound("There is no such account.")
    one = summary.of(account, timezone.now())
    reason = pool_reasons.account_reason(account, one.entries)
    told = reasons.explain(channel, reason, account=account.name)
    return AccountDetail(
        **_account(one).dict(),
        pool=[_entry(one, entry) for entry in one.entries],
        what=told.what,
        who=told.who,
        causes=list(told.causes),
        steps=list(told.steps),
    )


@router.post(
    "/accounts/{channel}/{native_id}/lease",
    response={200: LeaseOut, 409: Problem, 503: Problem, **PROBLEMS},
    summary="Lease a token that works now",
)
def lease(request: HttpRequest, channel: str, native_id: str, wanted: LeaseIn) -> LeaseOut:
    """Return a token that works now. 409: only a person can help. 503: we are checking, see Retry-After."""
    caller = caller_of(request, ApiKey.Scope.LEASE)
    given = broker.lease(
        caller=caller,
        channel=channel,
        native_id=native_id,
        now=timezone.now(),
        min_valid_for=wanted.min_valid_for,
        purpose=wanted.purpose,
    )
    return _lease(given)


@router.post(
    "/leases/{lease_id}/sign",
    response={200: SignOut, 400: Problem, 410: Problem, **PROBLEMS},
    summary="Sign a request (OAuth 1.0a)",
)
def sign(request: HttpRequest, lease_id: str, wanted: SignIn) -> SignOut:
    """Return the Authorization header, only for the channel's API hosts and never for its OAuth paths."""
    caller = caller_of(request, ApiKey.Scope.LEASE)
    header = broker.sign(
        caller=caller,
        lease_id=lease_id,
        method=wanted.method,
        url=wanted.url,
        params=wanted.params,
        now=timezone.now(),
    )
    return SignOut(authorization=header)


@router.post(
    "/leases/{lease_id}/report",
    response={200: ReportOut, 410: Problem, **PROBLEMS},
    summary="Report what the channel answered",
)
def report(request: HttpRequest, lease_id: str, told: ReportIn) -> ReportOut:
    """Confirm the answer by asking the channel ourselves, and say what to do next."""
    caller = caller_of(request, ApiKey.Scope.LEASE)
    found = broker.report(
        caller=caller,
        lease_id=lease_id,
        status=told.status,
        body=told.body,
        method=told.method,
        now=timezone.now(),
    )
    return ReportOut(
        verdict=found.verdict,
        action=found.action,
        reason=found.reason,
        lease=_lease(found.lease) if found.lease else None,
        retry_after=found.retry_after,
        problem=held_problem(found.held) if found.held else None,
    )


def held_problem(held: broker.Held) -> Problem:
    """Return the problem that says why only a person can help."""
    return Problem(
        type="about:blank",
        title="Only a person can help",
        status=409,
        detail=held.detail,
        reason=held.reason,
        since=held.since,
        who=list(held.who),
        steps=list(held.steps),
    )


def _account(one: Summary) -> AccountOut:
    account = one.account
    return AccountOut(
        channel=account.channel,
        native_id=account.native_id,
        name=account.name,
        team=account.team.name,
        state=account.state,
        reason=pool_reasons.account_reason(account, one.entries),
        since=account.since,
        restriction=account.restriction,
        deadline=account.deadline,
        deadline_kind=account.deadline_kind,
        usable_count=account.usable_count,
        people=one.people,
    )


def _entry(one: Summary, entry: Any) -> PoolEntry:
    token = entry.token
    return PoolEntry(
        token_id=token.pk,
        person=names.person_name(token),
        native_user=token.native_user_name,
        state=token.state,
        reason=pool_reasons.entry_reason(entry),
        active=one.account.active_token_id == token.pk,
        access=entry.access,
        can_publish=entry.can_publish,
        deadline=token.deadline,
        deadline_kind=token.deadline_kind,
        last_checked_at=token.last_checked_at,
    )


def _lease(given: Lease) -> LeaseOut:
    return LeaseOut(
        lease_id=given.lease_id,
        expires_at=given.expires_at,
        channel=given.channel,
        native_id=given.native_id,
        native_user=given.native_user,
        signs=given.signs,
        send=SendOut(headers=dict(given.send.headers), query=dict(given.send.query)),
    )


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def _position(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError) as error:
        raise BadCursor from error
    if type(position) is not int or not 0 <= position < 2**63:
        raise BadCursor
    return position
