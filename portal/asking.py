"""Asking many to re-authenticate: one mail a person, with all log-ins and accounts that it is about."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from accounts import actions, asks_of_app
from accounts.many import asking as people
from accounts.models import Account, AccountToken
from portal import campaign_people, campaign_rows
from tokens.models import Token
from ui.bulk import Item
from ui.confirm import ConfirmLine
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.text import join_names
from users.models import User

say = partial(phrase, "words/jobs.txt")
NOBODY = gettext_lazy("Nobody is asked: see the reasons above.")
Found = tuple[Account, AccountToken]


def needed(accounts: Sequence[Account], _by: User, names: NameVisibility, now: datetime) -> list[Item]:
    """Return one item per person whose log-in stopped or ends soon, and one that says why for each account where nobody is asked."""
    found: list[Found] = []
    nobody: list[Item] = []
    called = labels(accounts)
    for account in accounts:
        entries = people.needed(account, now)
        found += [(account, entry) for entry in entries]
        if not entries:
            why, facts = people.why_nobody(account)
            nobody.append(Item(gettext("Nobody"), called[account.pk], skipped=say(why, **facts)))
    return everybody(found, names, now) + nobody


def everybody(entries: Sequence[Found], names: NameVisibility, now: datetime) -> list[Item]:
    """Return one item per person, whether or not the log-ins end soon; those that are skipped last.

    A log-in that nobody can be asked to renew is an item of its own.
    """
    by_person: dict[tuple[str, int], list[Found]] = {}
    for account, entry in entries:
        token = entry.token
        refused = bool(actions.cannot_ask(token)) or token.consented_by_id is None
        key = ("log-in", token.pk) if refused else ("person", token.consented_by_id or 0)
        by_person.setdefault(key, []).append((account, entry))
    asked = _asked_today([entry.token for _, entry in entries], now)
    unreached = campaign_people.parked([pk for what, pk in by_person if what == "person"])
    made = [
        _item(found, names, asked, parked=what == "person" and pk in unreached)
        for (what, pk), found in by_person.items()
    ]
    return sorted(made, key=lambda item: bool(item.skipped))


def _asked_today(tokens: Sequence[Token], now: datetime) -> dict[int, datetime]:
    """Return when log-ins were asked for today, without those that were renewed since."""
    asks = asks_of_app.asked_today(Q(token__in=[token.pk for token in tokens]), now)
    return dict(asks.order_by("at").values_list("token_id", "at"))


def _item(found: list[Found], names: NameVisibility, asked: dict[int, datetime], *, parked: bool) -> Item:
    """Return what one person is asked for: what was not asked for today, or, where a tick says so, all of it. Nothing where mail does not
    reach them.
    """
    account, entry = found[0]
    fresh = [(one, other.token) for one, other in found if other.token_id not in asked]
    everything = [(one, other.token) for one, other in found]
    at = max((asked[other.token_id] for _, other in found if other.token_id in asked), default=None)
    line = _line(
        entry,
        names.token(entry.token, account),
        everything=_named([one for one, _ in everything]),
        fresh=_named([one for one, _ in fresh]),
        left_out=_named([one for one, other in found if other.token_id in asked]),
        at=at,
    )
    if parked:
        everything_named = _named([one for one, _ in everything])
        return Item(line.who, everything_named, skipped=campaign_rows.say("parked"))
    again = bool(at) and not actions.cannot_ask(entry.token)
    return Item(line.who, line.what, skipped=line.skipped, but=line.but, again=again)


def lines_of(found: Iterable[asks_of_app.Details], names: NameVisibility) -> list[ConfirmLine]:
    """Return the same lines for people of whose accounts no more is known than a line shows."""
    lines = []
    for one in found:
        entry = one.everything.entries[0]
        parts = {"everything": one.everything, "fresh": one.fresh, "left_out": one.asked}
        said = {name: _named(part.accounts, part.number) for name, part in parts.items()}
        lines.append(_line(entry, names.token(entry.token, entry.account), **said, at=one.asked_at))
    return lines


def _line(
    entry: AccountToken, who: str, *, everything: str, fresh: str, left_out: str, at: datetime | None
) -> ConfirmLine:
    """Return what one person is asked for, in words; `fresh` is "" where all was asked for today, the last time `at`."""
    today = gettext("asked today, %(time)s") % {"time": f"{timezone.localtime(at):%H:%M}"} if at else ""
    refused = actions.cannot_ask(entry.token)
    but = gettext("not about %(accounts)s: %(when)s") % {"accounts": left_out, "when": today}
    return ConfirmLine(
        who=who,
        what=everything if refused or not fresh else fresh,
        skipped=refused or ("" if fresh else today),
        but=but if fresh and at else "",
    )


def _named(accounts: Sequence[Account], number: int | None = None) -> str:
    """Return the accounts' names, told apart where two have one name. Of a `number` of accounts the first by name are enough."""
    return join_names(list(labels(accounts).values()), number)


def labels(accounts: Sequence[Account]) -> dict[int, str]:
    """Return the accounts' names by id: with the channel where two have one name, and the channel's id where that is the same too."""
    several = {one.pk: one for one in accounts}
    names = Counter(one.name for one in several.values())
    on_channel = Counter((one.name, one.channel) for one in several.values())
    found = {}
    for pk, one in several.items():
        more = one.get_channel_display()
        if on_channel[one.name, one.channel] > 1:
            more += f", {one.native_id}"
        found[pk] = f"{one.name} ({more})" if names[one.name] > 1 else one.name
    return found
