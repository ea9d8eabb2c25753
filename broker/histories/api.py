"""The time-line of an account, and the record of what was handed out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from accounts import timeline
from accounts.models import Account, ApiKey, LeaseRecord
from broker.api import cursors, reach
from broker.api.api import BadQuery, caller_of, position_of
from broker.api.schemas import ELSEWHERE_HELP, ChannelKey, ChannelName, Purpose
from broker.leases.callers import Caller
from broker.leases.texts import text
from tokens.models import Token
from users.people.queries import members_of, names_for_teams

router = Router(tags=["histories"])
PAGE = 50
HAND_OUTS = 100


class HistoryEntry(BaseModel):
    """One thing that happened, in words as the account's page says it."""

    at: datetime
    kind: str = Field(description="What happened, by a name for programs: deactivated, shifted, linked ...")
    title: str
    text: str = Field(description="Cause, and who did it, as far as the key may know.")


class History(BaseModel):
    """One page of what happened, the newest first. Follow `next` until it is null."""

    entries: list[HistoryEntry]
    next: str | None = Field(description="The `cursor` of the next page.")


class HandOut(BaseModel):
    """One token that was handed out, or one request that was signed."""

    id: int
    at: datetime
    kind: Literal["lease", "signature", "request"]
    key: str | None = Field(
        description="The API key's name then; null: a key that reaches beyond the key's teams, or AdToken itself."
    )
    channel: ChannelKey
    native_id: str
    account: str
    token_id: int
    person: str | None = Field(description=f"Whose. {ELSEWHERE_HELP} Or it was removed since.")
    purpose: Purpose
    from_address: str | None = Field(description="Where the request came from.")
    request: str = Field(description="signature: method and path of what was signed.")
    lease: str = Field(
        description="Names the lease, as the logs do: the first 32 hexadecimal digits of the SHA-256 of its id."
    )


class HandOuts(BaseModel):
    """One page of the record, the newest first. Follow `next` until it is null."""

    hand_outs: list[HandOut]
    next: str | None = Field(description="The `cursor` of the next page.")


@router.get(
    "/accounts/{channel}/{native_id}/timeline",
    response=History,
    operation_id="get_timeline",
    summary="Read what happened to an account",
)
def read_timeline(
    request: HttpRequest,
    channel: ChannelName,
    native_id: str,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> History:
    """Return what the account's time-line in the portal shows, 50 a page. People whom the key does not know are not named."""
    caller = caller_of(request, ApiKey.Scope.READ, query=("cursor",))
    account = reach.find_account(caller, channel, native_id)
    names = names_for_teams(caller.teams, people=members_of(caller.teams))
    found = timeline.timeline_of(account, names, shown=PAGE, before=_key(cursor))
    last = found.lines[-1].key if found.older else None
    return History(
        entries=[
            HistoryEntry(at=one.at, kind=one.kind, title=one.title, text=one.text) for one in found.lines
        ],
        next=cursors.make([last[0].isoformat(), *last[1:]]) if last else None,
    )


def _key(cursor: str | None) -> timeline.Key | None:
    if not cursor:
        return None
    try:
        at, rank, pk = cursors.read(cursor)
        return datetime.fromisoformat(at).astimezone(UTC), int(rank), int(pk)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadQuery("cursor", text("bad_cursor")) from error


@router.get(
    "/hand-outs",
    response=HandOuts,
    operation_id="list_hand_outs",
    summary="Read the record of what was handed out",
)
def list_hand_outs(
    request: HttpRequest,
    channel: Annotated[ChannelName | None, Query(description="With native_id: of one account.")] = None,
    native_id: str | None = None,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> HandOuts:
    """Return which key got whose token for which account, when, and from where: the newest first, 100 a page, of the last 400 days."""
    caller = caller_of(request, ApiKey.Scope.RECORDS, query=("channel", "native_id", "cursor"))
    position = position_of(cursor, otherwise=cursors.NEWEST)
    accounts = Account.objects.filter(caller.visible())
    if channel is not None or native_id is not None:
        one = reach.find_account(caller, channel or "", native_id or "")
        accounts = accounts.filter(pk=one.pk)
    rows = LeaseRecord.objects.filter(pk__lt=position, account_id__in=accounts.values("pk"))
    page, following = cursors.page_of(rows.order_by("-pk"), HAND_OUTS)
    return HandOuts(hand_outs=_hand_outs(page, caller), next=following)


def _hand_outs(rows: Sequence[LeaseRecord], caller: Caller) -> list[HandOut]:
    """Return these rows as the key may read them. Four queries, however many."""
    accounts = Account.objects.in_bulk({row.account_id for row in rows})
    tokens = (
        Token.objects.select_related("consented_by")
        .defer("credentials")
        .in_bulk({row.token_id for row in rows})
    )
    names = names_for_teams(caller.teams, people=[one.consented_by_id for one in tokens.values()])
    keys = ApiKey.objects.filter(pk__in={row.key_id for row in rows if row.key_id})
    known = {key.pk for key in keys.within(caller.teams)}
    found = []
    for row in rows:
        account, token = accounts[row.account_id], tokens.get(row.token_id)
        seen = token is not None and names.sees_token(token, account)
        facts: dict[str, Any] = {
            "id": row.pk,
            "at": row.at,
            "kind": row.kind,
            "key": row.caller if row.key_id in known else None,
            "channel": account.channel,
            "native_id": account.native_id,
            "account": account.name,
            "token_id": row.token_id,
            "person": token.person_name if token and seen else None,
            "purpose": row.purpose,
            "from_address": row.address,
            "request": row.request,
            "lease": row.lease_hash,
        }
        found.append(HandOut.model_validate(facts))
    return found
