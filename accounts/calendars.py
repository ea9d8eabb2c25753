"""Calendars that read deadlines by a secret address: making, reading and ending one (docs/decisions/0077-links-without-a-password.md).

The address is the key, so it is stored as a hash and shown once. What it shows is what its person sees at that moment; it ends with the
person's log-in, membership or role.
"""

import hashlib
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts import calendar_events, saved_views
from accounts.calendar_events import Deadline
from accounts.models import CalendarEnd, CalendarLink, SavedView
from accounts.permissions import VIEW
from ui.calendar_file import CalendarEvent, calendar
from ui.phrases import phrase
from ui.refusal import Refusal
from users import languages, visibility
from users.models import Team, User

MOST = 20  # addresses of one person
EVERY = timedelta(hours=6)  # how often programs are told to come
NOTED_EVERY = timedelta(hours=1)
TOLD_FOR = timedelta(days=30)  # that an address ended
_REMEMBERED = 3_000  # events of which it is known what was said, those that are gone too

say = partial(phrase, "words/calendar.txt")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CalendarText:
    """The file, a trace of it (SHA-256), and since when it is as it is."""

    body: bytes
    trace: str
    changed: datetime


@transaction.atomic
def make(
    *, user: User, team: Team | None, now: datetime, view: SavedView | None = None
) -> tuple[CalendarLink, str]:
    """Make an address for the accounts of a team, a saved view, or neither: of "My accounts". Return the row, and the secret, shown once.

    Raises Refusal where the person may not see the team or the view, or has as many as one may have.
    """
    if team is not None and not _sees(user, team):
        raise Refusal(say("no_team"))
    if view is not None and not _sees_view(user, view):
        raise Refusal(say("no_view"))
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if CalendarLink.objects.filter(user=locked).count() >= MOST:
        raise Refusal(say("enough", n=MOST))
    secret = secrets.token_urlsafe(32)
    link = CalendarLink.objects.create(user=user, team=team, view=view, sha256=_digest(secret), made_at=now)
    logger.info("calendar %s made for user %s, team %s", link.pk, user.pk, link.team_id)
    return link, secret


def renew(*, link: CalendarLink, now: datetime) -> str:
    """Give it another address, and return its secret, which is shown once. The one before opens nothing from then on."""
    secret = secrets.token_urlsafe(32)
    CalendarLink.objects.filter(pk=link.pk).update(sha256=_digest(secret), made_at=now, read_at=None)
    logger.info("calendar %s of user %s got another address", link.pk, link.user_id)
    return secret


def revoke(*, link: CalendarLink) -> bool:
    """End an address. Return whether there still was one."""
    gone = CalendarLink.objects.filter(pk=link.pk).delete()[0] > 0
    if gone:
        logger.info("calendar %s of user %s ended", link.pk, link.user_id)
    return gone


def revoke_all(*, user_id: int) -> int:
    """End all addresses of a person. Return how many."""
    return CalendarLink.objects.filter(user=user_id).delete()[0]


def end_of_team(*, team_id: int, user_id: int | None, now: datetime) -> None:
    """End the addresses for a team: those of a person who leaves it, or (None) of everybody, and have their pages say so."""
    links = CalendarLink.objects.filter(team=team_id)
    _end(links if user_id is None else links.filter(user=user_id), now)


def end_of_view(view: SavedView, *, now: datetime) -> None:
    """End the addresses for a view that goes, and have the pages of its readers say so, but not its owner's."""
    _end(CalendarLink.objects.filter(view=view).exclude(user=view.owner_id), now)


def read_by_others(view: SavedView) -> int:
    """Return how many addresses of other people than its owner show a view."""
    return CalendarLink.objects.filter(view=view).exclude(user=view.owner_id).count()


@transaction.atomic
def _end(links: QuerySet[CalendarLink], now: datetime) -> None:
    rows = list(links.select_related("team", "view").defer("said"))
    CalendarEnd.objects.bulk_create(
        CalendarEnd(
            user_id=row.user_id,
            of=CalendarEnd.Of.VIEW if row.view else CalendarEnd.Of.TEAM,
            name=str(row.view or row.team),
            at=now,
        )
        for row in rows
    )
    links.filter(pk__in=[row.pk for row in rows]).delete()


def ended(user: User, now: datetime) -> list[CalendarEnd]:
    """Return which of a person's addresses ended lately without them, the latest first, at most MOST."""
    return list(CalendarEnd.objects.filter(user=user, at__gt=now - TOLD_FOR)[:MOST])


