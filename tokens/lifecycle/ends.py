"""What an answer that says that a log-in is over makes of it: doubted, or ended (`tokens.doubts`)."""

from dataclasses import replace
from datetime import datetime

from tokens.channels.kinds import Reason
from tokens.doubts import services as doubts
from tokens.doubts.models import Doubt
from tokens.doubts.services import Said
from tokens.lifecycle import transitions
from tokens.models import Token

BY_DATE = frozenset({Reason.EXPIRED, Reason.REFRESH_EXPIRED, Reason.DATA_ACCESS_EXPIRED, Reason.UNUSED})


def end(
    token: Token,
    said: Said,
    *,
    now: datetime,
    source: str,
    kind: Doubt.Kind = Doubt.Kind.LOG_IN,
    told: bool = False,
) -> None:
    """Take an answer that says that the log-in is over, or may be: believe it, or doubt it first. Does not save.

    What the channel sent of itself (`told`), what our own removal took along, and what ends on a date that was known is believed at once.
    """
    cause = str(said.reason or said.classification.reason or Reason.UNKNOWN)
    if said.proves and not told:
        cause = transitions.not_by_the_person(token, cause, now)
    ours = cause == Reason.AUTHORISATION_CANCELLED and token.is_removed_since_linked
    is_dead = token.state == Token.State.DEAD
    if said.proves and not is_dead and (told or ours or _is_by_date(token, cause, now)):
        transitions.mark_dead(token, cause, said.evidence, now, source, told=told)
        return
    asked_again = not is_dead or token.look_again_at is not None
    said = replace(said, reason=cause)
    true = doubts.say(token, kind, {"": said}, now=now, source=source) if asked_again else frozenset()
    if (true and not is_dead) or (is_dead and said.proves):  # it may be clearer now
        transitions.mark_dead(token, cause, said.evidence, now, source, told=told)
    elif not is_dead:
        transitions.put_in_doubt(token, cause, said.evidence, now, source)


def _is_by_date(token: Token, reason: str, now: datetime) -> bool:
    """Return whether the log-in ended on a date that was known: what was linked on one day ends on one day."""
    if token.last_date_is_over(now):
        return True
    return reason in BY_DATE and token.deadline is not None and token.deadline <= now
