"""Tokens that somebody wants to have checked: they are due, and the sweep asks about them within a minute."""

from collections.abc import Collection
from datetime import datetime

from accounts.sync import write_refusals
from tokens.models import Token
from users.installation import hold


def make_due(
    *,
    token_ids: Collection[int],
    now: datetime,
    writes_in: Collection[int] = (),
    writes_of: Collection[int] | None = None,
) -> int:
    """Have these tokens and their ad accounts asked about by the sweep. Returns how many there are.

    `writes_in`: the accounts (ids) of which somebody pressed "Check now". Whether the channel takes writes again only the next write tells,
    so refusals of writes are forgotten there, of these tokens or (`writes_of`) of some; in no other account, since nobody has looked there.
    Raises OnHold where nobody is asked.
    """
    hold.refuse()
    if writes_in:
        lifted = token_ids if writes_of is None else writes_of
        write_refusals.lift(account_ids=writes_in, token_ids=lifted, now=now)
    return int(Token.objects.filter(pk__in=token_ids).make_due(now))
