"""The one mail about accounts, made at sending of what holds then: what macros warn of, and what happened.

Who can fix it reads a card a log-in, with causes, steps and the button that renews it. Who watches reads a line a log-in: who, how many
accounts, since when; the button leads to the signed page of these accounts, where the person is asked again (`macros.mutes.watching`).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.asks.mails import log_in_card
from accounts.models import Account
from accounts.pool import mails as mailing
from accounts.pool.mails import ReaderWithNames, Rows, mail_row
from accounts.pool.queries import Summary
from accounts.renewal_links import services as renewal_links
from macros.at_once import services as at_once
from macros.at_once.mails import OF_LOG_INS, Happening, StillTold, happenings, still_told
from macros.models import MacroAction, Notice
from macros.mutes.mails import finish_mail, foot_addresses, may_stop_mails
from macros.notices import history
from macros.notices.models import NEWS, WARNING, Told
from macros.warnings import revalidation
from macros.warnings.rules import (
    LOADED,
    Section,
    WarningLine,
    group_by_log_in,
    load_notices,
    pools_of_accounts,
    sort_lines,
    told_lines,
    warning_lines,
)
from notifications.models import Message
from notifications.outbox.mails import Mail, NotWanted, register_kind
from tokens.channels import declarations
from tokens.channels.kinds import Reason
from tokens.token import reasons
from ui import dates
from ui.mails import called
from ui.pills import Pill, pill
from ui.text import first_name, join_names, quoted
from users.people.queries import Via

Kind = Told.Kind
SHOWN = 10  # accounts named in the cards of a mail, or cards; the rest is a number and a link
WATCHED = 3  # lines of log-ins that the reader only watches
ON_CARD = 4  # accounts that a card names
HEALTH = {
    Section.DEACTIVATED: "deactivated",
    Section.WEEK: "urgent",
    Section.MONTH: "at_risk",
    Section.LATER: "healthy",
}
PILLS = {Kind.RESTRICTED: "restricted", Kind.FEW_PEOPLE: "no_backup", Kind.RECOVERED: "healthy"}


def build_mail(message: Message) -> Mail:
    """Build the mail of a message. Raises NotWanted, with the reasons, where nothing is left to say."""
    now = timezone.now()
    found = revalidation.still_wanted(message, most=LOADED, now=now)
    told = still_told(message)
    if not (found.accounts or told.rows):
        raise NotWanted(*(sorted({*found.dropped_ids, *told.dropped}) or ["deleted_or_told"]))
    ids = [pk for some in found.accounts.values() for pk in some]
    notices = load_notices(ids)
    may_stop = found.names_reader or may_stop_mails(message)
    return compose_mail(
        [notices[pk] for pk in ids], message, now=now, told=told, beyond=found.further, may_stop=may_stop
    )


@dataclass(frozen=True)
class MailReader(ReaderWithNames):
    """Who reads the mail, and which log-ins a link of their own renews."""

    address: str = ""
    renewable: Collection[int] = ()

    def full(self, when: datetime | None) -> str:
        """Return "Fri 27 Nov 2026, 09:00 CET" in the reader's zone; "" for none."""
        return dates.moment(when, zone=self.zone).full if when else ""


@dataclass(frozen=True)
class Said:
    """What a mail says: log-ins that its reader can do something about, those they watch, what else happened, how many accounts more."""

    mine: Sequence[Sequence[WarningLine]]
    watched: Sequence[Sequence[WarningLine]]
    happened: Sequence[Happening]
    summaries: Mapping[int, Summary] = field(default_factory=dict)
    beyond: int = 0

    @property
    def lines(self) -> list[WarningLine]:
        """All lines of log-ins, the most urgent first."""
        return [line for some in (*self.mine, *self.watched) for line in some]

    @property
    def ids(self) -> set[int]:
        """The accounts."""
        return {line.account.pk for line in self.lines} | {
            a.pk for one in self.happened for a in one.accounts
        }


