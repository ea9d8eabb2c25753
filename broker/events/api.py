"""`GET /api/v1/events`: the stream, for whoever asks instead of being told."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel

from accounts.models import ApiKey
from broker.api.api import caller_of
from macros.events.models import Event

router = Router(tags=["events"])
MOST = 500


class EventOut(BaseModel):
    """One event, as a webhook has it."""

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]


class EventPage(BaseModel):
    """Events in their order. `next`: what to ask `after` for what follows; the same again where nothing is new."""

    events: list[EventOut]
    next: str


@router.get("/events", response=EventPage, operation_id="list_events", summary="Read what happened")
def list_events(
    request: HttpRequest,
    after: Annotated[int, Query(ge=0, description="`next` of the answer before; 0: from the oldest.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> EventPage:
    """Return what happened to the key's teams and channels in the last 30 days, after an event. Who was down goes on where it stood."""
    caller = caller_of(request, ApiKey.Scope.READ, query=("after", "limit"))
    found = list(Event.objects.within(caller.teams, caller.channels).filter(pk__gt=after)[:limit])
    events = [EventOut(id=one.webhook_id, **one.as_sent) for one in found]
    return EventPage(events=events, next=str(found[-1].pk if found else after))
