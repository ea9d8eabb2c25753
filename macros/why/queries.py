"""Why an address did or did not get mails about an account, from recorded facts: what it is, and what was sent.

What each macro does for it, and the verdict, are in `macros.why.answers`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from django.db.models import Min, Q, QuerySet

from accounts import message_history as mails_about
from accounts.models import Account
from accounts.pool.health import OUTSIDE
from macros.models import Macro, Mute, Notice, Told
from macros.mutes import acknowledgements, services
from notifications.models import Message
from notifications.outbox import FACTS, name_of_kind
from tokens.models import Doubt
from ui import dates
from ui import stored_phrases as kept
from ui.phrases import phrase
from users.models import Membership, RefusedAddress, User
from users.people.queries import operators

say = partial(phrase, "words/why.txt")

_PILLS = {
    "waiting": "queued",
    "mailed": "sent",
    "dropped": "left_out",
    "failed": "failed",
    "cancelled": "cancelled",
}
SHOWN = 20  # the newest mails


@dataclass(frozen=True)
class Line:
    """One fact. `tone`: good for a reason to be told, mute or bad for one not to be. `about`: a macro's name, or what was told."""

    text: str
    tone: str = "mute"
    about: str = ""
    at: datetime | None = None
    macro: int = 0
    pill: str = ""  # of a mail: a key of the family "message"
    url: str = ""
    next_on: date | None = None  # when a macro tells the address next


@dataclass(frozen=True)
class Asked:
    """An account, an address in lower case, and who logs in with it."""

    account: Account
    address: str
    user: User | None
    parked: RefusedAddress | None
    linked: bool


def what_is_asked(account: Account, address: str) -> Asked:
    """Return what is asked about. Three queries."""
    email = address.strip().lower()
    user = User.objects.filter(email=email).first()
    return Asked(
        account,
        email,
        user,
        RefusedAddress.objects.of(email).first(),
        linked=user is not None and account.pool.filter(token__consented_by=user).exists(),
    )


def about_address(one: Asked) -> list[Line]:
    """Return what the address is to this account."""
    lines = [_who(one)]
    if one.parked:
        lines.append(Line(say("parked", why=one.parked.get_why_display()), "bad", at=one.parked.since))
    if one.account.paused_at is not None:
        lines.append(Line(say("paused"), "warn", at=one.account.paused_at))
    if one.user is not None:
        lines.append(Line(say("carries" if one.linked else "not_linked"), "good" if one.linked else "mute"))
        role = (
            Membership.objects.filter(team=one.account.team_id, user=one.user)
            .values_list("role", flat=True)
            .first()
        )
        if role is None:
            outside = one.account.pool.filter(token__consented_by=one.user, access_reason=OUTSIDE).exists()
            lines.append(Line(say("no_longer_in_team"), "bad") if outside else Line(say("not_in_team")))
        elif role == Membership.Role.TEAM_LEAD:
            lines.append(Line(say("lead"), "good"))
    if one.address in operators():
        lines.append(Line(say("operator"), "good"))
    return [*lines, *_held(one), *_quiet(one)]


def _held(one: Asked) -> list[Line]:
    """Return what waits: what is doubted of the account's log-ins, and mails that our own mail server does not take."""
    lines = []
    pool = one.account.pool.values("token")
    doubted = Doubt.objects.undecided().filter(token__in=pool, about__in=["", one.account.native_id])
    doubt = doubted.order_by("began_at").first()
    if doubt is not None:
        lines.append(Line(say("doubted"), "warn", at=doubt.began_at))
    refused = Message.objects.filter(recipient=one.address).kept_back()
    if since := refused.aggregate(since=Min("waits_since"))["since"]:
        lines.append(Line(say("none_taken"), "bad", at=since))
    return lines


def _quiet(one: Asked) -> list[Line]:
    """Return what is not mailed to the address for a while, and whether somebody is on it."""
    lines = []
    silences = Mute.objects.running().of_every_macro().of_reader(one.address)
    for silence in silences.filter(account=one.account):
        assert silence.until is not None
        lines.append(Line(say("snoozed", day=dates.day(silence.until)), "warn", at=silence.started_at))
    away = services.mute_of_person(one.address)
    if away is not None and away.until is not None:
        lines.append(Line(say("away", day=dates.day(away.until)), "warn", at=away.started_at))
    if (found := acknowledgements.running_of_accounts([one.account.pk]).get(one.account.pk)) is not None:
        lines.append(Line(say("somebody_on_it"), "warn", at=found.at))
    return lines


def _who(one: Asked) -> Line:
    user = one.user
    if user is None:
        return Line(say("outside"))
    return (
        Line(say("person", name=str(user)), "good")
        if user.is_active
        else Line(say("left", name=str(user)), "bad")
    )


def mails_told(one: Asked, macros: QuerySet[Macro], url_of: Callable[[Message], str]) -> list[Line]:
    """Return what was written to the address about the account, newest first, and what became of it.

    That is what these macros found, and mails about the account, log-ins that it has or had, or its team.
    """
    of_macros = Q(Q(action__macro__in=macros) | Q(action=None), account=one.account, recipient=one.address)
    warned = Notice.objects.filter(of_macros).select_related("action__macro", "evaluation").order_by("-id")
    at_once = Told.objects.filter(of_macros).select_related("action__macro").order_by("-id")
    lines = [_told(row) for row in [*warned[:SHOWN], *at_once[:SHOWN]]]
    mails = Message.objects.filter(mails_about.messages_naming(one.account), recipient=one.address)
    for mail in mails.defer("text", "html").order_by("-id")[:SHOWN]:
        at, why = mail.sent_at or mail.created_at, kept.said(mail.error)
        lines.append(Line(why, about=name_of_kind(mail), at=at, pill=mail.state, url=url_of(mail)))
    return newest(lines)


def newest(lines: list[Line]) -> list[Line]:
    """Return the newest lines, newest first."""
    return sorted(lines, key=lambda line: line.at.timestamp() if line.at else 0.0, reverse=True)[:SHOWN]


def _told(notice: Notice | Told) -> Line:
    at = notice.at if isinstance(notice, Told) else notice.told_at or notice.evaluation.started_at
    reasons = [
        *([say(f"stands_in_{notice.via}")] if notice.via else []),
        *([kept.said(notice.outcome_reason)] if notice.outcome_reason else []),
    ]
    by = notice.macro_title
    found = phrase(FACTS, "found_by", found=notice.found, macro=by) if by else notice.found
    return Line("; ".join(reasons), about=found, at=at, pill=_PILLS[notice.outcome])
