"""My accounts: does anything need me, and what do I press. Grouped by log-in, because one consent renews all its accounts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.utils import timezone

from accounts.asks import rules as fixers
from accounts.linking import overview
from accounts.models import Account, AccountToken
from accounts.pool import queries as pool_queries
from accounts.pool.health import Health
from accounts.pool.queries import Summary
from selfservice import keepers
from selfservice import queries as my_list
from selfservice.queries import OWN_DARK, OWN_WORKING, TEAMS_DARK, TEAMS_WORKING
from tokens.channels import declarations, registry
from tokens.models import Token
from tokens.token import reasons
from ui import dates
from ui.dates import AT_RISK, URGENT, DeadlineFacts, within
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.pills import Pill, pill
from ui.text import first_name, mid, number, restriction_said
from users.models import User
from users.people.queries import names_for


@dataclass(frozen=True)
class LoginRow:
    """One log-in of this person that needs him."""

    token: Token
    channel: str
    label: str
    pill: Pill
    text: str
    accounts: Sequence[tuple[Account, str]]  # those that are named, and what still keeps each connected
    more: int  # how many others use it
    target: Account


@dataclass(frozen=True)
class AccountRow:
    """One account outside the log-ins that need the person."""

    account: Account
    health: Health
    text: str
    action: str = ""  # "reauthenticate", "steps" (somebody else has to act)

    @property
    def line(self) -> str:
        """The text with the channel's name in front: accounts of one brand have one name at six channels."""
        label = declarations.label(self.account.channel)
        return self.text if self.text.startswith(label) else say("line", channel=label, what=self.text)


@dataclass(frozen=True)
class Group:
    """Accounts under one heading."""

    key: str  # of my_list.GROUPS
    number: int  # of them, on all pages
    rows: Sequence[AccountRow]

    @property
    def has_more(self) -> bool:
        """Whether it has more than the page shows."""
        return self.number > len(self.rows)


NAMED = 6  # accounts of a log-in
SEARCHED_FROM = 20  # accounts; fewer are seen at one look
say = partial(phrase, "words/my_accounts.txt")


def my_accounts_facts(
    user: User, now: datetime, *, search: str = "", log_in: int = 0, only: str = "", number: str = ""
) -> dict[str, Any]:
    """Return what "My accounts" shows: log-ins that need the person first, then the first accounts that stopped, and that work.

    `search` (name or id), `log_in` (one of the person's own tokens) and `only` (one of my_list.GROUPS) make it a list with pages; the
    first two find those log-ins' accounts too.
    """
    names, needing = names_for(user), my_list.log_ins_needing(user, now)
    one_log_in = Token.objects.filter(pk=log_in, consented_by=user).select_related("app").first()
    above = [] if search or one_log_in else needing
    found = my_list.listed_accounts(user, without=above, log_in=one_log_in, search=search)
    numbers = dict(found.order_by().values_list("group").annotate(Count("pk")))
    only = only if only in my_list.GROUPS else ""
    narrowed = bool(search or one_log_in or only)
    if only:
        numbers, found = {only: numbers.get(only, 0)}, found.filter(group=only)
    total = sum(numbers.values())
    page = Paginator(found.values_list("pk", "group"), my_list.PAGE).get_page(number) if narrowed else None
    row, alone = partial(_account_row, user, names, now), [] if narrowed else my_list.alone_by_team(user)
    return {
        "do_first": [] if narrowed else _login_rows(needing, names, now),
        "groups": _groups(_first_of(found) if page is None else page, numbers, now, row),
        "elsewhere": []
        if narrowed
        else [
            (key, say(key, **_count(numbers[key]))) for key in (TEAMS_DARK, TEAMS_WORKING) if key in numbers
        ],
        "alone": alone,
        "lone": sum(team["number"] for team in alone),
        "lead": _narrowed_lead(search, one_log_in, only, total)
        if narrowed
        else _lead(user, needing, numbers),
        "empty": not needing and not total and not narrowed,
        "search": search,
        "log_in": one_log_in,
        "narrowed": narrowed,
        "only_looks": user.only_looks,
        "searchable": narrowed or total + sum(one.number for one in needing) > SEARCHED_FROM,
        "page": page,
    }