def sweep(*, now: datetime) -> int:
    """Forget what ended long ago. Returns how many rows."""
    return CalendarEnd.objects.filter(at__lte=now - TOLD_FOR).delete()[0]


def of_person(user: User) -> list[CalendarLink]:
    """Return a person's addresses, the newest first."""
    return list(
        CalendarLink.objects.filter(user=user).select_related("team", "view").defer("said").order_by("-pk")
    )


def opened(secret: str, *, now: datetime) -> CalendarLink | None:
    """Return what a secret opens; None for one that is unknown, or whose person was switched off or no longer sees the team or view.

    The latter ends it for good, so that it opens nothing either when the person gets the role again, and the person's page says so.
    """
    found = CalendarLink.objects.select_related("user", "team", "view").filter(sha256=_digest(secret)).first()
    if found is None:
        return None
    if not found.user.is_active:
        revoke(link=found)
        return None
    if not _still_sees(found):
        _end(CalendarLink.objects.filter(pk=found.pk), now)
        return None
    return found


def read(link: CalendarLink, *, now: datetime) -> CalendarText:
    """Return the file as its person sees it now, and keep what it says, so that a moved deadline is told as moved."""
    with languages.spoken(link.user.language):
        deadlines = calendar_events.deadlines(user=link.user, team=link.team, view=link.view, now=now)
        said = _said(link.said, deadlines, now)
        about = link.view or link.team
        name = say("name", team=str(about)) if about else say("name_mine")
        events = [_event(one, said[one.uid]) for one in deadlines]
        body = calendar(name, say("about", most=calendar_events.MOST), events, every=EVERY)
    trace, changed = hashlib.sha256(body).hexdigest(), link.changed_at or now
    row = CalendarLink.objects.filter(pk=link.pk, trace=link.trace)
    if trace != link.trace:
        changed = now
        row.update(trace=trace, said=said, changed_at=now, read_at=now)
    elif link.read_at is None or now - link.read_at > NOTED_EVERY:
        row.update(read_at=now)
    return CalendarText(body, trace, changed)


def _said(before: Mapping[str, Any], deadlines: Sequence[Deadline], now: datetime) -> dict[str, Any]:
    """Return what is said of each now. A day that is another one raises the sequence; what is gone is remembered, as it may come again."""
    here: dict[str, Any] = {}
    for one in deadlines:
        day = one.day.isoformat()
        mark = hashlib.sha256(f"{one.title}\n{one.text}\n{one.url}".encode()).hexdigest()[:16]
        known = before.get(one.uid)
        if known is None:
            here[one.uid] = [0, day, mark, int(now.timestamp())]
        elif known[1:3] == [day, mark]:
            here[one.uid] = known
        else:
            here[one.uid] = [known[0] + (known[1] != day), day, mark, int(now.timestamp())]
    gone = {uid: known for uid, known in before.items() if uid not in here}
    newest = sorted(gone.items(), key=lambda one: -one[1][3])[: _REMEMBERED - len(here)]
    return here | dict(newest)


def _event(one: Deadline, said: Sequence[Any]) -> CalendarEvent:
    changed = datetime.fromtimestamp(said[3], UTC)
    return CalendarEvent(one.uid, one.day, one.title, one.text, one.url, said[0], changed)


def teams_for(user: User, *, most: int) -> list[Team]:
    """Return the first teams, by name, for whose accounts the person may make one."""
    return list(visibility.teams_seen_by(user).distinct().order_by("name")[:most])


def _sees(user: User, team: Team) -> bool:
    return user.sees_all_teams or user.teams.filter(pk=team.pk).exists()


def views_for(user: User) -> list[SavedView]:
    """Return the saved views for whose accounts the person may make one, by name: the list they are of is the portal's."""
    return list(saved_views.seen_by(user)) if user.is_staff and user.has_perm(VIEW) else []


def _sees_view(user: User, view: SavedView) -> bool:
    return bool(
        user.is_staff and user.has_perm(VIEW) and saved_views.seen_by(user).filter(pk=view.pk).exists()
    )


def _still_sees(link: CalendarLink) -> bool:
    return (link.team is None or _sees(link.user, link.team)) and (
        link.view is None or _sees_view(link.user, link.view)
    )


def _digest(secret: str) -> str:
    """Return the hash by which an address is stored and found. The secret has 256 random bits, so a plain one is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
