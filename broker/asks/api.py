"""The calls about asks."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from ninja import Query, Router, Status

from accounts.asks import queries, rules
from accounts.asks.models import Ask, AskLine
from accounts.models import Account, AccountToken, ApiKey
from broker.api import cursors
from broker.api.api import caller_of, position_of
from broker.asks import services
from broker.asks.schemas import (
    AskDetail,
    AskedBy,
    AskIn,
    AskLineOut,
    AskOut,
    AskPage,
    AsksMade,
    Kind,
    LinkedOut,
    Progress,
)
from broker.leases.callers import Caller
from ui.name_visibility import NameVisibility
from users.people.queries import names_for_teams

router = Router(tags=["asks"])
PAGE = 50
SHOWN = 500  # lines


@router.post(
    "/asks", response={201: AsksMade}, operation_id="ask_people", summary="Ask people, or make a client link"
)
def ask_people(request: HttpRequest, response: HttpResponse, wanted: AskIn) -> Status[AsksMade]:
    """Have people asked by mail, with reminders, as the portal's *Ask*, *Invite a backup* and *Client links* do.

    The key acts in the name of whoever made it, and within its teams and channels. A client link answers with its `address`: open it for
    the person, in a window of its own (it is shown in no frame), and they come back to `return_url`. When it is done, `ask.done` is told.
    """
    caller, now = caller_of(request, ApiKey.Scope.ASKS), timezone.now()
    made = services.begin(caller=caller, wanted=wanted, now=now)
    said = _answers(made, caller, now)
    response["Location"] = said[0].url
    return Status(201, AsksMade(asks=said))


@router.get("/asks", response=AskPage, operation_id="list_asks", summary="List what people are asked")
def list_asks(
    request: HttpRequest,
    kind: Kind | None = None,
    state: Annotated[
        Literal["open", "over"] | None, Query(description="over: done, stopped or expired.")
    ] = None,
    mine: Annotated[bool, Query(description="true: what this key began.")] = False,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> AskPage:
    """Return the requests for the key's teams, whoever began them, the newest first, 50 a page."""
    caller, now = (
        caller_of(request, ApiKey.Scope.ASKS, query=("kind", "state", "mine", "cursor")),
        timezone.now(),
    )
    position = position_of(cursor, otherwise=cursors.NEWEST)
    asks = services.visible(caller).filter(pk__lt=position)
    if kind:
        asks = asks.filter(services.KINDS[kind])
    if state:
        open_now = asks.open(now).values("pk")
        asks = asks.filter(pk__in=open_now) if state == "open" else asks.exclude(pk__in=open_now)
    if mine:
        asks = asks.filter(api_key=caller.key_id)
    page, following = cursors.page_of(asks.order_by("-pk"), PAGE)
    return AskPage(asks=_answers(page, caller, now), next=following)


@router.get(
    "/asks/{int:ask_id}", response=AskDetail, operation_id="get_ask", summary="See how far a request is"
)
def read_ask(request: HttpRequest, ask_id: int) -> AskDetail:
    """Return a request with each thing that is asked for. 404 for one that the key does not see."""
    caller, now = caller_of(request, ApiKey.Scope.ASKS), timezone.now()
    ask = services.find(caller, ask_id)
    (said,) = _answers([ask], caller, now)
    lines = (
        services.lines_of(caller)
        .filter(ask=ask)
        .select_related("account", "token__app", "token__consented_by")
    )
    linked = Account.objects.filter(caller.visible(), pk__in=ask.linked_ids).order_by("name", "pk")
    return AskDetail(
        **said.model_dump(),
        lines=_lines(lines.by_what_stops_first()[:SHOWN], caller),
        linked=[LinkedOut(channel=one.channel, native_id=one.native_id, name=one.name) for one in linked],
    )


def _answers(asks: Sequence[Ask], caller: Caller, now: datetime) -> list[AskOut]:
    """Return these as they are answered. Two queries, however many."""
    names = names_for_teams(caller.teams, people=[one.made_by_id for one in asks])
    stages = services.count_stages(caller, asks)
    return [_answer(one, stages[one.pk], names, caller, now) for one in asks]


def _answer(ask: Ask, stages: Counter[str], names: NameVisibility, caller: Caller, now: datetime) -> AskOut:
    of_team = ask.team is not None and (caller.teams is None or ask.team_id in caller.teams)
    own = ask.key is not None and ask.api_key_id == caller.key_id
    shared = of_team or ask.team is None  # else another team's, which asks for an account of the key's
    done, total = ask.count_done(stages)
    progress = Progress(total=total, done=done, failed=sum(stages[one] for one in services.FAILED))
    return AskOut(
        id=ask.pk,
        url=f"{settings.BASE_URL}{reverse('api:read_ask', args=[ask.pk])}",
        kind=services.kind_of(ask),
        state=services.state_of(ask, now),
        name=ask.name if shared else "",
        note=ask.note if shared else "",
        email=ask.email or None if of_team else None,
        team=ask.team.name if of_team and ask.team else None,
        by=AskedBy(
            person=names.user(ask.made_by) or None,
            api_key=ask.api_key.name if ask.api_key and (shared or own) else None,
        ),
        created_at=ask.created_at,
        ends_at=ask.ends_at,
        ended_at=ask.ended_at,
        opened_at=ask.opened_at,
        progress=progress,
        channels=ask.channels,
        address=ask.link_address if own and ask.is_open(now) else None,
        return_url=ask.return_url or None if own else None,
    )


def _lines(lines: QuerySet[AskLine], caller: Caller) -> list[AskLineOut]:
    """Return these lines. Three queries, however many."""
    some = list(lines)
    tokens = [line.token_id for line in some if line.token_id and not line.account_id]
    within = Account.objects.filter(caller.visible()).values("pk")
    seen = AccountToken.objects.filter(account__in=within, token__in=tokens)
    accounts = queries.first_accounts(seen)
    people = [line.token.consented_by_id for line in some if line.token]
    names = names_for_teams(caller.teams, people=people)
    return [_line(line, line.account or accounts.get(line.token_id or 0), names) for line in some]


def _line(line: AskLine, account: Account | None, names: NameVisibility) -> AskLineOut:
    token = line.token
    known = token is not None and names.sees_token(token, account)
    facts: dict[str, Any] = {
        "channel": token.app.channel if token else line.channel,
        "native_id": line.native_id or None,
        "account": account.name if account else line.name or None,
        "person": token.person_name if token and known else None,
        "stage": line.stage,
        "why": rules.why_said(line),
        "asked_at": line.asked_at,
        "done_at": line.done_at,
    }
    return AskLineOut(**facts)
