"""The words of a warning mail: subject, lead, cards. Facts come from macros.grouping; nothing here asks the database."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from macros.grouping import DARK, LATER, MONTH, WEEK, Line, Login
from notifications import clean
from tokens import reasons
from tokens.channels import declarations
from tokens.channels.kinds import LIFTABLE
from tokens.models import Token
from ui import dates
from ui.pills import Pill, pill
from ui.text import ELSEWHERE, first_name, join_names
from users.recipients import Via

SHOWN = 20  # accounts in one mail; the rest is a number and a link
NAME_LENGTH = 30
LEAST_NAME = 8  # characters of an account's name that still tell which it is
HEALTH = {DARK: "deactivated", WEEK: "urgent", MONTH: "at_risk", LATER: "healthy"}  # of a section


@dataclass(frozen=True)
class Reader:
    """Who reads the mail and when: the words differ by person, zone and moment."""

    now: datetime
    zone: tzinfo
    user_id: int | None = None
    name: str = ""
    beyond: int = 0  # accounts that the mail is about and that it only counts
    names_teams: bool = False  # the accounts of this mail belong to several teams


@dataclass(frozen=True)
class Links:
    """Where the buttons of one account lead: renewing the log-in, and looking."""

    renew: str
    look: str


def short(name: str, length: int = NAME_LENGTH) -> str:
    """Return an account's name as a subject has room for it."""
    return name if len(name) <= length else f"{name[: length - 1].rstrip()}…"


def in_days(line: Line, reader: Reader) -> str:
    """Return "in 7 days", "tomorrow" or "today at 14:30 CET", by the calendar of the reader."""
    assert line.ends is not None  # asked of lines that end only
    days = line.days(now=reader.now, zone=reader.zone)
    if days > 1:
        return f"in {days} days"
    return "tomorrow" if days == 1 else f"today at {line.ends.astimezone(reader.zone):%H:%M %Z}"


def left(line: Line, reader: Reader) -> str:
    """Return "7 days left", "1 day left" or "Ends today": the same count as the subject."""
    days = line.days(now=reader.now, zone=reader.zone)
    if days < 1:
        return "Ends today"
    return f"{days} day{'' if days == 1 else 's'} left"


def heading(line: Line, reader: Reader, length: int = NAME_LENGTH) -> str:
    """Return the fact alone: "Sable Cosmetics stops in 2 days"."""
    name = short(line.account.name, length)
    if line.dark:
        return f"{name} is deactivated"
    if line.covered:
        channel = declarations.label(line.account.channel)
        whose = "Your" if line.mine else f"{first_name(line.person)}'s"
        whose = whose[0].upper() + whose[1:]
        return f"{whose} {channel} log-in ends {in_days(line, reader)} (backup in place)"
    return f"{name} stops {in_days(line, reader)}"


def subject(lines: Sequence[Line], reader: Reader) -> str:
    """Return the subject for lines in order: the first account, what is asked, and how many more.

    Where room is short the person gives way before the account does, and at most one of them is cut.
    """
    first = lines[0]
    others = len({line.account.pk for line in lines}) - 1 + reader.beyond
    more = f" (+{others} more)" if others else ""
    what = heading(first, reader)
    if first.covered:
        return what + more
    asks = ("please re-authenticate",) if _can_act(first) else waiting(first)
    for ask in asks:
        if len(text := f"{what}: {ask}{more}") <= clean.SUBJECT_LENGTH:
            return text
    shortest = f": {asks[-1]}{more}"
    room = len(short(first.account.name)) - (len(what) + len(shortest) - clean.SUBJECT_LENGTH)
    if room < LEAST_NAME:  # not even a first name fits beside the account
        return what + more
    return heading(first, reader, room) + shortest


def _can_act(line: Line) -> bool:
    """Return whether the reader ends it by re-authenticating."""
    return line.mine and line.by_consent


def _waits_for(line: Line) -> str:
    """Return who has to act where it is not the person: "an admin at X"; "" where it is."""
    told = _explanation(line)
    return told.waits_for if told else ""


def waiting(line: Line) -> tuple[str, ...]:
    """Return whom a watcher waits for, in full and then by the first name."""
    if admin := _waits_for(line):
        return (f"waiting for {admin}",)
    if not line.person:
        return ("nobody is linked any more",)
    if line.unreachable:
        return ("nobody can be asked",)
    return (f"waiting for {line.person}", f"waiting for {first_name(line.person)}")


