"""Tending incidents: the first ends are asked again with the held ones, what staff decided is carried out, and what is over is closed."""

import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from tokens import deadlines, scheduling
from tokens.deaths import WINDOW, Incident, TokenDeath
from tokens.lifecycle import incident_brake
from tokens.lifecycle.incident_brake import AGAIN, SOON
from tokens.lifecycle.transitions import (
    CHECK_FIELDS,
    DATE_FIELDS,
    REFRESH_FIELDS,
    STATE_FIELDS,
    event,
    facts,
    mark_dead,
    notify_pools,
    set_state,
)
from tokens.models import Token, TokenEvent
from tokens.token_model import TokenQuerySet
from users.models import User

RUN_FOR = 20  # seconds of one call
STALE = timedelta(days=1)  # what nobody answered so long is given up: it stays as it was written, or not
STAFF = "staff"

Standing, Kind, Decision = TokenDeath.Standing, TokenDeath.Kind, TokenDeath.Decision


def tend(*, now: datetime) -> None:
    """Go through the open incidents. What is not done within `RUN_FOR` follows at the next call. Cheap where there is none."""
    until = time.monotonic() + RUN_FOR
    for incident in Incident.objects.filter(ended_at=None).order_by("pk"):
        for token_id in _believed(incident).values_list("token", flat=True):
            _enlist(incident, token_id, now)
        for token_id in _decided(incident).values_list("token", flat=True).distinct():
            if time.monotonic() > until:
                return
            _carry_out(incident, token_id, now)
        _have_accounts_read(incident, now)
        _close(incident, now)


def decide(*, app_id: int, decision: str, actor: User, now: datetime) -> int:
    """Note what staff say of all that is held of an app. `tend` carries it out. Returns how many log-ins.

    Losses that are let through are written at the next reading, so their log-ins are due at once.
    """
    held = TokenDeath.objects.held().filter(app=app_id, decision="")
    tokens = held.values("token").distinct().count()
    held.update(decision=decision, decided_by=actor)
    released = TokenDeath.objects.held().filter(app=app_id, kind=Kind.ACCESS, decision=Decision.RELEASE)
    if decision == Decision.RELEASE:
        _later(released, now).make_due(now)
    return tokens


def _believed(incident: Incident) -> QuerySet[TokenDeath]:
    """Return the ends that were believed before the incident was seen; there are few."""
    return TokenDeath.objects.of_incident(incident).open().filter(standing=Standing.BELIEVED, ask_at=None)


def _decided(incident: Incident) -> QuerySet[TokenDeath]:
    """Return the held ends that staff have decided about. Losses that are let through wait for the next reading, which finds them."""
    decided = TokenDeath.objects.held().filter(app=incident.app_id).exclude(decision="")
    return decided.exclude(kind=Kind.ACCESS, decision=Decision.RELEASE).order_by("token")


def _have_accounts_read(incident: Incident, now: datetime) -> None:
    """Have the ad accounts read again of log-ins that lost some, where their round is due or staff let the losses through."""
    lost = TokenDeath.objects.open(Kind.ACCESS).filter(app=incident.app_id, ask_at__isnull=False)
    lost.filter(token__pool_entries=None).update(standing=Standing.DISCARDED, ended_at=now)  # all unlinked
    asked = lost.filter(Q(decision=Decision.RELEASE) | Q(ask_at__lte=now))
    # One whose reading was hindered a moment ago is left alone for a while; one that got no answer at all is due soon by itself.
    waits = Q(last_checked_at__gt=now - SOON) | Q(last_check_result__in=scheduling.NOT_TOLD)
    _later(asked, now).exclude(waits).make_due(now)


def _later(lost: QuerySet[TokenDeath], now: datetime) -> TokenQuerySet:
    """Return the log-ins of these losses that are not to be asked about yet."""
    return Token.objects.filter(state=Token.State.VALID, due_at__gt=now, pk__in=lost.values("token"))


# One log-in a transaction: each settles its accounts, and who locks accounts locks them in one order.
@transaction.atomic
def _enlist(incident: Incident, token_id: int, now: datetime) -> None:
    """Have a log-in that was believed to have ended asked again with those that are held."""
    token = Token.objects.locked().select_related("app").get(pk=token_id)
    ask_at = incident.began_at + AGAIN
    ended = _believed(incident).filter(token=token).exclude(kind=Kind.ACCESS).exists()
    _believed(incident).filter(token=token).update(ask_at=ask_at)
    if token.is_removed or not ended:
        return
    before = facts(token)
    token.refresh_refused_at = None  # what was said of renewing it is in doubt as well
    if token.state == Token.State.DEAD:
        token.due_at = ask_at
    else:
        deadlines.apply(token, now)
        scheduling.apply(token, now)
        incident_brake.renew_at(token, ask_at)
    token.save(update_fields=[*REFRESH_FIELDS, *DATE_FIELDS, *CHECK_FIELDS])
    notify_pools(token, before, now, STAFF)


@transaction.atomic
def _carry_out(incident: Incident, token_id: int, now: datetime) -> None:
    """Do what staff decided about the held ends of a log-in."""
    token = Token.objects.locked().select_related("app").get(pk=token_id)
    before = facts(token)
    for death in _decided(incident).filter(token=token).select_related("decided_by").order_by("kind"):
        _settle(token, death, now)
    scheduling.apply(token, now)
    token.save(update_fields=[*REFRESH_FIELDS, *STATE_FIELDS, *DATE_FIELDS, *CHECK_FIELDS])
    notify_pools(token, before, now, STAFF)


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
    elif death.kind == Kind.ACCESS or token.reason != Token.HELD:
        return  # no pool entry was touched; or it was consented to again, or removed, meanwhile
    elif release:
        mark_dead(token, death.reason, death.evidence, now, STAFF, actor=death.decided_by)
    else:
        set_state(token, Token.State.VALID, "", {}, now)
        token.generation += 1
        event(token, TokenEvent.Kind.RECOVERED, now, source=STAFF, actor=death.decided_by)


@transaction.atomic
def _close(incident: Incident, now: datetime) -> None:
    """End the incident once nothing is held or waits to be asked again, and nothing ended lately."""
    incident_brake.count_alone(incident.app_id)
    of_app = TokenDeath.objects.filter(app=incident.app_id)
    believed = of_app.filter(standing=Standing.BELIEVED, ended_at=None, ask_at__isnull=False)
    believed.filter(at__lt=now - STALE).update(ended_at=now)
    lost = of_app.held().filter(kind=Kind.ACCESS, at__lt=now - STALE)
    lost.update(standing=Standing.DISCARDED, ended_at=now)
    if of_app.held().exists() or believed.exists() or of_app.since(now - WINDOW).exists():
        return
    Incident.objects.filter(pk=incident.pk).update(ended_at=now)
