"""Tokens that somebody wants to have checked: they are due, and the sweep asks about them within a minute."""

from collections.abc import Collection
from datetime import datetime

from accounts import write_refusals
from tokens.models import Token
from users import hold


def make_due(*, token_ids: Collection[int], now: datetime) -> int:
    """Have these tokens and their ad accounts asked about by the sweep. Returns how many there are.

    Whoever asks wants to know whether the channel takes writes again too, so refusals of writes are forgotten. Raises OnHold where nobody
    is asked.
    """
    hold.refuse()
    write_refusals.lift(token_ids=token_ids, now=now)
    return int(Token.objects.filter(pk__in=token_ids).make_due(now))
