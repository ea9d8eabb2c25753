"""The warning mail: one per evaluation, recipient and team, made at sending from what still holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from accounts import addresses
from macros import logins, relevance, wording
from macros.models import Notice
from notifications import clean
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from users.models import User


def build(message: Message) -> Mail:
    """Build the warning mail of a message. Raises NotWanted, with the reasons, where nothing is left to say."""
    notices, dropped = relevance.still_wanted(message)
    if not notices:
        raise NotWanted(" ".join(dropped) or "The macro, the accounts or the team were deleted.")
    why = addresses.of("why_message", message.pk)
    return compose(notices, recipient=message.recipient, now=timezone.now(), why=why)


def compose(notices: Sequence[Notice], *, recipient: str, now: datetime, why: str) -> Mail:
    """Return the mail that tells one recipient these notices. `why` is the address of "Why this mail?"."""
    user = User.objects.filter(email=recipient, is_active=True).first()
    lines = logins.lines_of(notices, reader=user)
    reader = _reader(user, now, lines)
    shown = logins.by_login(lines)
    names = sorted({notice.macro_title for notice in notices})
    context: dict[str, Any] = {
        "subject": wording.subject(lines, reader),
        "heading": wording.heading(lines[0], reader),
        "lead": wording.lead(lines, reader),
        "preheader": wording.preheader(lines, reader),
        "because": wording.because(names, lines),
        "about_label": "How long authorisations last at each channel",
        "about_url": addresses.of("channel_needs") if user else "",
        "why_url": why if user else "",  # the page is for people who can log in
    }
    text = render_to_string("mail/warning/body.txt", context | _body(shown, reader, pills=False))
    html = render_to_string("mail/warning/body.html", context | _body(shown, reader, pills=True))
    subject = render_to_string("mail/warning/subject.txt", context)
    return Mail(subject=clean.line(subject), text=text, html=html)


@dataclass(frozen=True)
class Section:
    """A heading and its cards."""

    name: str
    cards: list[wording.Card]


def _body(found: Sequence[logins.Login], reader: wording.Reader, *, pills: bool) -> dict[str, Any]:
    """Return the sections with at most 20 accounts by name, how many more there are, and where to see them."""
    shares = {id(login): share for login, share in zip(found, _shares(found), strict=True)}
    sections = []
    for name, members in wording.sections(found, reader):
        cards = [
            _card(login, shares[id(login)], reader, pills=pills) for login in members if shares[id(login)]
        ]
        if cards:
            sections.append(Section(name, cards))
    total = sum(len(login.lines) for login in found)
    more = max(0, total - wording.SHOWN)
    return {"sections": sections, "more": more, "more_url": addresses.of("my_accounts")}


def _shares(found: Sequence[logins.Login]) -> list[int]:
    """Part the places of a mail: one for each log-in, since each is a press of its own, then one more for each that has more."""
    shares = [0] * len(found)
    room = wording.SHOWN
    while room and (hungry := [n for n, login in enumerate(found) if shares[n] < len(login.lines)][:room]):
        for number in hungry:
            shares[number] += 1
        room -= len(hungry)
    return shares


def _card(login: logins.Login, shown: int, reader: wording.Reader, *, pills: bool) -> wording.Card:
    account = login.first.account
    links = wording.Links(
        renew=addresses.of("reauthenticate", account.pk), look=addresses.of("my_account", account.pk)
    )
    return wording.card(login, reader, links, pills=pills, shown=shown)


def _reader(user: User | None, now: datetime, lines: Sequence[logins.Line]) -> wording.Reader:
    return wording.Reader(
        now=now,
        zone=user.zone if user else timezone.get_default_timezone(),
        user_id=user.pk if user else None,
        name=user.name if user else "",
        names_teams=len({line.account.team_id for line in lines}) > 1,
    )
