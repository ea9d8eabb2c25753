"""The warning mail: one per evaluation, recipient and team, made at sending from what still holds."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.pool import mails as mailing
from accounts.pool.mails import ReaderWithNames
from accounts.renewal_links import services as renewal_links
from macros.models import MacroAction, Notice
from macros.mutes.mails import finish_mail, foot_addresses, may_stop_mails
from macros.notices import history
from macros.notices.models import WARNING
from macros.warnings import revalidation
from macros.warnings.rules import (
    LOADED,
    Section,
    WarningLine,
    group_by_log_in,
    load_notices,
    pools_of_accounts,
    warning_lines,
)
from notifications.models import Message
from notifications.outbox.mails import Mail, NotWanted, register_kind
from tokens.channels import declarations
from tokens.channels.kinds import LIFTABLE
from tokens.models import Token
from ui import addresses, dates
from ui.mails import called
from ui.pills import Pill, pill
from ui.text import HiddenName, first_name, join_names, quoted
from users.people.queries import Via

SHOWN = 20  # accounts in one mail; the rest is a number and a link
PEOPLE = 5  # names of those who linked an account, in its card
HEALTH = {
    Section.DEACTIVATED: "deactivated",
    Section.WEEK: "urgent",
    Section.MONTH: "at_risk",
    Section.LATER: "healthy",
}


def build_warning(message: Message) -> Mail:
    """Build the warning mail of a message. Raises NotWanted, with the reasons, where nothing is left to say."""
    now = timezone.now()
    found = revalidation.still_wanted(message, most=LOADED, now=now)
    if not found.accounts:
        raise NotWanted(*(sorted(found.dropped_ids) or ["deleted_or_told"]))
    ids = [pk for some in found.accounts.values() for pk in some]
    notices = load_notices(ids)
    may_stop = found.names_reader or may_stop_mails(message)
    return compose_warning(
        [notices[pk] for pk in ids], message, now=now, beyond=found.further, may_stop=may_stop
    )


@dataclass(frozen=True)
class WarningReader(ReaderWithNames):
    """Who reads the mail, and what is so of the whole mail."""

    beyond: int = 0  # accounts that the mail is about and that it only counts
    names_teams: bool = False  # the accounts of this mail belong to several teams
    renewable: Collection[int] = ()  # log-ins that a link of the reader's own renews

    def full(self, when: datetime | None) -> str:
        """Return "Fri 27 Nov 2026, 09:00 CET" in the reader's zone; "" for none."""
        return dates.short_date(when, zone=self.zone, named=True) if when else ""


def compose_warning(
    notices: Sequence[Notice], message: Message, *, now: datetime, beyond: int = 0, may_stop: bool = False
) -> Mail:
    """Return the mail about these notices, whose macros are loaded. `beyond`: how many accounts more it is about.

    `may_stop`: macros name its reader.
    """
    who = mailing.reader_of(message)
    accounts = pools_of_accounts({notice.account_id for notice in notices})
    lines = warning_lines(
        notices, accounts=accounts, reader=who.user, names=who.names, now=now, zone=who.zone
    )
    teams = {line.account.team_id for line in lines}
    tokens = {entry.token_id for one in accounts.values() for entry in one.entries}
    renewable = renewal_links.renewable_log_ins([who.user.pk], tokens) if who.user and tokens else {}
    reader = WarningReader(
        who.user, who.names, beyond=beyond, names_teams=len(teams) > 1, renewable=renewable
    )
    macros = sorted({notice.action.macro.name for notice in notices if notice.action})
    foot = foot_addresses(message, user=who.user, may_stop=may_stop)
    escalated = _escalated(notices)
    said = {
        **facts_of_mail(lines, reader, macros=macros),
        "cards": _cards(lines, reader),
        "personal": any(_is_personal(line, reader) for line in lines[:SHOWN]),
        "unseen": max(0, len(lines) - SHOWN) + beyond,
        "about_url": addresses.absolute_url("channel_needs") if who.can_log_in else "",
        **({} if who.can_log_in else {"all_url": ""}),
        **foot,
        "escalated": escalated,
    }
    if escalated:
        said["fallen_back"] = []  # the mail says that nothing happened, and so why it came
    mail = mailing.compose_account_mail("warning", message, reader, said)
    return finish_mail(
        mail, message, user=who.user, first=lines[0].account, stop=foot["stop_url"], teams=teams, now=now
    )


def _escalated(notices: Iterable[Notice]) -> int:
    """Return after how many days without anything the reader is told, where that alone is why; else 0."""
    actions = [one.action for one in notices if one.action]
    if any(one.kind != MacroAction.Kind.ESCALATED for one in actions):
        return 0
    return max((one.after or 0 for one in actions), default=0)


