"""Who can be asked to renew a log-in, and how far a log-in is that was asked for. Nothing here reads the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.asks.models import AskLine
from accounts.models import Account, AccountToken, LinkProblem
from notifications.models import Message
from tokens.channels.kinds import AN_APPEAL_HELPS
from tokens.models import Token
from ui.phrases import blocks, phrase

WORDS = "words/asks.txt"
Stage = AskLine.Stage
GAPS = {1: timedelta(days=2), 2: timedelta(days=3)}  # from a mail, of so many, to the next reminder
MAIL_FAILED = (
    "mail_failed"  # why a line failed that is asked for again: its address is fine, that one mail was refused
)
REFUSED = "refused"  # the trouble of a person who could not be asked
NOT_SEEN = "not_seen"  # the trouble of a log-in of which whoever asks no longer sees an account
SNOOZED = "snoozed"  # why a log-in is not asked for now, and will be
SOMEBODY_ELSE = "somebody_else"  # the trouble of a consent of another native user
OTHER_LOG_IN = "other_log_in"  # the same of a person who is logged in here: that one was linked
UNDER_WAY = (Message.State.QUEUED, Message.State.SENDING)
_UNSENT = (Message.State.FAILED, Message.State.CANCELLED)


@dataclass(frozen=True)
class Around:
    """What is beside a line and its log-in. `mail`: the state of its last mail, "" where that is gone."""

    linked: bool = True  # to an account
    moved: bool = (
        False  # its person consented under the app of new links, of one under an app that takes none
    )
    parked: bool = False
    snoozed: bool = False
    mail: str = ""


def cannot_ask(token: Token) -> str:
    """Return why nobody can be asked to renew this log-in (with its app and person), a block of WORDS; "" where somebody can."""
    if token.kind == Token.Kind.SYSTEM:
        return "system_user"
    if token.is_removed:
        return "removed"
    if token.consented_by is None:
        return "nobody_known"
    if not token.consented_by.is_active:
        return "person_left"
    if token.state == Token.State.DEAD and token.reason in AN_APPEAL_HELPS:
        return "only_appeal"
    return ""


def why_not(token: Token) -> str:
    """Return the same in words."""
    code = cannot_ask(token)
    return phrase(WORDS, code) if code else ""


def why_said(line: AskLine) -> str:
    """Return in words why a line waits or failed; "" where there is nothing to say, or what it waited for never comes."""
    if not line.why or line.stage == Stage.LEFT:
        return ""
    return phrase(WORDS, line.why) if line.why in blocks(WORDS) else str(LinkProblem.Kind(line.why).label)


def asking_is_vain(entry: AccountToken) -> str:
    """Return in words why a new consent of this person would not help this account, or "" where it would."""
    explanation = entry.explain()
    if not explanation.short or explanation.by_consent:
        return ""
    return phrase(WORDS, "would_not_help", who=explanation.helper or explanation.who)


def stage_of(line: AskLine, around: Around) -> tuple[Stage, str]:
    """Return how far a line (with its ask, log-in and person) is, and why it waits or failed. Done is done, however it was renewed."""
    token = line.log_in
    if token.linked_at > line.ask.created_at or around.moved:
        return Stage.DONE, ""
    if line.was_dead and token.state == Token.State.VALID and _outlasts(token.deadline, line.ask.ends_at):
        return Stage.DONE, "works_again"
    if why := cannot_ask(token) or ("" if around.linked else "not_linked"):
        return Stage.NOT_ASKABLE, why
    # Whoever came since the last mail, by whatever way, was reached, whatever became of that mail.
    came = max((at for at in (line.opened_at, line.at_channel_at) if at), default=None)
    reached = came is not None and came >= (line.asked_at or line.ask.created_at)
    if around.parked and not reached:
        return Stage.FAILED, "parked"
    if around.snoozed:
        return Stage.NOT_ASKABLE, SNOOZED
    if around.mail in _UNSENT and not reached:
        return Stage.FAILED, MAIL_FAILED
    if line.trouble:
        return Stage.FAILED, line.trouble
    if line.at_channel_at:
        return Stage.AT_CHANNEL, ""
    if line.opened_at:
        return Stage.OPENED, ""
    sent = line.sent_at or (line.mails and around.mail not in UNDER_WAY)
    return (Stage.SENT if sent else Stage.WAITING), ""


def _outlasts(deadline: datetime | None, moment: datetime) -> bool:
    return deadline is None or deadline > moment


@dataclass(frozen=True)
class Fixers:
    """Whose new consent would help an account, the first of them is named; or, without any, who else is waited for."""

    entries: Sequence[AccountToken]
    waits_for: str = ""


def fixers_of_dark(account: Account, entries: Sequence[AccountToken]) -> Fixers:
    """Return who can bring a dark account back: first who can be asked, of these who stopped last. `entries` come with their people.

    Never somebody who left, or who took the log-in back on purpose: where nobody else is left, anybody with access is waited for.
    """
    left = [entry for entry in entries if not _is_gone(entry.token)]
    helpful = [entry for entry in left if entry.explain().by_consent]
    first = account.entry_that_stopped(helpful)
    ordered = sorted(helpful, key=lambda one: (bool(cannot_ask(one.token)), one is not first))
    if ordered or not entries:
        return Fixers(ordered)
    reason = account.reason_now(left) if left else Token.REMOVED
    return Fixers([], account.explain(reason).helper)


def fixers_of_ending(account: Account, entries: Sequence[AccountToken]) -> Fixers:
    """Return the same for an account that works until its deadline: of those with whom it ends, else of those that stopped in it."""
    last = account.last_entries(entries)
    left = [entry for entry in last if not _is_gone(entry.token)]
    if left or not last:
        return Fixers(sorted(left, key=lambda one: bool(cannot_ask(one.token))))
    return fixers_of_dark(account, [one for one in entries if not one.is_living] or last)


def _is_gone(token: Token) -> bool:
    """Return whether its person is not coming back to it: they left, or it was removed on purpose."""
    person = token.consented_by
    return token.is_removed or (person is not None and not person.is_active)
