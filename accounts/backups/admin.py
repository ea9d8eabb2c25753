"""Adding backups that are at hand: the page that asks about accounts, one or many."""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext, gettext_lazy

from accounts.backups import jobs as adding
from accounts.backups import services as backing_up
from accounts.backups.card import publishes
from accounts.jobs.models import BACKUP, say
from accounts.models import Account
from accounts.pool.queries import account_labels
from portal import bulk
from ui.confirm import ConfirmLine
from users.models import User
from users.people.queries import names_for


def _lines(accounts: Sequence[Account], viewer: User) -> list[ConfirmLine]:
    """Return who would be added to each account, or asked before; and why nobody, last."""
    best, called, names = adding.best_offers(accounts), account_labels(accounts), names_for(viewer)
    asked_first = backing_up.asked_first(best, {one.pk: one for one in accounts}, viewer)
    waiting = backing_up.waiting_of(called)
    made = []
    for account in accounts:
        offer = best.get(account.pk)
        if offer is None:
            why = say(adding.why_not(account, waiting))
            made.append(ConfirmLine(called[account.pk], gettext("Nobody"), skipped=why))
            continue
        but = gettext("is asked first") if account.pk in asked_first else ""
        who = names.token(offer.token, account)
        made.append(ConfirmLine(called[account.pk], who, then=publishes(offer), but=but))
    return sorted(made, key=lambda line: bool(line.skipped))


def _left_over(chosen: bulk.Chosen) -> Mapping[str, object]:
    """Return the accounts that lack a backup and that no log-in at hand reaches: for these somebody can be invited."""
    best = adding.best_offers([] if chosen.unread else chosen.accounts)
    lacking = [one.pk for one in chosen.accounts if one.lacks_backup and not one.is_paused]
    left = [] if chosen.unread else [pk for pk in lacking if pk not in best]
    return {"left_over": ",".join(map(str, left)), "left": len(left)}


BULKS = (
    bulk.Bulk(
        BACKUP,
        _lines,
        gettext_lazy("No log-in of a colleague is known to reach one of them."),
        facts=_left_over,
    ),
)
