"""Who can be asked to renew a log-in, and whose new consent would help an account, in words. Nothing here reads the database."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.asks.models import AskLine
from accounts.models import Account, AccountToken, LinkProblem
from tokens.models import Token
from ui.phrases import blocks, phrase

WORDS = "words/asks.txt"


def why_not(token: Token) -> str:
    """Return in words why nobody can be asked to renew this log-in (with its app and person); "" where somebody can."""
    code = token.why_not_askable
    return phrase(WORDS, code) if code else ""


def why_said(line: AskLine) -> str:
    """Return in words why a line waits or failed; "" where there is nothing to say, or what it waited for never comes."""
    if not line.why or line.stage == AskLine.Stage.LEFT:
        return ""
    return phrase(WORDS, line.why) if line.why in blocks(WORDS) else str(LinkProblem.Kind(line.why).label)


def asking_is_vain(entry: AccountToken) -> str:
    """Return in words why a new consent of this person would not help this account, or "" where it would."""
    explanation = entry.explain()
    if not explanation.short or explanation.by_consent:
        return ""
    return phrase(WORDS, "would_not_help", who=explanation.helper or explanation.who)


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
    ordered = sorted(helpful, key=lambda one: (bool(one.token.why_not_askable), one is not first))
    if ordered or not entries:
        return Fixers(ordered)
    reason = account.reason_now(left) if left else Token.REMOVED
    return Fixers([], account.explain(reason).helper)


def fixers_of_ending(account: Account, entries: Sequence[AccountToken]) -> Fixers:
    """Return the same for an account that works until its deadline: of those with whom it ends, else of those that stopped in it."""
    last = account.last_entries(entries)
    left = [entry for entry in last if not _is_gone(entry.token)]
    if left or not last:
        return Fixers(sorted(left, key=lambda one: bool(one.token.why_not_askable)))
    return fixers_of_dark(account, [one for one in entries if not one.is_living] or last)


def _is_gone(token: Token) -> bool:
    """Return whether its person is not coming back to it: they left, or it was removed on purpose."""
    person = token.consented_by
    return token.is_removed or (person is not None and not person.is_active)
