"""The warning mail: one per evaluation, recipient and team, made at sending from what still holds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from macros import grouping, mail_facts, opt_outs, revalidation
from macros.models import Notice
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui import addresses, mails
from users import contacts
from users.models import User

HIDDEN = "hidden"  # replaces in the kept copy what is the reader's alone


def build(message: Message) -> Mail:
    """Build the warning mail of a message. Raises NotWanted, with the reasons, where nothing is left to say."""
    notices, dropped = revalidation.still_wanted(message)
    if not notices:
        raise NotWanted(*(dropped or ["all_deleted"]))
    signed = opt_outs.sign(message)
    foot = Foot(
        why=addresses.absolute_url("why_message", message.pk),
        not_mine=addresses.absolute_url("not_mine", signed),
        stop=addresses.absolute_url("stop_mails", signed) if opt_outs.macros_of(message) else "",
    )
    mail = compose(notices, recipient=message.recipient, now=timezone.now(), foot=foot)
    return replace(
        mail, stored_text=mail.text.replace(signed, HIDDEN), stored_html=mail.html.replace(signed, HIDDEN)
    )


@dataclass(frozen=True)
class Foot:
    """The addresses at the end of a mail; "" for those that it has not. The last two are for its reader alone."""

    why: str = ""
    not_mine: str = ""
    stop: str = ""


def compose(notices: Sequence[Notice], *, recipient: str, now: datetime, foot: Foot) -> Mail:
    """Return the mail that tells one recipient these notices."""
    user = User.objects.filter(email=recipient, is_active=True).first()
    notices, beyond = grouping.most_urgent(notices)
    lines = grouping.lines_of(notices, reader=user)
    reader = _reader(user, now, lines, beyond)
    names = sorted({notice.macro_title for notice in notices})
    facts = {
        **mail_facts.of_mail(lines, reader, macros=names),
        "cards": _cards(lines, reader),
        "unseen": max(0, len(lines) - mail_facts.SHOWN) + reader.beyond,
        "all_url": addresses.absolute_url("my_accounts") if user else "",
        "about_url": addresses.absolute_url("channel_needs") if user else "",
        "why_url": foot.why if user else "",  # the page is for people who can log in
        "stop_url": foot.stop,
        "not_mine_url": foot.not_mine,
    }
    return Mail(
        **mails.render("warning", facts, zone=reader.zone),
        headers=_headers(lines[0], foot),
        reply_to=contacts.reply_to({line.account.team_id for line in lines}, reader=recipient),
    )


def _headers(first: grouping.WarningLine, foot: Foot) -> dict[str, str]:
    """Return what lets a mail program file the mails about one deadline together, and stop them by one press (RFC 8058)."""
    thread = f"<account-{first.account.pk}-{first.account.cycle}@{settings.BASE_HOST}>"
    headers = {"In-Reply-To": thread, "References": thread}
    if foot.stop:
        headers |= {
            "List-Unsubscribe": f"<{foot.stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    return headers


def _cards(
    lines: Sequence[grouping.WarningLine], reader: mail_facts.WarningReader
) -> list[dict[str, object]]:
    """Return the facts of the cards, most urgent first and so by section, with at most 20 accounts by name."""
    logins = grouping.by_login(lines)
    places = zip(logins, _shares(logins), strict=True)
    return [mail_facts.of_card(login, reader, shown=share) for login, share in places if share]


def _shares(found: Sequence[grouping.Login]) -> list[int]:
    """Part the places of a mail: one for each log-in, since each is a press of its own, then one more for each that has more."""
    shares = [0] * len(found)
    room = mail_facts.SHOWN
    while room and (hungry := [n for n, login in enumerate(found) if shares[n] < len(login.lines)][:room]):
        for number in hungry:
            shares[number] += 1
        room -= len(hungry)
    return shares


def _reader(
    user: User | None, now: datetime, lines: Sequence[grouping.WarningLine], beyond: int
) -> mail_facts.WarningReader:
    return mail_facts.WarningReader(
        now=now,
        zone=user.zone if user else timezone.get_default_timezone(),
        user_id=user.pk if user else None,
        name=user.name if user else "",
        beyond=beyond,
        names_teams=len({line.account.team_id for line in lines}) > 1,
    )
