"""Calendars that read deadlines by a secret address: making, reading and ending one (docs/decisions/0077-links-without-a-password.md).

The address is the key, so it is stored as a hash and shown once. What it shows is what its person sees at that moment; it ends with the
person's log-in, membership or role.

An account is an event by itself. Where one log-in ends and several accounts with it, that is one event: an agency's log-in carries
dozens of them, and a day with forty lines is read by nobody.
"""

import hashlib
import logging
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import icalendar
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import post_save

from accounts.models import Account, AccountToken, CalendarLink
from tokens.channels import declarations
from tokens.models import Token
from ui import addresses
from ui.dates import short_date
from ui.errors import Refusal
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.text import join_names
from users.models import Team, User
from users.people import languages
from users.people.queries import names_for

MEDIA_TYPE = "text/calendar; charset=utf-8"
MOST = 20  # addresses of one person
MOST_ACCOUNTS = 1_000  # of one calendar, those that end first
ALONE = 3  # accounts that end with one log-in and are still events of their own
NAMED = 30  # accounts that one event names
EVERY = timedelta(hours=6)  # how often programs are told to come, and how often the file has a new number
NOTED_EVERY = timedelta(hours=1)
WORDS = "words/calendar.txt"
_BREAKS = re.compile(r"[ \t\r\n]+")
say = partial(phrase, WORDS)
logger = logging.getLogger(__name__)


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


@transaction.atomic
def make_calendar(*, user: User, team: Team | None, now: datetime) -> tuple[CalendarLink, str]:
    """Make an address for the accounts of a team, or of "My accounts". Return the row, and the secret, shown once.

    Raises Refusal where the person may not see the team, or has as many as one may have.
    """
    if not CalendarLink(user=user, team=team).may_be_read:
        raise Refusal(say("no_team"))
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if CalendarLink.objects.filter(user=locked).count() >= MOST:
        raise Refusal(say("enough", n=MOST))
    secret = secrets.token_urlsafe(32)
    link = CalendarLink.objects.create(user=user, team=team, sha256=_digest(secret), made_at=now)
    logger.info("calendar %s made for user %s, team %s", link.pk, user.pk, link.team_id)
    return link, secret


def end_calendar(*, link: CalendarLink) -> bool:
    """End an address. Return whether there still was one."""
    gone = CalendarLink.objects.filter(pk=link.pk).delete()[0] > 0
    if gone:
        logger.info("calendar %s of user %s ended", link.pk, link.user_id)
    return gone


def links_of_person(user: User) -> list[CalendarLink]:
    """Return a person's addresses, the newest first."""
    return list(CalendarLink.objects.filter(user=user).select_related("team").order_by("-pk"))


def link_opened_by(secret: str) -> CalendarLink | None:
    """Return what a secret opens; None for one that is unknown, or whose person was switched off or no longer sees the team.

    The latter ends it for good, so that it opens nothing either when the person gets the role again.
    """
    found = CalendarLink.objects.select_related("user", "team").filter(sha256=_digest(secret)).first()
    if found is None:
        return None
    if not found.may_be_read:
        end_calendar(link=found)
        return None
    return found


def read_calendar(link: CalendarLink, *, now: datetime) -> bytes:
    """Return the file as its person sees it now. Words in their language."""
    if link.read_at is None or now - link.read_at > NOTED_EVERY:
        CalendarLink.objects.filter(pk=link.pk).update(read_at=now)
    with languages.spoken(link.user.language):
        found = deadlines_of(user=link.user, team=link.team, now=now)
        name = say("name", team=str(link.team)) if link.team else say("name_mine")
        return _file(name, say("about", most=MOST_ACCOUNTS), found, now)


def _file(name: str, about: str, ends: Sequence[Deadline], now: datetime) -> bytes:
    """Return a calendar of whole days, which programs that subscribe put in place of what they had. Nobody is busy because of it.

    Its number grows every few hours, so that a program which goes by it sees that an event was moved.
    """
    number = int(now.timestamp() // EVERY.total_seconds())
    made = datetime.fromtimestamp(number * EVERY.total_seconds(), UTC)
    found = icalendar.Calendar()
    found.add("version", "2.0")
    found.add("prodid", "-//AdToken//Deadlines//EN")
    for key, text in (
        ("name", name),
        ("x-wr-calname", name),
        ("description", about),
        ("x-wr-caldesc", about),
    ):
        found.add(key, _plain(text))
    found.add("refresh-interval", icalendar.vDuration(EVERY), {"VALUE": "DURATION"})
    found.add("x-published-ttl", icalendar.vDuration(EVERY))
    for one in ends:
        event = icalendar.Event()
        event.add("uid", one.uid)
        event.add("dtstamp", made)
        event.add("sequence", number)
        event.add("dtstart", one.day)
        event.add("dtend", one.day + timedelta(days=1))
        event.add("summary", _plain(one.title))
        event.add("description", _plain(one.text))
        event.add("url", one.url)
        event.add("transp", "TRANSPARENT")
        found.add_component(event)
    return bytes(found.to_ical())


def _plain(text: str) -> str:
    """Return a text without characters that no calendar may hold: a channel's names are no more than passed on."""
    return "".join(letter for letter in text if letter >= " " or letter == "\n")


def teams_for(user: User, *, most: int) -> list[Team]:
    """Return the first teams, by name, for whose accounts the person may make one."""
    return list(user.teams_seen.distinct().order_by("name")[:most])


def _digest(secret: str) -> str:
    """Return the hash by which an address is stored and found. The secret has 256 random bits, so a plain one is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def deadlines_of(*, user: User, team: Team | None, now: datetime) -> list[Deadline]:
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
    accounts = list(needed.order_by("deadline", "pk")[:MOST_ACCOUNTS])
    last = AccountToken.objects.ending_with_account().filter(account__in=[one.pk for one in accounts])
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
    return any(token.renews_itself(now) for token in one.tokens)


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
    return say(block, **on_one_line)


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(line for line in lines if line)


def _day(one: _Ending, user: User) -> date:
    return one.at.astimezone(user.zone).date()


def _uid(account: int) -> str:
    return f"account-{account}@{urlsplit(settings.BASE_URL).hostname or 'adtoken'}"


def connect() -> None:
    """Hear of people who are switched off."""
    post_save.connect(_end_calendars, User, dispatch_uid="accounts.calendars.services")


def _end_calendars(sender: Any, *, instance: User, raw: bool = False, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    if not instance.is_active and not raw:
        CalendarLink.objects.filter(user=instance.pk).delete()
