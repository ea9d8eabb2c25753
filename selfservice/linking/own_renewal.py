"""Somebody who is logged in renews a log-in of their own for an account: what asks hear of it, as of who comes by a mailed link."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils import timezone

from accounts.asks import progress as asks
from accounts.asks import rules
from accounts.models import Account
from users.models import User

LOG_INS = "log_ins"  # of the handshake's state: what is to be renewed


def log_ins(user: User, account: Account, named: str = "") -> list[int]:
    """Return the person's own log-ins (ids) in an account; where a mail named one of them, that alone."""
    own = account.pool.filter(token__consented_by=user).order_by("pk").values_list("token_id", flat=True)
    return [pk for pk in own if str(pk) == named] or list(own)


def note_failed(begun: Mapping[str, Any], trouble: str) -> str:
    """Note that a handshake renewed nothing, of the one log-in that was to be renewed; of several nobody knows which was meant.

    Returns the page where the person tries again, "" where it was no renewal.
    """
    ids = begun.get(LOG_INS)
    if not ids:
        return ""
    if len(ids) == 1:
        asks.note_trouble(token_ids=ids, trouble=trouble)
    return reverse("reauthenticate", args=[begun["account"]])


def note_kept(begun: Mapping[str, Any], token_id: int) -> None:
    """Note that a consent was kept: where it is another log-in's than the one that was to be renewed, that is not done.

    One that moved to another app is done by now, and stays so.
    """
    ids = begun.get(LOG_INS) or []
    if len(ids) == 1 and ids != [token_id]:
        asks.note_trouble(token_ids=ids, trouble=rules.OTHER_LOG_IN)


def note_left(ids: list[int]) -> None:
    """Note that the person goes to the channel to renew these."""
    asks.note_at_channel(token_ids=ids, now=timezone.now())
