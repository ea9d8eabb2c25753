"""Tokens that went unused for so long that their end is a date now. It comes by time alone, so no answer of a channel writes it."""

from datetime import datetime

from django.db import transaction

from tokens import deadlines, disuse
from tokens.channels import registry
from tokens.channels.kinds import Idle
from tokens.lifecycle.transitions import DATE_FIELDS, event, facts, notify_pools
from tokens.models import Token, TokenEvent

SOURCE = "sweep"


def date_unused(*, now: datetime) -> int:
    """Give tokens that nobody uses the date on which that ends them, and take it from those that are used again. Returns how many."""
    changed = 0
    for key, channel in registry.CHANNELS.items():
        if channel.lifetime.idle is not None:
            changed += sum(_date(token_id, now) for token_id in _candidates(key, channel.lifetime.idle, now))
    return changed


def _candidates(channel: str, idle: Idle, now: datetime) -> list[int]:
    living = Token.objects.exclude(state=Token.State.DEAD)
    return list(living.filter(disuse.to_be_dated(channel, idle, now)).values_list("pk", flat=True))


# One token a transaction: each settles its accounts, and who locks accounts locks them in one order.
@transaction.atomic
def _date(token_id: int, now: datetime) -> bool:
    token = Token.objects.locked().select_related("app").filter(pk=token_id).first()
    if token is None or token.state == Token.State.DEAD:
        return False
    before, cycle = facts(token), token.cycle
    if not deadlines.apply(token, now):
        return False
    token.save(update_fields=DATE_FIELDS)
    if token.cycle != cycle:
        event(token, TokenEvent.Kind.DATES, now, source=SOURCE, detail=deadlines.detail(token))
    notify_pools(token, before, now, SOURCE)
    return True
