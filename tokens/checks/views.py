"""Renewing one token at once, as staff asked: the call outside any transaction, the record by lifecycle."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.utils import timezone

from accounts.pool.errors import ActionRefused
from tokens.channels import declarations, gate
from tokens.channels.kinds import Verdict
from tokens.checks import services as probe
from tokens.models import Token
from ui import dates
from ui.phrases import phrase
from users.installation import hold
from users.models import User

say = partial(phrase, "words/renewing.txt")

SECONDS = 8  # for all calls of one renewal: a person waits, and a web thread with her


@dataclass(frozen=True)
class RenewalResult:
    """What became of it, in words for a message."""

    moved: bool
    text: str


def renew(*, token: Token, actor: User, now: datetime) -> RenewalResult:
    """Ask the channel to renew the token and say what became of it. Raises ActionRefused or OnHold where that cannot be asked."""
    hold.refuse()
    label = declarations.label(token.app.channel)
    if token.renewal_policy is None:
        raise ActionRefused("renews_nothing", channel=label)
    if not token.can_renew(now):
        raise ActionRefused("nothing_to_renew_with", channel=label)
    if not Token.objects.filter(pk=token.pk).askable(now).exists():
        raise ActionRefused("being_checked")
    try:
        with gate.share(token.app.channel, person=True):
            outcome = probe.probe_token(
                token.pk, now=now, source="staff", timeout=SECONDS, renew=True, actor=actor
            )
    except gate.NoRoom:
        raise ActionRefused("too_many_wait", channel=label) from None
    token.refresh_from_db()
    if token.renewed_at is not None and token.renewed_at >= now:
        return RenewalResult(moved=True, text=_until(token))
    if outcome.waits:
        return RenewalResult(moved=False, text=say("slow", channel=label))
    if token.state == Token.State.DEAD:
        return RenewalResult(moved=False, text=say("stopped", channel=label))
    if token.refresh_refused_at is not None:
        return RenewalResult(moved=False, text=say("refused", channel=label))
    if outcome.verdict == Verdict.OK:
        return RenewalResult(moved=False, text=say("not_moved", channel=label))
    raise ActionRefused("nothing_changed", channel=label, verdict=str(outcome.verdict))


def _until(token: Token) -> str:
    zone = timezone.get_current_timezone()
    when = dates.moment(token.deadline, zone=zone).full if token.deadline is not None else ""
    return say("renewed", when=when)
