"""Tending incidents: the first ends are asked again with the held ones, what staff decided is carried out, and what is over is closed."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction

from tokens import deadlines, scheduling
from tokens.deaths import WINDOW, Incident, TokenDeath
from tokens.lifecycle.brake import AGAIN
from tokens.lifecycle.steps import (
    CHECK_FIELDS,
    DATE_FIELDS,
    STATE_FIELDS,
    die,
    event,
    facts,
    set_state,
    tell,
)
from tokens.models import Token, TokenEvent
from users.models import User

BATCH = 50  # tokens in one transaction
STALE = timedelta(
    days=1
)  # a round that nobody answered so long is given up; the end stands as it was believed
STAFF = "staff"

Standing, Kind, Decision = TokenDeath.Standing, TokenDeath.Kind, TokenDeath.Decision


def tend(*, now: datetime) -> None:
    """Go through the open incidents. Cheap where there is none: one small query."""
    for incident in Incident.objects.filter(ended_at=None).order_by("pk"):
        _enlist(incident, now)
        while _carry_out(incident, now):
            pass
        _close(incident, now)


def decide(*, app_id: int, death_ids: Collection[int] | None, decision: str, actor: User) -> int:
    """Note what staff say of held ends of an app (None: all). `tend` carries it out. Returns how many."""
    held = TokenDeath.objects.held().filter(app=app_id, decision="")
    if death_ids is not None:
        held = held.filter(pk__in=death_ids)
    return held.update(decision=decision, decided_by=actor)


@transaction.atomic
def _enlist(incident: Incident, now: datetime) -> None:
    """Have the ends that were believed before the incident was seen asked again with those that are held."""
    deaths = TokenDeath.objects.of(incident).filter(standing=Standing.BELIEVED, ended_at=None, ask_at=None)
    ids = list(deaths.values_list("token", flat=True))
    if not ids:
        return
    ask_at = incident.began_at + AGAIN
    tokens = list(Token.objects.filter(pk__in=ids).locked().select_related("app"))
    deaths.filter(token__in=[token.pk for token in tokens]).update(ask_at=ask_at)
    for token in tokens:
        if token.is_removed:
            continue
        before = facts(token)
        token.refresh_refused_at = None  # what was said of renewing it is in doubt as well
        if token.state == Token.State.DEAD:
            token.due_at = ask_at
        else:
            deadlines.apply(token, now)
            scheduling.apply(token, now)
        token.save(update_fields=["refresh_refused_at", *DATE_FIELDS, *CHECK_FIELDS])
        tell(token, before, now, STAFF)


@transaction.atomic
def _carry_out(incident: Incident, now: datetime) -> int:
    """Do what staff decided about a batch of held ends. Returns how many there were."""
    decided = TokenDeath.objects.held().filter(app=incident.app_id).exclude(decision="")
    ids = sorted(set(decided.order_by("pk").values_list("token", flat=True)[:BATCH]))
    tokens = list(Token.objects.filter(pk__in=ids).locked().select_related("app"))
    for token in tokens:
        before = facts(token)
        for death in decided.filter(token=token).select_related("decided_by").order_by("kind"):
            _settle(token, death, now)
        scheduling.apply(token, now)
        token.save(update_fields=["refresh_refused_at", *STATE_FIELDS, *DATE_FIELDS, *CHECK_FIELDS])
        tell(token, before, now, STAFF)
    return len(tokens)


def _settle(token: Token, death: TokenDeath, now: datetime) -> None:
    """Let one end through, or discard it. Does not save the token."""
    release = death.decision == Decision.RELEASE
    death.standing, death.ended_at = (Standing.RELEASED if release else Standing.DISCARDED), now
    death.save(update_fields=["standing", "ended_at"])
    if death.kind == Kind.RENEWAL:
        if release and token.refresh_refused_at is None:
            token.refresh_refused_at = now
            detail = {"reason": death.reason, "evidence": death.evidence}
            event(
                token, TokenEvent.Kind.NOT_RENEWED, now, source=STAFF, actor=death.decided_by, detail=detail
            )
            deadlines.apply(token, now)
    elif token.reason != Token.HELD:
        return  # it was consented to anew, or removed, meanwhile
    elif release:
        die(token, death.reason, death.evidence, now, STAFF, actor=death.decided_by)
    else:
        set_state(token, Token.State.VALID, "", {}, now)
        token.generation += 1
        event(token, TokenEvent.Kind.RECOVERED, now, source=STAFF, actor=death.decided_by)


def _close(incident: Incident, now: datetime) -> None:
    """End the incident once nothing is held or waits to be asked again, and nothing ended lately."""
    of_app = TokenDeath.objects.filter(app=incident.app_id)
    believed = of_app.filter(standing=Standing.BELIEVED, ended_at=None, ask_at__isnull=False)
    believed.filter(at__lt=now - STALE).update(ended_at=now)
    if of_app.held().exists() or believed.exists() or of_app.since(now - WINDOW).exists():
        return
    Incident.objects.filter(pk=incident.pk).update(ended_at=now)
