"""The HTTP face of the broker: a router; adtoken_project.api.application makes the one API object with its keys and errors."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Annotated

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router

import broker
from accounts.models import Account, AccountToken, ApiKey
from accounts.pool import queries as pool_queries
from accounts.pool.queries import Summary
from broker import Caller
from broker.api import cursors, reach
from broker.api.errors import held_problem, problem_of
from broker.api.schemas import (
    STATE_HELP,
    AccountDetail,
    AccountName,
    AccountOut,
    AccountPage,
    AccountState,
    ChannelKey,
    ChannelName,
    KeyOut,
    LeaseIn,
    LeaseOrProblem,
    LeaseOut,
    LeasesIn,
    LeasesOut,
    PoolEntry,
    ReportIn,
    ReportOut,
    SendOut,
    SignIn,
    SignOut,
)
from broker.leases.services import Answer, Lease
from broker.leases.texts import text
from broker.reports.services import ReportAnswer
from tokens.token import reasons
from ui.dates import end_of_window
from ui.name_visibility import NameVisibility
from users.people.queries import names_for_teams
from users.sessions.client_address import client_address

router = Router(tags=["broker"])
# What jobs call all the time: answered in the event loop on its ordinary way, and without an Idempotency-Key.
OF_JOBS = {
    path: re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
    for path in (
        "/api/v1/accounts/{channel}/{native_id}/lease",
        "/api/v1/leases",
        "/api/v1/leases/{lease_id}/sign",
        "/api/v1/leases/{lease_id}/report",
    )
}

PAGE, LARGEST_PAGE = 100, 1000
_RESTRICTABLE = (Account.State.CONNECTED, Account.State.INTERRUPTED)


def caller_of(request: HttpRequest, scope: str | None, *, query: Collection[str] = ()) -> Caller:
    """Return the caller that the key names. `scope` None: of any key.

    Raises ScopeMissing where the key lacks the scope, and BadQuery for a parameter of the address that is not in `query`, is given twice or
    holds NUL.
    """
    caller: Caller = request.auth  # type: ignore[attr-defined]  # ninja sets it
    if scope and not caller.may(scope):
        raise ScopeMissing(scope)
    for name, values in request.GET.lists():
        if name not in query:
            known = text("known", known=", ".join(sorted(query))) if query else text("none_known")
            raise BadQuery(name, text("no_parameter", known=known))
        if len(values) > 1:
            raise BadQuery(name, text("given_twice"))
        if "\0" in values[0]:
            raise BadQuery(name, text("no_nul"))
    return replace(caller, address=client_address(request))


class ScopeMissing(Exception):  # noqa: N818  # an answer
    """The API key lacks a scope."""


class BadQuery(Exception):  # noqa: N818  # an answer
    """A parameter of the address that is not taken: its name, and why."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(name, detail)
        self.name, self.detail = name, detail


@router.get("/key", response=KeyOut, operation_id="get_key", summary="Read what the key may do")
def read_key(request: HttpRequest) -> KeyOut:
    """Return what the key that asks is called, and what it may. Needs no scope."""
    key = reach.key_of(caller_of(request, None))
    return KeyOut(
        name=key.name,
        scopes=key.scopes,
        teams=list(key.teams.order_by("name").values_list("name", flat=True)),
        channels=key.channels,
        expires_at=key.expires_at,
    )


FILTERS = ("channel", "state", "team", "deadline_within_days", "limit", "cursor")