def compose_mail(
    notices: Sequence[Notice],
    message: Message,
    *,
    now: datetime,
    told: StillTold = StillTold(),  # noqa: B008  # frozen
    beyond: int = 0,
    may_stop: bool = False,
) -> Mail:
    """Return the mail about these notices, whose macros are loaded, and about what is told. `beyond`: how many accounts more it is about.

    `may_stop`: macros name its reader.
    """
    who = mailing.reader_of(message)
    rows: list[Notice | Told] = [*notices, *told.rows]
    accounts = pools_of_accounts({one.account_id for one in rows})
    ahead = warning_lines(
        notices, accounts=accounts, reader=who.user, names=who.names, now=now, zone=who.zone
    )
    of_log_ins = [one for one in told.rows if one.kind in OF_LOG_INS]
    at_once_lines = told_lines(of_log_ins, accounts=accounts, reader=who.user, names=who.names)
    tokens = {entry.token_id for one in accounts.values() for entry in one.entries}
    renewable = renewal_links.renewable_log_ins([who.user.pk], tokens) if who.user and tokens else {}
    reader = MailReader(who.user, who.names, message.recipient, renewable)
    said = _said(sort_lines([*ahead, *at_once_lines]), told, reader, beyond)
    foot = foot_addresses(
        message, user=who.user, may_stop=may_stop, asks=bool(notices) or any(one.asks for one in told.rows)
    )
    if not any(one.action for one in rows):
        foot |= {
            "not_mine_url": "",
            "on_it_url": "",
        }  # nobody named who is told of the own log-in, or stands in
    macros = sorted({one.action.macro.name for one in rows if one.action})
    escalated = _escalated(notices) if not told.rows else 0
    facts = {
        **_facts_of_mail(said, reader),
        "cards": _cards(said, reader),
        "lines": _lines(said, reader),
        "unseen": len(said.ids - _seen(said)) + beyond,
        "escalated": escalated,
        "fallen_back": [] if said.mine or escalated else _fallen_back(said.lines),
        "because": _because(said, told.rows),
        "macros": join_names([quoted(name) for name in macros]),
        "macro_count": len(macros),
        **foot,
    }
    mail = mailing.compose_account_mail("accounts", message, reader, facts)
    first = said.lines[0].account if said.lines else said.happened[0].row.account
    teams = {one.account.team_id for one in accounts.values()}
    return finish_mail(mail, message, user=who.user, first=first, stop=foot["stop_url"], teams=teams, now=now)


def _said(lines: Sequence[WarningLine], told: StillTold, reader: MailReader, beyond: int) -> Said:
    mine, watched = list[Sequence[WarningLine]](), list[Sequence[WarningLine]]()
    for some in group_by_log_in(lines):
        (mine if _acts(some[0], told, reader) else watched).append(some)
    happened = happenings(told, {line.account.pk for line in lines})
    named = [line.account.pk for some in mine[:SHOWN] for line in some[:ON_CARD]]
    named += [one.accounts[0].pk for one in happened if _of_the_reader(one, reader)]
    return Said(mine, watched, happened, mailing.summaries(named), beyond)


def _acts(line: WarningLine, told: StillTold, reader: MailReader) -> bool:
    """Return whether the reader can do something about it: renew the own log-in, give its person the role back, or as a colleague help."""
    if line.held_up:
        return False
    if line.mine or (reader.can_log_in and (line.walled or line.of_system)):
        return True
    return _gives_role_back(line, told, reader)


def _gives_role_back(line: WarningLine, told: StillTold, reader: MailReader) -> bool:
    account = told.accounts.get(line.account.pk)
    admin = (
        account is not None and reader.user is not None and reader.address in account.people(account.admins)
    )
    return admin and bool(line.waits_for) and not line.only_appeal