def _first_of(found: QuerySet[Any]) -> list[tuple[int, str]]:
    """Return id and group of the first accounts of those groups that are shown beside others."""
    ids = found.values_list("pk", "group")
    return [one for key in (OWN_DARK, OWN_WORKING) for one in ids.filter(group=key)[: my_list.FIRST]]


def _groups(
    shown: Iterable[tuple[int, str]],
    numbers: Mapping[str, int],
    now: datetime,
    row: Callable[[Summary], AccountRow],
) -> list[Group]:
    """Return these accounts (id, group) as rows by group, and how many each group has."""
    by_group: dict[str, list[int]] = {key: [] for key in my_list.GROUPS}
    for pk, key in shown:
        by_group[key].append(pk)
    ids = [pk for some in by_group.values() for pk in some]
    rows = {account.pk: row(pool_queries.summarise(account, now)) for account in _in_order(ids)}
    groups = [
        Group(key, numbers.get(key, 0), [rows[pk] for pk in some if pk in rows])
        for key, some in by_group.items()
    ]
    return [group for group in groups if group.rows]


def _narrowed_lead(search: str, log_in: Token | None, only: str, total: int) -> str:
    """Return how much of the list is shown. What is not shown may need somebody, so nothing is said of it."""
    if only:
        return say(only, **_count(total))
    channel = registry.get(log_in.app.channel).label if log_in else ""
    return say("found", **_count(total), channel=channel, search=search)


def _count(found: int) -> dict[str, object]:
    """Return a number as a phrase counts and writes it."""
    return {"n": found, "number": number(found)}


def _in_order(keys: Iterable[int]) -> list[Account]:
    """Return the accounts of these ids with their pools, in this order."""
    ids = list(keys)
    found = Account.objects.with_pools().in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def _login_rows(needing: Sequence[my_list.Needing], names: NameVisibility, now: datetime) -> list[LoginRow]:
    """Return the rows of the person's log-ins that need him, most urgent first."""
    worst = my_list.worst_accounts(needing, NAMED)
    accounts = {one.pk: one for one in _in_order({pk for ids in worst.values() for pk in ids})}
    rows = []
    for one in needing:
        named = [accounts[pk] for pk in worst.get(one.token.pk, []) if pk in accounts]
        if named:  # else all were unlinked a moment ago
            rows.append(
                _login_row(one, [pool_queries.summarise(account, now) for account in named], names, now)
            )
    return sorted(rows, key=_by_urgency(now))


def _login_row(
    needing: my_list.Needing, named: Sequence[Summary], names: NameVisibility, now: datetime
) -> LoginRow:
    """Return the row of a log-in that needs the person, which names these accounts."""
    token = needing.token
    label, zone = registry.get(token.app.channel).label, timezone.get_current_timezone()
    if token.state == Token.State.DEAD:
        shown = pill("log_in", "stopped")
        text = reasons.explain(token.app.channel, token.reason, person=token.native_user_name, you=True).what
    elif token.deadline is not None and within(token.deadline, AT_RISK, now=now, zone=zone):
        left = dates.days_left(DeadlineFacts("date", token.deadline), now=now, zone=zone).text
        urgent = within(token.deadline, URGENT, now=now, zone=zone)
        shown = pill("account", "urgent" if urgent else "at_risk", label=left)
        text = ""
    else:
        explanation = _entry_in(named[0], token).explain(you=True)
        shown, text = pill("log_in", "limited", label=explanation.short), explanation.what
    if needing.number > 1:
        text = f"{text} {say('enough', n=needing.number)}".strip()
    hanging = [(one.account, _hanging(one, _entry_in(one, token), names, now)) for one in named]
    more = needing.number - len(named)
    return LoginRow(token, token.app.channel, label, shown, text, hanging, more, named[0].account)


def _entry_in(one: Summary, token: Token) -> AccountToken:
    """Return a log-in's entry in the pool of an account that was read with it."""
    return next(entry for entry in one.entries if entry.token_id == token.pk)


def _by_urgency(now: datetime) -> Callable[[LoginRow], tuple[bool, bool, datetime]]:
    """Return the order of log-ins: those whose accounts stopped, then those that stopped, then by what ends first."""

    def place(row: LoginRow) -> tuple[bool, bool, datetime]:
        deactivated = any(account.is_deactivated for account, _ in row.accounts)
        return not deactivated, row.token.state != Token.State.DEAD, row.token.deadline or now

    return place