@router.get("/accounts", response=AccountPage, operation_id="list_accounts", summary="List accounts")
def list_accounts(
    request: HttpRequest,
    channel: ChannelKey | None = None,
    state: Annotated[AccountState | None, Query(title="AccountState", description=STATE_HELP)] = None,
    team: Annotated[str | None, Query(description="The name of one of the key's teams.")] = None,
    deadline_within_days: Annotated[
        int | None,
        Query(ge=0, le=3650, description="Whose deadline is so near, and those that have stopped."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Accounts of a page.")] = PAGE,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> AccountPage:
    """Return the accounts of the key's teams, in the order of their ids.

    Send the `ETag` of an answer as `If-None-Match`, and a page on which nothing has changed is answered 304 without a body.
    """
    caller = caller_of(request, ApiKey.Scope.READ, query=FILTERS)
    now = timezone.now()
    accounts = Account.objects.filter(caller.visible(), pk__gt=position_of(cursor, otherwise=0))
    if channel:
        accounts = accounts.filter(channel=channel)
    if state:
        accounts = accounts.filter(_in_state(state))
    if team:
        accounts = accounts.filter(team__name=team)
    if deadline_within_days is not None:
        after = end_of_window(deadline_within_days, now=now, zone=timezone.get_default_timezone())
        accounts = accounts.filter(Q(deadline_kind="date", deadline__lt=after) | Q(deadline_kind="none"))
    page, following = cursors.page_of(accounts.order_by("pk").with_pools(), limit)
    shown = [account_out(pool_queries.summarise(account, now)) for account in page]
    return AccountPage(accounts=shown, next=following)


@router.get(
    "/accounts/{channel}/{native_id}",
    response=AccountDetail,
    operation_id="get_account",
    summary="Read one account",
)
def read_account(request: HttpRequest, channel: ChannelName, native_id: str) -> AccountDetail:
    """Return one account with its pool. 404 for an account that the key does not see."""
    caller = caller_of(request, ApiKey.Scope.READ)
    account = reach.find_account(caller, channel, native_id, Account.objects.with_pools())
    return _detail(pool_queries.summarise(account, timezone.now()), caller)


@router.post(
    "/accounts/{channel}/{native_id}/lease",
    response=LeaseOut,
    operation_id="lease_token",
    summary="Lease a token that works now",
)
def lease(request: HttpRequest, channel: ChannelName, native_id: str, wanted: LeaseIn) -> LeaseOut:
    """Return a token that works now. 409: only a person can help. 503: we are checking, see Retry-After.

    Every lease is on record: which key, which token, from where, when.
    """
    caller = caller_of(request, ApiKey.Scope.LEASE)
    given = broker.lease(
        caller=caller,
        channel=channel,
        native_id=native_id,
        now=timezone.now(),
        min_valid_for=wanted.min_valid_for,
        purpose=wanted.purpose,
    )
    return lease_out(given)


@router.post("/leases", response=LeasesOut, operation_id="lease_tokens", summary="Lease for many accounts")
def lease_many(request: HttpRequest, wanted: LeasesIn) -> LeasesOut:
    """Return for each account, in the order in which they were sent, a lease or the problem that `lease` would answer.

    Nothing waits for a channel: where a token must be renewed first, the account's problem says 503, and when to ask again.
    """
    caller = caller_of(request, ApiKey.Scope.LEASE)
    answers = broker.lease_many(
        caller=caller,
        accounts=[(one.channel, one.native_id) for one in wanted.accounts],
        now=timezone.now(),
        min_valid_for=wanted.min_valid_for,
        purpose=wanted.purpose,
    )
    return leases_out(request, wanted, answers)


def leases_out(request: HttpRequest, wanted: LeasesIn, answers: Sequence[Answer]) -> LeasesOut:
    """Return leases and problems as they are answered."""
    given = [_of_batch(one, answer) for one, answer in zip(wanted.accounts, answers, strict=True)]
    request.leases = Counter(one.problem.status if one.problem else 200 for one in given)  # type: ignore[attr-defined]  # for the figures
    return LeasesOut(leases=given)


@router.post(
    "/leases/{lease_id}/sign",
    response=SignOut,
    operation_id="sign_request",
    summary="Sign a request (OAuth 1.0a)",
)
def sign(request: HttpRequest, lease_id: str, wanted: SignIn) -> SignOut:
    """Return the Authorization header of one request about the lease's ad account. 410: get a new lease. Every signature is on record."""
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
    response=ReportOut,
    operation_id="report_answer",
    summary="Report what the channel answered",
)
def report(request: HttpRequest, lease_id: str, told: ReportIn) -> ReportOut:
    """Confirm the answer by asking the channel ourselves, and say what to do next. 410: the lease is older than 24 hours."""
    caller = caller_of(request, ApiKey.Scope.LEASE)
    found = broker.report(
        caller=caller,
        lease_id=lease_id,
        status=told.status,
        body=told.body,
        method=told.method,
        now=timezone.now(),
    )
    return report_out(found)


def report_out(found: ReportAnswer) -> ReportOut:
    """Return what was found as it is answered."""
    return ReportOut(
        verdict=found.verdict,
        action=found.action,
        reason=found.reason,
        detail=found.detail,
        lease=lease_out(found.lease) if found.lease else None,
        retry_after=found.retry_after,
        problem=held_problem(found.held) if found.held else None,
    )


def _in_state(state: AccountState) -> Q:
    """Return the filter of the accounts that `_state` calls so."""
    restricted = ~Q(restriction="")
    if state == "restricted":
        return restricted & Q(state__in=_RESTRICTABLE)
    return Q(state=state) & ~restricted if state in _RESTRICTABLE else Q(state=state)


def _state(account: Account) -> AccountState:
    """Return the state as a lease for publishing would find it: an account that the channel restricts is not connected."""
    if account.restriction and account.state in _RESTRICTABLE:
        return "restricted"
    state: AccountState = account.state  # type: ignore[assignment]  # the column's choices
    return state


def account_out(one: Summary) -> AccountOut:
    """Return an account as it is answered."""
    account = one.account
    facts = {
        "channel": account.channel,
        "native_id": account.native_id,
        "name": account.name,
        "team": account.team.name,
        "state": _state(account),
        "reason": account.reason_now(one.entries),
        "since": account.since,
        "restriction": account.restriction,
        "deadline": account.deadline,
        "deadline_kind": account.deadline_kind,
        "usable_count": account.usable_count,
        "people": account.people_count,
    }
    return AccountOut.model_validate(facts)


def _detail(one: Summary, caller: Caller) -> AccountDetail:
    account = one.account
    explanation = reasons.explain(account.channel, account.reason_now(one.entries), account=account.name)
    names = names_for_teams(caller.teams, people=[entry.token.consented_by_id for entry in one.entries])
    return AccountDetail(
        **account_out(one).model_dump(),
        pool=[_entry(one, entry, names) for entry in one.entries],
        what=explanation.what,
        who=explanation.who,
        causes=list(explanation.causes),
        steps=list(explanation.steps),
    )


def _entry(one: Summary, entry: AccountToken, names: NameVisibility) -> PoolEntry:
    token = entry.token
    known = names.sees_token(token, one.account)
    facts = {
        "token_id": token.pk,
        "person": token.person_name if known else None,
        "native_user": token.native_user_name if known else None,
        "state": token.state,
        "reason": entry.reason,
        "active": one.account.active_token_id == token.pk,
        "access": entry.access,
        "can_publish": entry.can_publish,
        "deadline": token.deadline,
        "deadline_kind": token.deadline_kind,
        "last_checked_at": token.last_checked_at,
    }
    return PoolEntry.model_validate(facts)


def _of_batch(asked: AccountName, answer: Answer) -> LeaseOrProblem:
    lease, problem = (lease_out(answer), None) if isinstance(answer, Lease) else (None, problem_of(answer))
    return LeaseOrProblem(channel=asked.channel, native_id=asked.native_id, lease=lease, problem=problem)


def lease_out(given: Lease) -> LeaseOut:
    """Return a lease as it is answered."""
    return LeaseOut(
        lease_id=given.lease_id,
        expires_at=given.expires_at,
        channel=given.channel,
        native_id=given.native_id,
        native_user=given.native_user,
        base_url=given.base_url,
        version=given.version,
        signs=given.signs,
        send=SendOut(headers=dict(given.send.headers), query=dict(given.send.query)),
    )


def position_of(cursor: str | None, *, otherwise: int) -> int:
    """Return where a page begins; `otherwise` without a cursor. Raises BadQuery for one that we did not give."""
    try:
        return cursors.read_number(cursor, otherwise=otherwise)
    except ValueError as error:
        raise BadQuery("cursor", text("bad_cursor")) from error