def _of_the_reader(one: Happening, reader: MailReader) -> bool:
    """Return whether it is a restriction of an account that the reader links, which an admin at the channel has lifted."""
    return (
        one.kind == Kind.RESTRICTED and reader.user is not None and reader.address in one.accounts[0].people()
    )


def _seen(said: Said) -> set[int]:
    """Return the accounts (ids) that the mail shows, or counts in a line."""
    cards = {line.account.pk for some in said.mine[:SHOWN] for line in some}
    return cards | {pk for some, _ in _watched(said) for pk in some}


def _watched(said: Said) -> list[tuple[list[int], Sequence[WarningLine] | Happening]]:
    """Return the accounts (ids) of each line for who watches, with what it is about."""
    groups = [([line.account.pk for line in some], some) for some in said.watched]
    found: list[tuple[list[int], Sequence[WarningLine] | Happening]] = [*groups]
    found += [([account.pk for account in one.accounts], one) for one in said.happened]
    return found[:WATCHED]


# --- the whole mail


def _facts_of_mail(said: Said, reader: MailReader) -> dict[str, object]:
    """Return the facts of subject, heading, lead and preheader."""
    lines = said.lines
    acts = {line.account.pk for line in lines if line.can_act}
    waits = [line for line in lines if line.account.pk not in acts and not _goes_on(line)]
    log_ins = len({line.token.pk for line in lines if line.can_act and line.token})
    numbers = Counter[str]()
    for one in said.happened:
        numbers[one.kind] += len(one.accounts)
    goes_on = len({line.account.pk for line in lines if _goes_on(line) and not line.can_act})
    sums = [
        ("needs_you", len(acts), ""),
        ("waits", len({line.account.pk for line in waits}), _names(_who(line) for line in waits)),
        ("goes_on", goes_on, ""),
        *((kind, number, "") for kind, number in numbers.items()),
    ]
    return {
        "first": _line_of_log_in(lines[:1], reader) if lines else _line_of_event(said.happened[0], reader),
        "more": len(said.ids) - 1 + said.beyond,
        "log_ins": log_ins,
        "sums": [{"kind": kind, "number": number, "who": who} for kind, number, who in sums if number],
        "beyond": said.beyond,
        "personal": any(_is_personal(some[0], reader) for some in said.mine[:SHOWN]),
        "vain": any(some[0].mine and some[0].waits_for for some in said.mine),
        "ask": _to_ask(said),
        "about_url": "",
    }


def _goes_on(line: WarningLine) -> bool:
    """Return whether an account goes on without the log-in that ended."""
    return line.covered and line.since is not None


def _who(line: WarningLine) -> str:
    """Return whom it waits for; "" for nobody who can be asked."""
    return line.waits_for or ("" if line.unreachable else line.person)


def _names(names: Iterable[str]) -> str:
    return join_names(list(dict.fromkeys(filter(None, names))))


def _to_ask(said: Said) -> str:
    """Return the first name of the one person whom the reader may ask again; "" where it is nobody, or several."""
    waited = [some[0] for some in said.watched if not _goes_on(some[0])]
    if said.mine or any(one.waits_for or one.unreachable or one.of_system for one in waited):
        return ""
    names = {str(one.person) for one in waited if one.names.sees_token(one.token, one.account)}  # type: ignore[arg-type]  # reachable
    return first_name(names.pop()) if len(names) == 1 else ""


def _escalated(notices: Iterable[Notice]) -> int:
    """Return after how many days without anything the reader is told, where that alone is why; else 0."""
    actions = [one.action for one in notices if one.action]
    if any(one.kind != MacroAction.Kind.ESCALATED for one in actions):
        return 0
    return max((one.after or 0 for one in actions), default=0)