def lead(lines: Sequence[Line], reader: Reader) -> str:
    """Return the first sentence: how much there is to do, and for whom."""
    mine = {line.account.pk for line in lines if _can_act(line)}
    call = f"{first_name(reader.name)}, " if reader.name else ""
    if not mine:
        told = _sentence(f"{call}{' and '.join(_waits(lines))}.", "wait")
        return " ".join([told, *_beyond(reader), *fallen_back(lines)])
    logins = {line.token.pk for line in lines if _can_act(line) and line.token}
    effort = "about a minute" if len(logins) == 1 else "about a minute for each log-in"
    told = _sentence(f"{call}{_accounts(len(mine))} you. It takes {effort}.", "need")
    rest = [line for line in lines if line.account.pk not in mine]
    others = [_sentence(f"{' and '.join(_waits(rest))}.", "wait")] if rest else []
    return " ".join([told, *others, *_beyond(reader)])


def _beyond(reader: Reader) -> list[str]:
    """Return a sentence on the accounts that are only counted; none where there are none."""
    if not reader.beyond:
        return []
    return [f"{reader.beyond} more {'is' if reader.beyond == 1 else 'are'} less urgent."]


def _waits(lines: Sequence[Line]) -> list[str]:
    """Return whom the accounts of a mail wait for: people who re-authenticate, then admins at a channel. The verb is still open."""
    by_people = [line for line in lines if not _waits_for(line)]
    by_admins = [line for line in lines if _waits_for(line) and not line.walled]
    walled = [line for line in lines if line.walled]
    people = list(dict.fromkeys(line.person for line in by_people if line.person and not line.unreachable))
    admins = list(dict.fromkeys(map(_waits_for, by_admins)))
    who = {
        f"{join_names(people) or 'somebody with access'} to re-authenticate": by_people,
        f"{' and '.join(admins)} to give a role back": by_admins,
        "an administrator of AdToken to add somebody to the team": walled,
    }
    return [
        f"{_accounts(len({line.account.pk for line in of}))} for {whom}" for whom, of in who.items() if of
    ]


def _accounts(count: int) -> str:
    """Return "one ad account {verb}s" or "5 ad accounts {verb}", the verb still open."""
    numbers = {1: "one", 2: "two", 3: "three", 4: "four"}
    return f"{numbers.get(count, count)} ad account{' {verb}s' if count == 1 else 's {verb}'}"


def _sentence(text: str, verb: str) -> str:
    filled = text.replace("{verb}", verb)
    return filled[0].upper() + filled[1:]


def preheader(lines: Sequence[Line], reader: Reader) -> str:
    """Return deadline and effort, not the subject again."""
    first = lines[0]
    effort = " Takes about a minute." if _can_act(first) else ""
    if first.ends is None and not first.by_consent:
        does = "adds somebody to the team" if first.walled else "gives a role back"
        return f"Nothing can be published there until {_waits_for(first)} {does}."
    if first.ends is None:
        return f"Nothing can be published there until somebody re-authenticates.{effort}"
    what = "Log-in ends" if first.covered else "Works until"
    return f"{what} {full(first.ends, reader)}.{effort}"


def full(when: datetime, reader: Reader) -> str:
    """Return "Fri 27 Nov 2026, 09:00 CET" in the reader's zone."""
    return dates.moment(when, zone=reader.zone).full


@dataclass(frozen=True)
class Card:
    """One log-in as templates/mail/_base/_account.{html,txt} show it."""

    channel: str
    channel_name: str
    name: str
    native_id: str
    pill: Pill | None
    rows: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    steps_head: str  # the heading above them, where the reader cannot take them
    button: dict[str, str] | None


def card(login: Login, reader: Reader, links: Links, *, pills: bool, shown: int = SHOWN) -> Card:
    """Return the card of a log-in, with so many of its accounts by name.

    Without pills, as in plain text, the days left are beside the date.
    """
    first = login.first
    several = len(login.lines) > 1
    told = _explanation(first, others=len(login.lines) - 1)
    channel = declarations.label(first.account.channel)
    one = Card(
        channel=first.account.channel,
        channel_name=channel,
        name=f"{channel}, {len(login.lines)} accounts" if several else first.account.name,
        native_id=f"log-in of {first.person}" if several else first.account.native_id,
        pill=None,
        rows=(
            *_dates(login, shown, reader, pills=pills),
            ("Linked by", _linked_by(login, reader)),
            *_why(first, told),
        ),
        steps=_steps(first, told),
        steps_head=_steps_head(first),
        button=_button(login, links),
    )
    if not pills:
        return one
    health = HEALTH[first.section(now=reader.now, zone=reader.zone)]
    return replace(one, pill=pill("account", health, label="" if first.dark else left(first, reader)))