def _cards(lines: Sequence[WarningLine], reader: WarningReader) -> list[dict[str, object]]:
    """Return the facts of the cards, most urgent first and so by section, with at most 20 accounts by name."""
    logins = group_by_log_in(lines)
    places = zip(logins, _shares(logins), strict=True)
    return [facts_of_card(login, reader, shown=share) for login, share in places if share]


def _shares(found: Sequence[Sequence[WarningLine]]) -> list[int]:
    """Part the places of a mail: one for each log-in, since each is a press of its own, then one more for each that has more."""
    shares = [0] * len(found)
    room = SHOWN
    while room and (hungry := [n for n, login in enumerate(found) if shares[n] < len(login)][:room]):
        for number in hungry:
            shares[number] += 1
        room -= len(hungry)
    return shares


def facts_of_mail(
    lines: Sequence[WarningLine], reader: WarningReader, *, macros: Sequence[str]
) -> dict[str, object]:
    """Return the facts of the whole mail: subject, heading, lead, preheader and why the reader gets it."""
    mine = {line.account.pk for line in lines if line.can_act}
    rest = [line for line in lines if line.account.pk not in mine]
    return {
        "first": _line(lines[0], reader),
        "more": len({line.account.pk for line in lines}) - 1 + reader.beyond,
        "mine": len(mine),
        "log_ins": len({line.token.pk for line in lines if line.can_act and line.token}),
        "waiting": _waiting(rest),
        "beyond": reader.beyond,
        "fallen_back": [] if mine else _fallen_back(lines),
        "because": _because(lines),
        "linked": len({line.account.pk for line in lines if line.mine}),
        "macros": join_names([quoted(name) for name in macros]),
        "macro_count": len(macros),
    }


def _line(line: WarningLine, reader: WarningReader) -> dict[str, object]:
    """Return the facts of the first line, which subject and heading are about."""
    return {
        "name": line.account.name,
        "channel": declarations.label(line.account.channel),
        "deactivated": line.deactivated,
        "interrupted": reader.full(line.account.since) if line.interrupted else "",
        "covered": line.covered,
        "mine": line.mine,
        "can_act": line.can_act,
        "days": line.days,
        "at": f"{line.ends.astimezone(reader.zone):%H:%M %Z}" if line.ends else "",
        "ends": reader.full(line.ends),
        "by_consent": line.by_consent,
        "walled": line.walled,
        "of_system": line.of_system,
        "only_appeal": line.only_appeal,
        "waits_for": line.waits_for,
        "person": line.person,
        "person_first": first_name(line.person),
        "unreachable": line.unreachable,
    }


def _waiting(lines: Sequence[WarningLine]) -> list[dict[str, object]]:
    """Return whom the accounts of a mail wait for: channels, people who re-authenticate, tokens of system users, admins, others, ours."""
    channels = [line for line in lines if line.held_up]
    lines = [line for line in lines if not line.held_up]
    people = [line for line in lines if not line.waits_for and not line.of_system]
    systems = [line for line in lines if line.of_system]
    admins = [line for line in lines if line.waits_for and not line.walled and not line.only_appeal]
    others = [line for line in lines if line.only_appeal]
    walled = [line for line in lines if line.walled]
    found = {
        "channels": (channels, _names(line.waits_for for line in channels)),
        "people": (people, _names(line.person for line in people if not line.unreachable)),
        "systems": (systems, _names(line.person for line in systems)),
        "admins": (admins, _names(line.waits_for for line in admins)),
        "others": (others, _names(line.waits_for for line in others)),
        "walled": (walled, ""),
    }
    return [
        {"for": what, "count": len({line.account.pk for line in some}), "who": who}
        for what, (some, who) in found.items()
        if some
    ]


def _names(names: Iterable[str]) -> str:
    return join_names(list(dict.fromkeys(filter(None, names))))


def _fallen_back(lines: Sequence[WarningLine]) -> list[dict[str, object]]:
    """Return how lines came to the reader though nobody named them, with the teams."""
    ways = {
        via: sorted({line.account.team.name for line in lines if line.via == via})
        for via in (Via.TEAM_LEAD, Via.OPERATOR)
    }
    return [
        {"via": via, "teams": join_names(teams), "count": len(teams)} for via, teams in ways.items() if teams
    ]


def _because(lines: Sequence[WarningLine]) -> str:
    """Return why the reader gets the mail: "linked", "lead", "operator" or "address"."""
    if any(line.mine for line in lines):
        return "linked"
    ways = {line.via for line in lines}
    if len(ways) > 1:
        return "address"
    return {Via.TEAM_LEAD: "lead", Via.OPERATOR: "operator", Via.DIRECT: "address"}[ways.pop()]