def _fallen_back(lines: Sequence[WarningLine]) -> list[dict[str, object]]:
    """Return how lines came to the reader though nobody named them, with the teams."""
    ways = {
        via: sorted({line.account.team.name for line in lines if line.via == via})
        for via in (Via.TEAM_LEAD, Via.OPERATOR)
    }
    return [
        {"via": via, "teams": join_names(teams), "count": len(teams)} for via, teams in ways.items() if teams
    ]


def _because(said: Said, rows: Sequence[Told]) -> str:
    """Return why the reader gets the mail, as a code."""
    if any(some[0].mine or some[0].of_system for some in said.mine):
        return "linked"
    ways = {line.via for line in said.lines} | {Via(one.via) for one in rows}
    if len(ways) == 1 and ways != {Via.DIRECT}:
        return {Via.TEAM_LEAD: "lead", Via.OPERATOR: "operator"}[ways.pop()]
    if not rows or any(one.action_id for one in rows):
        return "macro"
    if stands_in := ways & {Via.TEAM_LEAD, Via.OPERATOR}:
        return "lead" if Via.TEAM_LEAD in stands_in else "operator"
    if said.mine:
        return "admin"
    return "told" if rows[0].kind == Kind.RECOVERED else "looks_after"


# --- cards, of what the reader can do something about


def _cards(said: Said, reader: MailReader) -> list[dict[str, object]]:
    """Return the facts of the cards, most urgent first: log-ins, then restrictions of accounts that the reader links."""
    shares = _shares(said.mine)
    cards = [_card(some, said, reader, share) for some, share in zip(said.mine, shares, strict=True) if share]
    limits = [one for one in said.happened if _of_the_reader(one, reader)]
    return [*cards, *(_restricted(one, said, reader) for one in limits[:WATCHED])]


def _shares(found: Sequence[Sequence[WarningLine]]) -> list[int]:
    """Part the places of a mail: one for each log-in, since each is a press of its own, then one more for each that has more."""
    shares = [0] * len(found)
    room = SHOWN
    while room and (
        hungry := [n for n, some in enumerate(found) if shares[n] < min(len(some), ON_CARD)][:room]
    ):
        for number in hungry:
            shares[number] += 1
        room -= len(hungry)
    return shares


def _card(lines: Sequence[WarningLine], said: Said, reader: MailReader, shown: int) -> dict[str, object]:
    """Return the facts of the card of a log-in, with so many of its accounts by name."""
    first = lines[0]
    rows = [
        mail_row(said.summaries[line.account.pk], carrier=first_name(line.carrier), zone=reader.zone)
        for line in lines[:shown]
    ]
    explanation = first.explain(called([line.account.name for line in lines]))
    assert explanation is not None  # without a log-in nobody acts
    return log_in_card(
        first.token,
        Rows(rows, len(lines)),
        explanation,
        pill=_pill(first),
        group=first.section if not _goes_on(first) else "",
        ends=reader.full(first.ends),
        mine=first.mine,
        log_in=first.token.native_user_name if first.token and first.mine else str(first.person),
        zone=reader.zone,
    )


def _is_personal(line: WarningLine, reader: MailReader) -> bool:
    """Return whether its button is to be the reader's own link, which needs no log-in here."""
    return line.can_act and line.token is not None and line.token.pk in reader.renewable


def _restricted(one: Happening, said: Said, reader: MailReader) -> dict[str, object]:
    """Return the facts of the card of a restriction that an admin at the channel has lifted."""
    account = one.row.account
    row = mail_row(said.summaries[account.pk], carrier="", zone=reader.zone)
    explanation = reasons.explain(account.channel, Reason.RESTRICTED, account=account.name)
    return log_in_card(
        None, Rows([row], len(one.accounts)), explanation,
        pill=pill("account", "restricted"), words=account.restriction, zone=reader.zone,
    )  # fmt: skip