def _dates(login: Login, shown: int, reader: Reader, *, pills: bool) -> list[tuple[str, str]]:
    if len(login.lines) == 1:
        team = [("Team", login.first.account.team.name)] if reader.names_teams else []
        return [*_date_rows(login.first, reader, pills=pills), *team]
    teams: dict[str, list[Line]] = {}
    for line in login.lines[:shown]:
        teams.setdefault(line.account.team.name if reader.names_teams else "", []).append(line)
    rows: list[tuple[str, str]] = []
    for name, lines in teams.items():
        rows += [("Team", name)] if name else []
        rows += [("" if number else "Accounts", _dated(line, reader)) for number, line in enumerate(lines)]
    cut = len(login.lines) - shown
    return [*rows, ("Also", f"{cut} more account{'' if cut == 1 else 's'}")] if cut > 0 else rows


def _dated(line: Line, reader: Reader) -> str:
    until = "deactivated" if line.ends is None else f"until {full(line.ends, reader)}"
    return f"{line.account.name} ({line.account.native_id}), {until}"


def _date_rows(line: Line, reader: Reader, *, pills: bool) -> list[tuple[str, str]]:
    if line.ends is None:
        return [("Stopped", full(line.account.since, reader))]
    text = full(line.ends, reader)
    if not pills:
        text += f" ({left(line, reader)})"
    if line.covered:
        return [("Log-in ends", text), ("Backup", _backup(line, reader))]
    carrier = line.carrier
    return [("Works until", f"{text}, through {first_name(carrier)}" if carrier else text)]


def _backup(line: Line, reader: Reader) -> str:
    account = line.account
    carriers = [
        line.name_of(entry.token)
        for entry in line.entries
        if entry.token.state == "valid" and (line.token is None or entry.token_id != line.token.pk)
    ]
    until = f"until {full(account.deadline, reader)}" if account.deadline else "without an end date"
    return f"{carriers[0]}, {until}" if carriers else until


def _linked_by(login: Login, reader: Reader) -> str:
    names: dict[str, None] = {}
    for line in login.lines:
        for entry in line.entries:
            name = f"{line.name_of(entry.token)}{_gone(entry.token)}"
            me = reader.user_id is not None and entry.token.consented_by_id == reader.user_id
            names[f"{name} (you)" if me else name] = None
    ordered = sorted(names, key=lambda name: not name.endswith("(you)"))
    more = f" and {len(ordered) - 5} more" if len(ordered) > 5 else ""
    return (", ".join(ordered[:5]) + more) or "Nobody any more"


def _gone(token: Token) -> str:
    """Return what to add to the name of a person who cannot be asked."""
    if token.kind == Token.Kind.SYSTEM:
        return ""
    if token.consented_by is None:
        return " (not known here)"
    return "" if token.consented_by.is_active else " (cannot log in any more)"


def _why(line: Line, told: reasons.Explanation | None) -> list[tuple[str, str]]:
    why = "No log-in is linked any more." if told is None else told.what
    rows = [("Why", why)]
    if told is not None and told.causes:
        rows.append(("Causes", " ".join(told.causes)))
    if admin := _waits_for(line):
        rows.append(("Waiting for", admin))
    elif not line.mine and not line.unreachable:
        reach = f", {line.contact}" if line.contact else ""
        rows.append(("Waiting for", f"{line.person}{reach}"))
    return rows


def _explanation(line: Line, *, others: int = 0) -> reasons.Explanation | None:
    """Return the words for a line, and for so many others that one cause hit with it."""
    if line.token is None:
        return None
    return reasons.explain(
        line.account.channel,
        line.reason,
        person=line.person,
        account=f"{line.account.name} and {others} more" if others else line.account.name,
        you=line.mine,
        ahead=not line.lost,
    )


def _to_find(line: Line) -> bool:
    """Return whether the person cannot act, so that the reader has to find somebody who can."""
    return line.unreachable and bool(line.person) and line.by_consent and not line.mine


def _steps_head(line: Line) -> str:
    """Return the heading above the steps, where they are not the reader's own."""
    if admin := _waits_for(line):
        return f"Steps for {admin}"
    return "What you can do" if _watches(line) else ""


def _watches(line: Line) -> bool:
    """Return whether the reader can only wait for a person who re-authenticates."""
    person = line.token is not None and line.token.kind == Token.Kind.PERSON
    return person and line.by_consent and not line.mine and not line.unreachable


