"""Why an address did or did not get mails about an account, from recorded facts: what it is, what each macro does, what was sent.

What a macro would do is asked of the evaluation's own SQL, as if the macro were applied to this account alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from psycopg.errors import QueryCanceled

from accounts.models import Account
from macros import evaluation, on_it, preview, snoozing, sql
from macros.models import Macro, MacroAction, NewsNotice, Notice, OptOut
from macros.revalidation import found
from notifications.kinds import FACTS
from ui import dates
from ui.phrases import phrase
from users.models import Membership, RefusedAddress, User
from users.recipients import operators

say = partial(phrase, "words/why.txt")

_PILLS = {
    "waiting": "queued",
    "mailed": "sent",
    "dropped": "left_out",
    "failed": "failed",
    "cancelled": "cancelled",
}
AHEAD = timedelta(days=366)
MACROS = 20  # that are looked at
NOTICES = 20  # the newest
LONGEST = 2_000  # milliseconds, for one macro


@dataclass(frozen=True)
class Line:
    """One fact. `tone`: good for a reason to be told, mute or bad for one not to be. `about`: a macro's name, or what was told."""

    text: str
    tone: str = "mute"
    about: str = ""
    at: datetime | None = None
    macro: int = 0
    pill: str = ""  # of a mail: a key of the family "message"


@dataclass(frozen=True)
class Asked:
    """An account, an address in lower case, and who logs in with it."""

    account: Account
    address: str
    user: User | None
    parked: RefusedAddress | None
    linked: bool


def asked(account: Account, address: str) -> Asked:
    """Return what is asked about. Three queries."""
    email = address.strip().lower()
    user = User.objects.filter(email=email).first()
    return Asked(
        account,
        email,
        user,
        RefusedAddress.objects.filter(email=email).first(),
        linked=user is not None and account.pool.filter(token__consented_by=user).exists(),
    )


def about_address(one: Asked) -> list[Line]:
    """Return what the address is to this account."""
    lines = [_who(one.user)]
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
            lines.append(Line(say("not_in_team")))
        elif role == Membership.Role.TEAM_LEAD:
            lines.append(Line(say("lead"), "good"))
    if one.address in operators():
        lines.append(Line(say("operator"), "good"))
    return [*lines, *_quiet(one)]


def _quiet(one: Asked) -> list[Line]:
    """Return what is not mailed for a while: to the address, or to anybody; and whether somebody is on it."""
    lines = []
    silences = snoozing.running().filter(account=one.account, macro=None, email__in=[one.address, ""])
    for silence in silences:
        what = "snoozed" if silence.email else "snoozed_for_all"
        assert silence.until is not None
        lines.append(Line(say(what, day=dates.day(silence.until)), "warn", at=silence.started_at))
    if (found := on_it.running([one.account.pk]).get(one.account.pk)) is not None:
        lines.append(Line(say("somebody_on_it"), "warn", at=found.at))
    return lines


def _who(user: User | None) -> Line:
    if user is None:
        return Line(say("outside"))
    return (
        Line(say("person", name=str(user)), "good")
        if user.is_active
        else Line(say("left", name=str(user)), "bad")
    )


def about_macros(one: Asked, macros: QuerySet[Macro], *, now: datetime) -> list[Line]:
    """Return what each of these macros does, of those that watch the account or name the address; the first MACROS."""
    names = Q(actions__emails__contains=[one.address]) | Q(applications__account=one.account)
    general = (
        ~Q(scope=Macro.AppliesTo.CHOSEN) & (Q(team=None) | Q(team=one.account.team_id)) & Q(enabled=True)
    )
    near = macros.filter(names | general).distinct().order_by("-enabled", "name")[:MACROS]
    return [line for macro in near.prefetch_related("actions") for line in _of_macro(one, macro, now)]


def _of_macro(one: Asked, macro: Macro, now: datetime) -> list[Line]:
    line = partial(Line, about=macro.name, macro=macro.pk)
    if reason := _not_watching(one.account, macro):
        return [line(say(reason))]
    actions = list(macro.actions.all())
    names = any(_names(one, action) for action in actions if action.kind != MacroAction.Kind.ESCALATED)
    found = [line(*_verdict(one, macro, action, now)) for action in actions if _warns(action)]
    kinds = dict(MacroAction.Kind.at_once())
    at_once = ", ".join(str(action.get_kind_display()) for action in actions if action.kind in kinds)
    if at_once and names:
        found.append(line(say("at_once", what=at_once), "good"))
    further = [each for each in actions if not _warns(each) and each.kind not in kinds and _names(one, each)]
    found += [line(say("further", what=str(action.get_kind_display())), "good") for action in further]
    return found


