"""Renewing one token at once, as staff asked: the call outside any transaction, the record by lifecycle."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from accounts.errors import DeedRefused
from tokens import probe, renewal
from tokens.channels import declarations, shares
from tokens.channels.kinds import Verdict
from tokens.models import Token
from ui import dates
from users import hold
from users.models import User

SECONDS = 8  # for all calls of one renewal: a person waits, and a web thread with her


@dataclass(frozen=True)
class Renewal:
    """What became of it, in words for a message."""

    moved: bool
    text: str


def renew(*, token: Token, actor: User, now: datetime) -> Renewal:
    """Ask the channel to renew the token and say what became of it. Raises DeedRefused or OnHold where that cannot be asked."""
    hold.refuse()
    label = declarations.label(token.app.channel)
    if renewal.policy_of(token) is None:
        raise DeedRefused("renews_nothing", channel=label)
    if not renewal.possible(token, now):
        raise DeedRefused("nothing_to_renew_with", channel=label)
    if not Token.objects.filter(pk=token.pk).askable(now).exists():
        raise DeedRefused("being_checked")
    try:
        with shares.taken(token.app.channel, person=True):
            outcome = probe.probe(token.pk, now=now, source="staff", timeout=SECONDS, renew=True, actor=actor)
    except shares.NoRoom:
        raise DeedRefused("too_many_wait", channel=label) from None
    token.refresh_from_db()
    if token.renewed_at is not None and token.renewed_at >= now:
        return Renewal(moved=True, text=_until(token))
    if outcome.waits:
        return Renewal(
            moved=False, text=f"{label} is slow to answer. The renewal goes on: look again in a minute."
        )
    if token.state == Token.State.DEAD:
        return Renewal(moved=False, text=f"{label} refuses to renew it, and to use it: it has stopped.")
    if token.refresh_refused_at is not None:
        return Renewal(
            moved=False,
            text=f"{label} refuses to renew it. It works on until its own end; somebody must re-authenticate by then.",
        )
    if outcome.verdict == Verdict.OK:
        return Renewal(moved=False, text=f"{label} answered, but the end date did not move.")
    raise DeedRefused("nothing_changed", channel=label, verdict=str(outcome.verdict))


def _until(token: Token) -> str:
    if token.deadline is None:
        return "Renewed."
    when = dates.moment(token.deadline, zone=timezone.get_current_timezone()).full
    return f"Renewed. It works until {when} now."