def _hanging(one: Summary, entry: AccountToken, names: NameVisibility, now: datetime) -> str:
    """Return what becomes of an account that uses a log-in, and what still keeps it connected."""
    account, token = one.account, entry.token
    carriers = [other for other in one.usable if other.token_id != token.pk]
    no_backup = len(one.entries) == 1
    if account.is_deactivated:
        return say("has_stopped", no_backup=no_backup)
    if account.state == Account.State.PAUSED:
        return say("is_paused")
    if account.state == Account.State.INTERRUPTED:
        return say("is_checked")
    zone = timezone.get_current_timezone()
    if not carriers:
        ends = token.deadline
        when = dates.short_date(ends, zone=zone, now=now, named=True) if ends else ""
        return say("stops", when=when, no_backup=no_backup)
    name = first_name(names.within(carriers[0].token, account))
    best = max((other.token.deadline for other in carriers if other.token.deadline), default=None)
    if any(other.token.deadline is None for other in carriers) or best is None:
        return say("works_through", name=name)
    day = dates.moment(best, zone=zone, now=now).day
    left = dates.time_left(best, now=now, zone=zone)
    return say("works_through_until", name=name, until=day, left=left)


def _account_row(user: User, names: NameVisibility, now: datetime, one: Summary) -> AccountRow:
    account, health = one.account, one.own_health
    if account.is_deactivated:
        return AccountRow(account, health, *_stopped(one, user, names))
    if account.state == Account.State.INTERRUPTED:
        return AccountRow(account, health, say("checking"))
    if account.state == Account.State.PAUSED:
        return AccountRow(account, health, say("paused", note=account.why_paused))
    if account.restriction:
        label = registry.get(account.channel).label
        text = say("restricted", channel=label, restriction=restriction_said(account.restriction))
        return AccountRow(account, health, text)
    own = overview.own_entry(one, user)
    if health == Health.DATE_UNKNOWN:
        return AccountRow(account, health, say("date_unknown"), "reauthenticate" if own else "")
    left = dates.days_left(one.deadline, now=now, zone=timezone.get_current_timezone()).text
    carrier = _carried_by(one, user, names)
    if own is None or own.is_living:
        return AccountRow(account, health, say("carried", left=left, carrier=carrier))
    own.account = account
    what = keepers.text_of_keeper(account, own, "", you=True, active=False)
    text = say("carried_but", left=left, carrier=carrier, what=what)
    return AccountRow(account, health, text, _own_action(own))


def _own_action(own: AccountToken) -> str:
    """Return what the person can do for a log-in of theirs that carries nothing here. Nobody is asked to bring back what they removed."""
    if own.token.is_removed:
        return ""
    return "reauthenticate" if own.explain().by_consent else "steps"


def _carried_by(one: Summary, user: User, names: NameVisibility) -> str:
    if any(entry.is_of(user) for entry in one.usable):
        backups = one.account.people_count - 1
        return say("only_you") if backups <= 0 else say("you_and", n=backups)
    carrier = one.active_name(names)
    return say("through", name=first_name(carrier) if carrier else "")


def _stopped(one: Summary, user: User, names: NameVisibility) -> tuple[str, str]:
    """Return why an account that is dark has stopped and whom it waits for, and what the reader can do."""
    if not one.entries:
        return say("nobody_linked"), ""
    account = one.account
    explanation = account.explain(account.reason_now(one.entries))
    found = fixers.fixers_of_dark(account, one.entries)
    waits_for = found.waits_for
    if found.entries and found.entries[0].token.consented_by_id not in {None, user.pk}:
        waits_for = names.within(found.entries[0].token, account)
    own, action = overview.own_entry(one, user), ""
    if own is not None:
        own.account = account
        action = _own_action(own)
    return say("account_stopped", short=mid(explanation.short), who=waits_for), action


def _lead(user: User, needing: Sequence[my_list.Needing], numbers: Mapping[str, int]) -> str:
    """Return the first sentence of the page, the worst fact first."""
    said = [say("log_ins_need", **_count(len(needing)))] if needing else []
    if stopped := numbers.get(OWN_DARK, 0):
        said.append(say("others_stopped" if needing else OWN_DARK, **_count(stopped)))
    if not said and not user.tokens.exists():
        return say("none_linked")
    return " ".join(said) or say("own_work" if numbers.get(TEAMS_DARK, 0) else "all_well")