def _pill(line: WarningLine) -> Pill:
    """Return the state of an account; while it works, the same count of days as the subject's."""
    if line.interrupted:
        return pill("account", "interrupted")
    if _goes_on(line):
        return pill("account", "no_backup" if line.account.people_count == 1 else "healthy")
    left = dates.whole_days_left(line.days) if line.days > 0 else gettext("Ends today")
    return pill("account", HEALTH[line.section], label="" if line.deactivated else left)


# --- lines, of what the reader watches


def _lines(said: Said, reader: MailReader) -> list[dict[str, object]]:
    """Return the facts of the lines of log-ins, and of what happened beside, three at most."""
    return [
        _line_of_event(one, reader) if isinstance(one, Happening) else _line_of_log_in(one, reader)
        for _, one in _watched(said)
        if not (isinstance(one, Happening) and _of_the_reader(one, reader))
    ]


def _line_of_log_in(lines: Sequence[WarningLine], reader: MailReader) -> dict[str, object]:
    """Return the facts of a line, which are those of subject and heading, too, where it is the first."""
    first, goes_on = lines[0], sum(_goes_on(line) for line in lines)
    since = reader.full(first.account.since)
    return {
        **_named(first.account, [line.account.name for line in lines]),
        "kind": "line",
        "pill": _pill(first),
        "interrupted": since if first.interrupted else "",
        "deactivated": since if first.deactivated else "",
        "goes_on": goes_on,
        "dark": len(lines) - goes_on,
        "carrier": first_name(first.carrier),
        "covered": first.covered,
        "days": first.days,
        "at": f"{first.ends.astimezone(reader.zone):%H:%M %Z}" if first.ends else "",
        "ends": reader.full(first.ends),
        "mine": first.mine,
        "can_act": first.can_act,
        "of_system": first.of_system,
        "waits_for": first.waits_for,
        "person": first.person,
        "person_first": first_name(first.person),
        "unreachable": first.unreachable,
        "who": _who(first),
        "alone": sum(one.account.people_count == 1 for one in lines if _goes_on(one)),
    }


def _line_of_event(one: Happening, reader: MailReader) -> dict[str, object]:
    """Return the same of what happened beside."""
    few = one.kind == Kind.FEW_PEOPLE
    return {
        **_named(one.row.account, [one.row.account.name] * len(one.accounts)),
        "kind": one.kind,
        "pill": pill("account", PILLS[Kind(one.kind)]) if one.kind in PILLS else None,
        "since": reader.full(one.since),
        "words": one.row.account.restriction,
        "lifted": one.lifted,
        "people": one.people if few else 0,
        "wanted": one.wanted,
        "within": one.within if few else 0,
        "times": one.times if one.kind == Kind.UNSTEADY else 0,
    }


def _named(account: Account, names: Sequence[str]) -> dict[str, object]:
    return {
        "name": account.name,
        "called": called(names),
        "native_id": account.native_id if len(names) == 1 else "",
        "count": len(names),
        "channel": str(declarations.label(account.channel)),
        "channel_key": account.channel,
    }


# --- what became of it


def record_end(message: Message) -> None:
    """Write what became of a message's notices, and of what it tells, in the transaction that records it."""
    at_once.record_end(message)
    if message.notices.exists():
        revalidation.record_end(message)


def readdress(message: Message, new: str) -> bool:
    """Have what a message carries be its reader's new address's; False where it stays with the old one. See both parts.

    Where it carries both kinds it stays, and what is of the person is found anew.
    """
    warned, told = message.notices.exists(), message.told.exists()
    if warned and told:
        revalidation.leave_behind(message)
        at_once.leave_behind(message)
        return False
    return at_once.readdress(message, new) if told else revalidation.readdress(message, new)


def register() -> None:
    """Say how the mails are built, and that what was told goes along to a new address."""
    for kind, name in ((WARNING, _("Macro")), (NEWS, _("What happened to accounts"))):
        register_kind(
            kind,
            build_mail,
            name=name,
            ended=record_end,
            why=history.facts_of,
            asks=True,
            readdress=readdress,
        )
    at_once.register()
