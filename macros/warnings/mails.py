"""The one mail about accounts, made at sending of what holds then: what macros warn of, and what happened.

Who can fix it reads a card a log-in, with causes, steps and the button that renews it. Who watches reads a line a log-in: who, how many
accounts, since when; the button leads to the signed page of these accounts, where the person is asked again (`macros.mutes.watching`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.pool import mails as mailing
from accounts.renewal_links import services as renewal_links
from macros.at_once import services as at_once
from macros.models import MacroAction, Notice
from macros.mutes.mails import finish_mail, foot_addresses, may_stop_mails
from macros.notices import history
from macros.notices.models import NEWS, WARNING, Told
from macros.warnings.cards import (
    SHOWN,
    MailReader,
    Said,
    cards_of,
    goes_on,
    happenings,
    is_personal,
    line_of_event,
    line_of_log_in,
    lines_of,
    seen_accounts,
    who_is_asked,
)
from macros.warnings.revalidation import StillSaid, record_end, still_said
from macros.warnings.rules import (
    WarningLine,
    group_by_log_in,
    lines_about,
)
from notifications.models import Message
from notifications.outbox import Mail, NotWanted, register_kind
from ui.text import first_name, join_names, quoted
from users.people.queries import Via, reply_to

Kind = Told.Kind


def build_mail(message: Message) -> Mail:
    """Build the mail of a message. Raises NotWanted, with the reasons, where nothing is left to say."""
    now = timezone.now()
    still = still_said(message, now=now)
    if not (still.warned or still.told):
        raise NotWanted(*(sorted(still.dropped) or ["deleted_or_told"]))
    return compose_mail(still, message, now=now, may_stop=may_stop_mails(message))


def compose_mail(still: StillSaid, message: Message, *, now: datetime, may_stop: bool = False) -> Mail:
    """Return the mail about what is still said. `may_stop`: macros name its reader."""
    who, notices = mailing.reader_of(message), still.warned
    rows: list[Notice | Told] = [*notices, *still.told]
    accounts = Account.objects.with_pools().in_bulk({one.account_id for one in rows})
    tokens = {entry.token_id for one in accounts.values() for entry in one.pool.all()}
    renewable = renewal_links.renewable_log_ins([who.user.pk], tokens) if who.user and tokens else {}
    reader = MailReader(who.user, who.names, message.recipient, renewable)
    said = _said(lines_about(rows, accounts=accounts, who=who, now=now), still, reader)
    by_macro = any(
        one.action for one in rows
    )  # else nobody named who is told of the own log-in, or stands in
    asks = by_macro and (bool(notices) or any(one.asks for one in still.told))
    foot = foot_addresses(message, user=who.user, may_stop=may_stop, asks=asks)
    answers = reply_to({one.team_id for one in accounts.values()}, reader=message.recipient)
    macros = sorted({one.action.macro.name for one in rows if one.action})
    escalated = _escalated(notices) if not still.told else 0
    facts = {
        **_facts_of_mail(said, reader),
        "cards": cards_of(said, reader, now),
        "lines": lines_of(said, reader),
        "unseen": len(said.ids - seen_accounts(said)) + said.beyond,
        "escalated": escalated,
        "fallen_back": [] if said.mine or escalated else _fallen_back(said.lines),
        "because": _because(said, still.told),
        "macros": join_names([quoted(name) for name in macros]),
        "macro_count": len(macros),
        "answers_reach": by_macro and bool(answers),
        **foot,
    }
    mail = mailing.compose_account_mail("accounts", message, reader, facts)
    first = said.lines[0].account if said.lines else said.happened[0].row.account
    return finish_mail(
        mail, message, user=who.user, first=first, stop=foot["stop_url"], reply_to=answers, now=now
    )


def _said(lines: Sequence[WarningLine], still: StillSaid, reader: MailReader) -> Said:
    mine, watched = list[Sequence[WarningLine]](), list[Sequence[WarningLine]]()
    for some in group_by_log_in(lines):
        (mine if _acts(some[0], still, reader) else watched).append(some)
    return Said(mine, watched, happenings(still, {line.account.pk for line in lines}), still.further)


def _acts(line: WarningLine, still: StillSaid, reader: MailReader) -> bool:
    """Return whether the reader can do something about it: renew the own log-in, give its person the role back, or as a colleague help."""
    if line.held_up:
        return False
    if line.mine or (reader.can_log_in and (line.walled or line.of_system)):
        return True
    return _gives_role_back(line, still, reader)


def _gives_role_back(line: WarningLine, still: StillSaid, reader: MailReader) -> bool:
    account = still.accounts.get(line.account.pk)
    admin = (
        account is not None and reader.user is not None and reader.address in account.people(account.admins)
    )
    return admin and bool(line.waits_for) and not line.only_appeal


# --- the whole mail


def _facts_of_mail(said: Said, reader: MailReader) -> dict[str, object]:
    """Return the facts of subject, heading, lead and preheader."""
    lines = said.lines
    acts = {line.account.pk for line in lines if line.can_act}
    waits = [line for line in lines if line.account.pk not in acts and not goes_on(line)]
    log_ins = len({line.token.pk for line in lines if line.can_act and line.token})
    numbers = Counter[str]()
    for one in said.happened:
        numbers[one.kind] += len(one.accounts)
    going = len({line.account.pk for line in lines if goes_on(line) and not line.can_act})
    sums = [
        ("needs_you", len(acts), ""),
        ("waits", len({line.account.pk for line in waits}), _names(who_is_asked(line) for line in waits)),
        ("goes_on", going, ""),
        *((kind, number, "") for kind, number in numbers.items()),
    ]
    return {
        "first": line_of_log_in(lines[:1], reader) if lines else line_of_event(said.happened[0], reader),
        "more": len(said.ids) - 1 + said.beyond,
        "log_ins": log_ins,
        "sums": [{"kind": kind, "number": number, "who": who} for kind, number, who in sums if number],
        "beyond": said.beyond,
        "personal": any(is_personal(some[0], reader) for some in said.mine[:SHOWN]),
        "vain": any(some[0].mine and some[0].waits_for for some in said.mine),
        "ask": _to_ask(said),
    }


def _names(names: Iterable[str]) -> str:
    return join_names(list(dict.fromkeys(filter(None, names))))


def _to_ask(said: Said) -> str:
    """Return the first name of the one person whom the reader may ask again; "" where it is nobody, or several."""
    waited = [some[0] for some in said.watched if not goes_on(some[0])]
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
            of_address=True,
        )
    at_once.register()
