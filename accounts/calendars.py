"""Calendars that read deadlines by a secret address: making, reading and ending one (docs/decisions/0077-links-without-a-password.md).

The address is the key, so it is stored as a hash and shown once. What it shows is what its person sees at that moment; it ends with the
person's log-in, membership or role.
"""

import hashlib
import logging
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import icalendar
from django.db import transaction

from accounts import calendar_events
from accounts.calendar_events import Deadline
from accounts.models import CalendarLink
from ui.phrases import phrase
from ui.refusal import Refusal
from users import languages, visibility
from users.models import Team, User

MEDIA_TYPE = "text/calendar; charset=utf-8"
MOST = 20  # addresses of one person
EVERY = timedelta(hours=6)  # how often programs are told to come, and how often the file has a new number
NOTED_EVERY = timedelta(hours=1)
say = partial(phrase, "words/calendar.txt")
logger = logging.getLogger(__name__)


@transaction.atomic
def make(*, user: User, team: Team | None, now: datetime) -> tuple[CalendarLink, str]:
    """Make an address for the accounts of a team, or of "My accounts". Return the row, and the secret, shown once.

    Raises Refusal where the person may not see the team, or has as many as one may have.
    """
    if team is not None and not _sees(user, team):
        raise Refusal(say("no_team"))
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if CalendarLink.objects.filter(user=locked).count() >= MOST:
        raise Refusal(say("enough", n=MOST))
    secret = secrets.token_urlsafe(32)
    link = CalendarLink.objects.create(user=user, team=team, sha256=_digest(secret), made_at=now)
    logger.info("calendar %s made for user %s, team %s", link.pk, user.pk, link.team_id)
    return link, secret


def revoke(*, link: CalendarLink) -> bool:
    """End an address. Return whether there still was one."""
    gone = CalendarLink.objects.filter(pk=link.pk).delete()[0] > 0
    if gone:
        logger.info("calendar %s of user %s ended", link.pk, link.user_id)
    return gone


def revoke_all(*, user_id: int) -> int:
    """End all addresses of a person. Return how many."""
    return CalendarLink.objects.filter(user=user_id).delete()[0]


def of_person(user: User) -> list[CalendarLink]:
    """Return a person's addresses, the newest first."""
    return list(CalendarLink.objects.filter(user=user).select_related("team").order_by("-pk"))


def opened(secret: str) -> CalendarLink | None:
    """Return what a secret opens; None for one that is unknown, or whose person was switched off or no longer sees the team.

    The latter ends it for good, so that it opens nothing either when the person gets the role again.
    """
    found = CalendarLink.objects.select_related("user", "team").filter(sha256=_digest(secret)).first()
    if found is None:
        return None
    if not found.user.is_active or (found.team is not None and not _sees(found.user, found.team)):
        revoke(link=found)
        return None
    return found


def read(link: CalendarLink, *, now: datetime) -> bytes:
    """Return the file as its person sees it now. Words in their language."""
    if link.read_at is None or now - link.read_at > NOTED_EVERY:
        CalendarLink.objects.filter(pk=link.pk).update(read_at=now)
    with languages.spoken(link.user.language):
        deadlines = calendar_events.deadlines(user=link.user, team=link.team, now=now)
        name = say("name", team=str(link.team)) if link.team else say("name_mine")
        return _file(name, say("about", most=calendar_events.MOST), deadlines, now)


def _file(name: str, about: str, deadlines: Sequence[Deadline], now: datetime) -> bytes:
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
    for one in deadlines:
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
    return list(visibility.teams_seen_by(user).distinct().order_by("name")[:most])


def _sees(user: User, team: Team) -> bool:
    return user.sees_all_teams or user.teams.filter(pk=team.pk).exists()


def _digest(secret: str) -> str:
    """Return the hash by which an address is stored and found. The secret has 256 random bits, so a plain one is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
