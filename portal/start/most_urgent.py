"""*Most urgent* of the start page: the accounts that need somebody first, who that is, and the one press that asks them."""

from dataclasses import dataclass
from functools import partial

from django.db.models import Exists, F, OuterRef
from django.urls import reverse

from accounts.account_pages import rows as account_rows
from accounts.account_pages.rows import ListedAccount
from accounts.asks import rules
from accounts.asks.rules import Fixers, fixers_of_dark, fixers_of_ending
from accounts.backups import queries as backups
from accounts.backups.queries import Offer
from accounts.models import Account, AccountToken
from accounts.pool.health import Health
from portal.start.queries import Viewer
from tokens.channels.kinds import Reason
from tokens.models import TokenEvent
from ui.dates import AT_RISK, end_of_window
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from users.people.queries import names_for

say = partial(phrase, "words/start_page.txt")
SHOWN = 5
_RESTRICTED = 1  # of them, while there are others: nobody here can do much about these


@dataclass(frozen=True)
class Urgent:
    """One line: the account as the list shows it, who can fix it, and a button."""

    account: Account
    row: ListedAccount
    who: str  # "" where nobody is known
    others: int  # who could fix it as well
    button: str
    link: str
    asks: bool  # the button asks or adds somebody, else it leads to the steps


def most_urgent(viewer: Viewer, *, may_ask: bool, may_add: bool) -> list[Urgent]:
    """Return the first few: what is dark, the latest first; one that its channel restricts; then what ends within 30 days.

    Of what is dark it is first a colleague whose log-in reaches it already: adding them brings it back at once.
    A fixed number of queries, each with a limit.
    """
    names, now = names_for(viewer.user), viewer.now
    found = [account_rows.listed_account(one, names=names, now=now) for one in _first(viewer)]
    fixers = [_fixers(row) for row in found]
    tokens = [one.entries[0].token_id for one in fixers if one.entries]
    asks = TokenEvent.objects.filter(
        token__in=tokens, kind=TokenEvent.Kind.ASKED, at__gt=F("token__linked_at")
    )
    asked = set(asks.values_list("token", flat=True))
    dark = [row.summary.account.pk for row in found if row.summary.health == Health.DEACTIVATED]
    offers = backups.offers_by_account(account_ids=dark) if dark else {}
    return [
        _backed_up(row, one, offers[row.summary.account.pk][0], names, may_add=may_add)
        if row.summary.account.pk in offers
        else _line(row, one, asked, names, may_ask=may_ask)
        for row, one in zip(found, fixers, strict=True)
    ]


def _first(viewer: Viewer) -> list[Account]:
    accounts, now, zone = viewer.accounts, viewer.now, viewer.zone
    linked = Exists(AccountToken.objects.filter(account=OuterRef("pk")))  # else there is nobody to ask
    dark = accounts.in_health(Health.DEACTIVATED, now=now, zone=zone)
    dark = dark.order_by(linked.desc(), "-since", "pk")
    restricted = accounts.in_health(Health.RESTRICTED, now=now, zone=zone).order_by("-since", "pk")
    works = accounts.filter(paused_at=None, state=Account.State.CONNECTED, restriction="")
    soon = works.filter(deadline__lt=end_of_window(AT_RISK, now=now, zone=zone)).order_by("deadline", "pk")
    stopped, limited, ending = (
        list(one.values_list("pk", flat=True)[:SHOWN]) for one in (dark, restricted, soon)
    )
    kept_free = min(len(limited), _RESTRICTED) + min(len(ending), 2)
    first = stopped[: max(SHOWN - kept_free, 0)]
    ends = ending[: SHOWN - len(first) - min(len(limited), _RESTRICTED)]
    between = limited[: SHOWN - len(first) - len(ends)]
    ids = [*first, *between, *ends, *stopped[len(first) : SHOWN - len(between) - len(ends)]]
    whole = Account.objects.visible_to(viewer.user).with_pools().in_bulk(ids)
    return [whole[pk] for pk in ids if pk in whole]


def _fixers(row: ListedAccount) -> Fixers:
    one, account = row.summary, row.summary.account
    if one.health == Health.RESTRICTED:
        return Fixers([], account.explain(Reason.RESTRICTED).who)
    if one.health != Health.DEACTIVATED:
        return fixers_of_ending(account, one.entries)
    return fixers_of_dark(account, one.entries)


def _backed_up(
    row: ListedAccount, fixers: Fixers, offer: Offer, names: NameVisibility, *, may_add: bool
) -> Urgent:
    """Return the line of a dark account to which a colleague can be added."""
    account, token = row.summary.account, offer.token
    others = {one.token.person_name for one in fixers.entries} - {token.person_name}
    link, button = reverse("admin:accounts_account_change", args=[account.pk]), say("see_steps")
    if may_add:
        link = reverse("admin:accounts_account_token_backup", args=[account.pk, token.pk])
        button = say("add", who=names.first(token, account) if names.sees_token(token, account) else "")
    return Urgent(account, row, names.token(token, account), len(others), button, link, asks=may_add)


def _line(
    row: ListedAccount, fixers: Fixers, asked: set[int], names: NameVisibility, *, may_ask: bool
) -> Urgent:
    account = row.summary.account
    home = reverse("admin:accounts_account_change", args=[account.pk])
    if not fixers.entries:
        return Urgent(account, row, fixers.waits_for, 0, say("see_steps"), home, asks=False)
    token = fixers.entries[0].token
    who, others = names.token(token, account), len({one.token.person_name for one in fixers.entries}) - 1
    if not may_ask or rules.cannot_ask(token):
        return Urgent(account, row, who, others, say("see_steps"), home, asks=False)
    link = reverse("admin:accounts_account_token_ask", args=[account.pk, token.pk])
    known = names.sees_token(token, account)
    words = "ask_again" if token.pk in asked else "ask"
    button = say(words, who=names.first(token, account) if known else "")
    return Urgent(account, row, who, others, button, link, asks=True)