def _steps_of_watcher(line: Line) -> tuple[str, ...]:
    """Return what somebody can do who has nothing to press himself."""
    channel = declarations.label(line.account.channel)
    known = line.person != ELSEWHERE
    ask = f"Ask {line.person} to re-authenticate{f', by mail to {line.contact}' if line.contact else ''}."
    if not known:
        ask = "Reply to this mail: the answer reaches the people who look after the account."
    who = first_name(line.person) if known else "That person"
    steps = [ask, f"{who} opens the account in AdToken and presses Re-authenticate. It takes about a minute."]
    if line.reason in LIFTABLE:
        steps.insert(1, f"{who} first settles it at {channel}; re-authenticating before that fails.")
    return (*steps, f"Or somebody else with access to the account at {channel} links it in AdToken.")


def _steps_of_wall(line: Line) -> tuple[str, ...]:
    """Return what helps where a team takes log-ins of its own people only."""
    who = line.person if line.person != ELSEWHERE else "the person who linked it"
    return (
        f"Add {who} to the team of {line.account.name}, or let it take log-ins of other people too.",
        "Or somebody of the team links the account with a log-in of their own.",
    )


def _steps(line: Line, told: reasons.Explanation | None) -> tuple[str, ...]:
    if _to_find(line):
        channel = declarations.label(line.account.channel)
        return (
            f"Find somebody who has access to the account at {channel}. That may be you.",
            "Have them open the account in AdToken and link it.",
        )
    if line.walled:
        return _steps_of_wall(line)
    if _watches(line):
        return _steps_of_watcher(line)
    if told is not None and told.steps:
        return told.steps if line.mine else told.own_steps
    if not line.mine and not line.person:
        return ()  # nobody is linked who could take them
    named = line.token is not None and line.names.sees_token(line.token, line.account)
    native = line.token.native_user_name if line.token and named else ""
    return (f"Press Re-authenticate and log in as {native or line.person}.",)


def _button(login: Login, links: Links) -> dict[str, str]:
    first = login.first
    if first.mine and not first.by_consent and not first.walled:
        return {"label": "See the steps and check now", "url": links.renew}
    if first.mine and not first.walled:
        channel = declarations.label(first.account.channel)
        many = len(login.lines)
        what = short(first.account.name) if many == 1 else f"{channel}, {many} accounts"
        return {"label": f"Re-authenticate {what}", "url": links.renew}
    return {"label": f"See {short(first.account.name)}", "url": links.look}


def fallen_back(lines: Sequence[Line]) -> list[str]:
    """Return in a sentence each why lines came to the reader though nobody named them, or nothing."""
    teams = {
        via: join_names(sorted({line.account.team.name for line in lines if line.via == via}))
        for via in (Via.TEAM_LEAD, Via.OPERATOR)
    }
    nobody = "Nobody who linked the account can be told any more"
    found = []
    if teams[Via.TEAM_LEAD]:
        found.append(f"{nobody}, so it comes to you as team lead of {teams[Via.TEAM_LEAD]}.")
    if teams[Via.OPERATOR]:
        found.append(f"{nobody}, and {teams[Via.OPERATOR]} has no team lead, so it comes to the operators.")
    return found


def because(macros: Sequence[str], lines: Sequence[Line]) -> str:
    """Return why the reader gets this mail, with the macros' names."""
    linked = any(line.mine for line in lines)
    quoted = [f"“{name}”" for name in macros]
    names = join_names(quoted)
    word = "macro" if len(quoted) == 1 else "macros"
    if linked:
        count = len({line.account.pk for line in lines if line.mine})
        return f"You get this because you linked {'this account' if count == 1 else 'these accounts'} ({word} {names})."
    if all(line.via == Via.TEAM_LEAD for line in lines):
        return f"You get this because you lead the team, and nobody else can be told ({word} {names})."
    if all(line.via == Via.OPERATOR for line in lines):
        return f"You get this because you are an operator of AdToken, and nobody else can be told ({word} {names})."
    return f"You get this because your address is in the {word} {names}."


def sections(logins: Sequence[Login], reader: Reader) -> list[tuple[str, list[Login]]]:
    """Return the log-ins under their headings, most urgent first, empty headings left out."""
    grouped: dict[str, list[Login]] = {name: [] for name in (DARK, WEEK, MONTH, LATER)}
    for login in logins:
        grouped[login.first.section(now=reader.now, zone=reader.zone)].append(login)
    return [(name, found) for name, found in grouped.items() if found]
