"""Which deadlines a person's calendar shows, and what it says of each: a fixed number of queries, and a limit.

An account is an event by itself. Where one log-in ends and several accounts with it, that is one event: an agency's log-in carries
dozens of them, and a day with forty lines is read by nobody.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils.translation import get_language

from accounts.models import Account, AccountToken
from accounts.selection import LIVING
from tokens import renewal
from tokens.channels import declarations
from tokens.models import Token
from ui import addresses
from ui.dates import short_date
from ui.name_visibility import NameVisibility
from ui.phrases import named, phrase
from ui.text import join_names
from users.models import Team, User
from users.visibility import names_for

MOST = 1_000  # accounts, those that end first
ALONE = 3  # accounts that end with one log-in and are still events of their own
NAMED = 30  # accounts that one event names

WORDS = "words/calendar.txt"
_BREAKS = re.compile(r"[ \t\r\n]+")
say = partial(phrase, WORDS)


@dataclass(frozen=True)
class Deadline:
    """One event: what it is known again by, its day in the person's zone, and what it says."""

    uid: str
    day: date
    title: str
    text: str
    url: str


@dataclass(frozen=True)
class _Ending:
    """An account, and the log-ins with which it ends."""

    account: Account
    tokens: Sequence[Token]

    @property
    def at(self) -> datetime:
        """When."""
        assert self.account.deadline is not None  # it was found by it
        return self.account.deadline


def deadlines(*, user: User, team: Team | None, now: datetime) -> list[Deadline]:
    """Return the deadlines of the accounts that the person sees now: of a team, or of "My accounts". By their days.

    Without what AdToken renews by itself, and what staff paused. Words in the language that is spoken. Six queries.
    """
    names = names_for(user)
    endings = [one for one in _endings(_accounts(user, team), now) if not _renews(one, now)]
    teams = set(user.memberships.values_list("team_id", flat=True))
    together: dict[int, list[_Ending]] = {}
    for one in endings:
        together.setdefault(one.tokens[0].pk if one.tokens else 0, []).append(one)
    found: list[Deadline] = []
    for token_id, several in together.items():
        if token_id and len(several) > ALONE:
            found.append(_of_log_in(several, user, names, now, teams=teams))
        else:
            found += [_of_account(one, user, names, now) for one in several]
    return sorted(found, key=lambda one: (one.day, one.uid))


def _accounts(user: User, team: Team | None) -> QuerySet[Account]:
    if team is not None:
        return Account.objects.visible_to(user).filter(team=team)
    return Account.objects.of_person(user)


def _endings(seen: QuerySet[Account], now: datetime) -> list[_Ending]:
    dated = seen.filter(deadline_kind=Account.DeadlineKind.DATE, deadline__gt=now - timedelta(days=1))
    needed = dated.filter(paused_at=None).only("name", "channel", "native_id", "team", "deadline")
    accounts = list(needed.order_by("deadline", "pk")[:MOST])
    last = AccountToken.objects.filter(
        LIVING, account__in=[one.pk for one in accounts], token__deadline=F("account__deadline")
    )
    entries = list(last.order_by("account_id", "token_id").values_list("account_id", "token_id"))
    # Each log-in once: it may be in hundreds of these pools.
    known = Token.objects.select_related("app", "consented_by").defer("credentials")
    by_id = known.in_bulk({token_id for _, token_id in entries})
    tokens: dict[int, list[Token]] = {}
    for account_id, token_id in entries:
        if token_id in by_id:
            tokens.setdefault(account_id, []).append(by_id[token_id])
    return [_Ending(one, tokens.get(one.pk, ())) for one in accounts]


def _renews(one: _Ending, now: datetime) -> bool:
    return any(renewal.renews_itself(token, now) for token in one.tokens)


def _of_account(one: _Ending, user: User, names: NameVisibility, now: datetime) -> Deadline:
    account, url = one.account, addresses.absolute_url("open_account", one.account.pk)
    channel = declarations.label(account.channel)
    lines = [
        _say_of("when", at=short_date(one.at, zone=user.zone, now=now, named=True)),
        _who(one, user, names),
        f"{channel} {account.native_id}",
        url,
    ]
    title = _say_of("one", account=account.name, channel=str(channel))
    return Deadline(_uid(account.pk), _day(one, user), title, _lines(lines), url)


def _of_log_in(
    several: Sequence[_Ending], user: User, names: NameVisibility, now: datetime, *, teams: Collection[int]
) -> Deadline:
    """Say of one log-in what ends with it. `teams`: the person's own; of others "My accounts" shows nothing, so the first is opened."""
    first = several[0]
    channel = declarations.label(first.account.channel)
    own = any(token.consented_by_id == user.pk for token in first.tokens)
    if own or all(one.account.team_id in teams for one in several):
        url = addresses.absolute_url("my_accounts")
    else:
        url = addresses.absolute_url("open_account", first.account.pk)
    lines = [
        say("when_many", at=short_date(first.at, zone=user.zone, now=now, named=True)),
        _who(first, user, names),
        "",
        *(
            f"{one.account.name}: {addresses.absolute_url('open_account', one.account.pk)}"
            for one in several[:NAMED]
        ),
    ]
    if len(several) > NAMED:
        lines.append(say("more", n=len(several) - NAMED))
    title = say("many", n=len(several), channel=channel)
    # Known by its first account, whichever log-in it is that ends: so it is the same event when the deadline moves to another one.
    known_by = min(one.account.pk for one in several)
    return Deadline(_uid(known_by), _day(first, user), title, "\n".join(lines), url)


def _who(one: _Ending, user: User, names: NameVisibility) -> str:
    """Say whose new consent would keep it."""
    if any(token.consented_by_id == user.pk for token in one.tokens):
        return say("you")
    who = list(dict.fromkeys(str(names.within(token, one.account)) for token in one.tokens))
    return _say_of("who", who=join_names(who)) if who else ""


def _say_of(block: str, **names: str) -> str:
    """Return a phrase with names, dates or addresses: a file says the same few sentences of a thousand accounts."""
    on_one_line = {key: _BREAKS.sub(" ", name).strip() for key, name in names.items()}
    return named(WORDS, block, on_one_line, language=get_language())


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(line for line in lines if line)


def _day(one: _Ending, user: User) -> date:
    return one.at.astimezone(user.zone).date()


def _uid(account: int) -> str:
    return f"account-{account}@{urlsplit(settings.BASE_URL).hostname or 'adtoken'}"