def _warns(action: MacroAction) -> bool:
    return action.kind == MacroAction.Kind.PRE_DEACTIVATION


def _names(one: Asked, action: MacroAction) -> bool:
    entered = one.address in {email.lower() for email in action.emails}
    return entered or (action.notify_consenters and one.linked)


def _not_watching(account: Account, macro: Macro) -> str:
    """Return why a macro does not watch the account, "" where it does."""
    if not macro.enabled:
        return "off"
    if macro.team_id is not None and macro.team_id != account.team_id:
        return "other_team"
    if account.pk in macro.excluded:
        return "left_out_account"
    if macro.scope == Macro.AppliesTo.CHANNELS and account.channel not in macro.channels:
        return "other_channel"
    chosen = macro.scope == Macro.AppliesTo.CHOSEN
    return "not_applied" if chosen and not macro.applications.filter(account=account).exists() else ""


def _verdict(one: Asked, macro: Macro, action: MacroAction, now: datetime) -> tuple[str, str]:
    """Return in a sentence what a macro that watches the account does for the address, and its tone."""
    if OptOut.objects.filter(macro=macro, email=one.address, ended_at=None).exists():
        return say("stopped"), "warn"
    if snoozing.running().filter(account=one.account, macro=macro, email=one.address).exists():
        return say("left_out"), "warn"
    try:
        row = _next(one, action, now)
    except preview.TakesTooLongError:
        return say("too_long"), "mute"
    if row is not None:
        return _when(*row)
    return _silent(one, action), "mute"


def _when(on: date, days: int, via: str, is_news: bool) -> tuple[str, str]:
    if not is_news:
        return say("told_before"), "good"
    text = say("due", day=dates.day(on), days=days) if days else say("due_dark", day=dates.day(on))
    return (f"{text[:-1]}, {say(f'stands_in_{via}')}." if via else text), "good"


def _silent(one: Asked, action: MacroAction) -> str:
    """Return why a macro that watches the account has no day on which it tells the address."""
    if not _names(one, action):
        return say("not_named")
    if one.user is not None and not one.user.is_active:
        return say("person_left")
    if one.parked is not None:
        return say("passed_over")
    kinds = {Account.DeadlineKind.NEVER: "never", Account.DeadlineKind.UNKNOWN: "unknown"}
    return say(kinds.get(Account.DeadlineKind(one.account.deadline_kind), "nothing_due"))


def _next(one: Asked, action: MacroAction, now: datetime) -> tuple[date, int, str, bool] | None:
    """Return on which day an action next tells the address, at which threshold, how it comes there, and whether that is news.

    Raises TakesTooLongError.
    """
    draft = preview.Draft(
        name="",
        days=list(action.days),
        emails=[email.lower() for email in action.emails],
        notify_consenters=action.notify_consenters,
        watch=action.watch,
        scope=Macro.AppliesTo.CHOSEN,  # whatever it watches, that the account is among it is known
        accounts=[one.account.pk],
        team_id=action.macro.team_id,
        action_id=action.pk,
        macro_id=action.macro_id,
    )
    values = preview.values_of(draft, now) | {
        "last": evaluation.local_day(now) + AHEAD,
        "address": one.address,
    }
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", [str(LONGEST)])
            cursor.execute(sql.DUE_FOR, values)
            row = cursor.fetchone()
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise preview.TakesTooLongError from error
        raise
    return None if row is None else (row[0], row[1], row[2], row[3])


def told(one: Asked, macros: QuerySet[Macro]) -> list[Line]:
    """Return what these macros found for the address about the account, newest first, and what became of it."""
    of_macros = Q(action__macro__in=macros) | Q(action=None)
    notices = Notice.objects.filter(of_macros, account=one.account, recipient=one.address)
    news = NewsNotice.objects.filter(of_macros, account=one.account, recipient=one.address)
    lines = [
        _told(notice, found(notice), notice.evaluation.started_at)
        for notice in notices.select_related("action__macro", "evaluation").order_by("-id")[:NOTICES]
    ]
    lines += [
        _told(notice, phrase(FACTS, f"news_{notice.kind}"), notice.at)
        for notice in news.select_related("action__macro").order_by("-id")[:NOTICES]
    ]
    return sorted(lines, key=lambda line: line.at.timestamp() if line.at else 0.0, reverse=True)[:NOTICES]


def _told(notice: Notice | NewsNotice, what: str, at: datetime) -> Line:
    reasons: Sequence[str] = [
        *([say(f"stands_in_{notice.via}")] if notice.via else []),
        *([notice.outcome_reason] if notice.outcome_reason else []),
    ]
    what_told = say("notice", found=what, macro=notice.macro_title)
    return Line("; ".join(reasons), about=what_told, at=at, pill=_PILLS[notice.outcome])
