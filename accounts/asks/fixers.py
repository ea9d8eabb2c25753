"""Who can keep an account, or bring it back: whose new consent helps, or who else is waited for. One answer for lists and pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.asks import rules
from accounts.models import Account, AccountToken
from accounts.pool import reasons as pool_reasons
from tokens.models import Token


@dataclass(frozen=True)
class Fixers:
    """Whose new consent would help an account, the first of them is named; or, without any, who else is waited for."""

    entries: Sequence[AccountToken]
    waits_for: str = ""


def of_dark(account: Account, entries: Sequence[AccountToken]) -> Fixers:
    """Return who can bring a dark account back: first who can be asked, of these who stopped last. `entries` come with their people.

    Never somebody who left, or who took the log-in back on purpose: where nobody else is left, anybody with access is waited for.
    """
    left = [entry for entry in entries if not _is_gone(entry.token)]
    helpful = [entry for entry in left if pool_reasons.explain_entry(entry).by_consent]
    first = pool_reasons.entry_that_stopped(account, helpful)
    ordered = sorted(helpful, key=lambda one: (bool(rules.cannot_ask(one.token)), one is not first))
    if ordered or not entries:
        return Fixers(ordered)
    reason = pool_reasons.account_reason(account, left) if left else Token.REMOVED
    return Fixers([], pool_reasons.explain_account(account, reason).helper)


def of_ending(account: Account, entries: Sequence[AccountToken]) -> Fixers:
    """Return the same for an account that works until its deadline: of those with whom it ends, else of those that stopped in it."""
    last = [one for one in entries if one.is_living and one.token.deadline == account.deadline]
    left = [entry for entry in last if not _is_gone(entry.token)]
    if left or not last:
        return Fixers(sorted(left, key=lambda one: bool(rules.cannot_ask(one.token))))
    return of_dark(account, [one for one in entries if not one.is_living] or last)


def _is_gone(token: Token) -> bool:
    """Return whether its person is not coming back to it: they left, or it was removed on purpose."""
    person = token.consented_by
    return token.is_removed or (person is not None and not person.is_active)