def facts_of_card(lines: Sequence[WarningLine], reader: WarningReader, *, shown: int) -> dict[str, object]:
    """Return the facts of the card of a log-in, with so many of its accounts by name."""
    first, count = lines[0], len(lines)
    known = not isinstance(first.person, HiddenName)
    explanation = first.explain(called([line.account.name for line in lines]))
    return {
        "section": first.section,
        "account": first.account,
        "channel": declarations.label(first.account.channel),
        "count": count,
        "unseen": count - shown,
        "pill": _pill(first),
        "aside": _left(first) if count == 1 and first.ends else "",
        "teams": _teams(lines[:shown], reader),
        "stopped": reader.full(first.account.since) if first.section == Section.DEACTIVATED else "",
        "interrupted": first.interrupted,
        "ends": reader.full(first.ends),
        "covered": first.covered,
        "carrier": first_name(first.carrier),
        **_backup(first, reader),
        **_linked_by(lines, reader),
        "explanation": explanation,
        "waits_for": first.waits_for,
        "asks": not (first.waits_for or first.mine or first.unreachable),
        "person": first.person if known else "",
        "who": first_name(first.person) if known else "",
        "named": first.person,
        "contact": first.contact,
        "steps_kind": first.steps_kind(explanation),
        "steps": (explanation.steps if first.mine else explanation.own_steps) if explanation else (),
        "liftable": first.reason in LIFTABLE,
        "native": _native(first) or first.person,
        "watches": first.watches or (first.only_appeal and not first.mine),
        "only_appeal": first.only_appeal,
        "mine": first.mine and not first.walled,
        "by_consent": first.by_consent,
        "renew_url": renewal_links.renewal_page(first.account, first.token)
        if _is_personal(first, reader) and first.token
        else addresses.absolute_url("reauthenticate", first.account.pk),
        "open_url": addresses.absolute_url("open_account", first.account.pk),
    }


def _is_personal(line: WarningLine, reader: WarningReader) -> bool:
    """Return whether its button is to be the reader's own link, which needs no log-in here."""
    return line.mine and line.by_consent and line.token is not None and line.token.pk in reader.renewable


def _pill(line: WarningLine) -> Pill:
    """Return the state of an account; while it works, the same count of days as the subject's."""
    if line.interrupted:
        return pill("account", "interrupted")
    return pill("account", HEALTH[line.section], label="" if line.deactivated else _left(line))


def _left(line: WarningLine) -> str:
    return dates.whole_days_left(line.days) if line.days > 0 else gettext("Ends today")


def _teams(lines: Sequence[WarningLine], reader: WarningReader) -> list[dict[str, object]]:
    """Return the accounts of a card by team; without the teams' names where all belong to one."""
    teams: dict[str, list[dict[str, str]]] = {}
    for line in lines:
        account = line.account
        facts = {"name": account.name, "native_id": account.native_id, "ends": reader.full(line.ends)}
        facts["interrupted"] = reader.full(account.since) if line.interrupted else ""
        teams.setdefault(account.team.name if reader.names_teams else "", []).append(facts)
    return [{"name": name, "accounts": found} for name, found in teams.items()]


def _backup(line: WarningLine, reader: WarningReader) -> dict[str, object]:
    """Return who carries the account on where only a log-in ends, and until when."""
    if not line.covered:
        return {}
    carriers = [
        entry.token
        for entry in line.entries
        if entry.token.state == Token.State.VALID and (line.token is None or entry.token_id != line.token.pk)
    ]
    return {
        "backup": line.names.within(carriers[0], line.account) if carriers else "",
        "backup_ends": reader.full(line.account.deadline),
    }


def _linked_by(lines: Sequence[WarningLine], reader: WarningReader) -> dict[str, object]:
    """Return who linked the accounts, the reader first: the name, and "you", "unknown", "left" or ""."""
    found: dict[tuple[str, str], None] = {}
    for line in lines:
        for entry in line.entries:
            me = entry.is_of(reader.user)
            found[line.names.within(entry.token, line.account), "you" if me else _gone(entry.token)] = None
    people = sorted(found, key=lambda one: one[1] != "you")
    return {"people": people[:PEOPLE], "more_people": max(0, len(people) - PEOPLE)}


def _gone(token: Token) -> str:
    """Return why a person cannot be asked: "unknown" to us, or "left"; "" where they can."""
    if token.kind == Token.Kind.SYSTEM:
        return ""
    if token.consented_by is None:
        return "unknown"
    return "" if token.consented_by.is_active else "left"


def _native(line: WarningLine) -> str:
    """Return how the log-in is called at the channel, as the reader may know it."""
    if line.token is None or not line.names.sees_token(line.token, line.account):
        return ""
    return line.token.native_user_name


def register() -> None:
    """Say how the mail is built."""
    register_kind(
        WARNING,
        build_warning,
        name=_("Macro"),
        ended=revalidation.record_end,
        why=history.facts_of,
        asks=True,
        readdress=revalidation.readdress,
    )
