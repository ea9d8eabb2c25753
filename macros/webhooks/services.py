"""Sending: what waits for an endpoint is claimed with it, sent in order, and noted try by try. What waits for a chat is one message.

One endpoint is one thread's, so that one which hangs holds nobody else's up. A process that dies leaves its claim, which runs out: what it
was sending is sent again, by the same id.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from infra import database_clock
from macros.events import services as events
from macros.events.models import Event
from macros.webhooks import mails, network
from macros.webhooks.carriers import request_of
from macros.webhooks.models import MOST_FAILURES, PAUSES, Delivery, Endpoint, deliveries_of, example_event
from macros.webhooks.network import Reply
from tokens.vault.services import VaultError

logger = logging.getLogger(__name__)

CLAIM = timedelta(seconds=45)  # longer than a call may take
RUN = timedelta(seconds=60)  # of one endpoint, so that many with much to send take turns
GONE = 410


@transaction.atomic
def publish(now: datetime) -> list[int]:
    """Write what happened, and what is to be sent of it. Returns the endpoints for which something waits."""
    new = events.publish(now)
    if new:
        Delivery.objects.bulk_create(deliveries_of(new, Endpoint.objects.on(), now), batch_size=1_000)
    return list(Endpoint.objects.due(now).values_list("pk", flat=True))


def send_to(endpoint_id: int) -> int:
    """Send what waits for an endpoint, for a while. Returns how much was taken."""
    taken, until = 0, database_clock.now() + RUN
    endpoint = _claim(endpoint_id, database_clock.now())
    if endpoint is None:
        return 0
    try:
        while (now := database_clock.now()) < until:
            waiting = Delivery.objects.due(now).filter(endpoint=endpoint)
            deliveries = list(waiting.select_related("event").order_by("event")[: endpoint.at_once])
            if not deliveries:
                break
            Endpoint.objects.filter(pk=endpoint_id).update(claimed_until=now + CLAIM)
            reply = _send(endpoint, [one.event for one in deliveries], now)
            note_reply(endpoint_id, deliveries, reply, database_clock.now())
            if not reply.is_taken:
                break
            taken += len(deliveries)
    finally:
        Endpoint.objects.filter(pk=endpoint_id).update(claimed_until=None)
    return taken


def _claim(endpoint_id: int, now: datetime) -> Endpoint | None:
    due = Endpoint.objects.due(now).filter(pk=endpoint_id)
    if not due.update(claimed_until=now + CLAIM):
        return None
    return Endpoint.objects.select_related("made_by").get(pk=endpoint_id)


def _send(endpoint: Endpoint, events: Sequence[Event], now: datetime) -> Reply:
    try:
        request = request_of(endpoint, events, now)
    except VaultError:
        return Reply(0, error="unreadable")
    if request is None:
        return Reply(204)
    return network.post(request.url, content=request.body, headers=request.headers)


@transaction.atomic
def note_reply(endpoint_id: int, deliveries: Sequence[Delivery], reply: Reply, now: datetime) -> None:
    """Note what became of a try. After ten failures in a row, or where the receiver is gone, nothing is sent there; its maker is mailed."""
    endpoint = Endpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id).first()
    if endpoint is None:  # somebody deleted it meanwhile
        return
    said = "" if reply.is_taken else reply.said
    for one in deliveries:
        one.note_try(status=reply.status, said=said, ms=reply.ms, now=now, retry_after=reply.retry_after)
    Delivery.objects.bulk_update(deliveries, ["failures", "tries", "next_at", "delivered_at"])
    if reply.is_taken:
        endpoint.failures, endpoint.pause_until = 0, None
    else:
        endpoint.failures += 1
        pause = PAUSES[min(endpoint.failures, len(PAUSES)) - 1]
        endpoint.pause_until = now + max(pause, reply.retry_after)
        if endpoint.off_at is None and (reply.status == GONE or endpoint.failures >= MOST_FAILURES):
            endpoint.switch_off(said, now)
            mails.tell_of_end(endpoint, now)
    endpoint.save(update_fields=["failures", "pause_until", "off_at", "off_why"])


def send_test(endpoint: Endpoint, now: datetime) -> Reply:
    """Send an event that nothing happened for, once, and return the receiver's answer. Raises OnHold."""
    event = example_event(endpoint, now)
    event.pk = 0
    return _send(endpoint, [event], now)


@transaction.atomic
def replay(
    endpoint: Endpoint, *, now: datetime, since: datetime | None = None, deliveries: Iterable[int] = ()
) -> int:
    """Send again what was sent, or was given up, from a moment on or of these deliveries; and what was never sent. Returns how much."""
    if since is not None:
        told = Event.objects.filter(at__gte=since)
        missing = told.exclude(pk__in=Delivery.objects.filter(endpoint=endpoint).values("event"))
        endpoint.created_at = min(endpoint.created_at, since)
        Delivery.objects.bulk_create(deliveries_of(missing, [endpoint], now), ignore_conflicts=True)
        which = Q(event__at__gte=since)
    else:
        which = Q(pk__in=list(deliveries))
    rows = Delivery.objects.filter(which, endpoint=endpoint)
    return rows.update(next_at=now, delivered_at=None, failures=0)
