"""What each macro does for an address and an account, in a sentence for each kind of its actions.

What a warning would do is asked of the evaluation's own SQL, as if the macro were applied to this account alone; what the other kinds did
or would do, of what they record.
"""

from datetime import date, datetime, timedelta
from functools import partial

from django.db import connection
from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, TruncDate

from accounts.models import Account, AccountToken
from macros import evaluation, few_preview, on_it, preview, preview_sql, snoozing
from macros.models import Macro, MacroAction, Notice, Shortage
from macros.why import Asked, Line, say
from notifications import kept_back
from notifications.models import Message
from tokens.models import Token
from ui import dates
from users import recipients

AHEAD = timedelta(days=366)
MACROS = 20  # that are looked at

Said = tuple[str, str]  # a sentence and its tone


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
    if reason := _stopped(one, macro):
        return [line(one.say(reason), "warn")]
    actions = sorted(macro.actions.all(), key=lambda action: action.pk)
    found = [_verdict(one, action, now) for action in actions if _warns(action)]
    named = [action for action in actions if not _warns(action) and _names(one, action)]
    if not (found or named):
        return [line(one.say("not_named"))]
    if named and (reason := _unreachable(one)):
        return [line(*each) for each in dict.fromkeys([*found, (say(reason), "mute")])]
    kinds = dict(MacroAction.Kind.at_once())
    if at_once := ", ".join(str(action.get_kind_display()) for action in named if action.kind in kinds):
        found.append((say("at_once", what=at_once), "good"))
    for action in named:
        if action.kind == MacroAction.Kind.FEW_PEOPLE:
            found.append(_few(one.account, action, now))
        elif action.kind == MacroAction.Kind.ESCALATED:
            found.append(_escalated(one, action))
    return [line(*each) for each in found]


def _stopped(one: Asked, macro: Macro) -> str:
    """Return why a macro that watches the account tells the address nothing, whatever the action; "" where it may."""
    out = snoozing.running().filter(account=one.account, macro=macro, email=one.address)
    return "left_out" if out.exists() else ""


def _unreachable(one: Asked) -> str:
    if one.user is not None and not one.user.is_active:
        return "person_left"
    return "passed_over" if one.parked is not None else ""


def _few(account: Account, action: MacroAction, now: datetime) -> Said:
    """Return what "too few people" does: told already, silent because it is dark or enough can carry it, or told soon."""
    wanted, within = action.people or 0, action.within or 0
    if (until := _snoozed(account)) is not None:
        return say("waits_for_snooze", day=dates.day(until)), "warn"
    if account.state not in {Account.State.CONNECTED, Account.State.INTERRUPTED}:
        return say("few_stopped", wanted=wanted), "mute"
    short = Shortage.objects.filter(action=action, account=account, over_at=None).first()
    if short is not None:
        return say(
            "few_told", people=short.people, day=dates.day(evaluation.local_day(short.began_at))
        ), "good"
    if account.people_count >= wanted:
        then = few_preview.people_of(account, action, now=now) if within else account.people_count
        if then < wanted:
            return say("few_due_then", wanted=wanted, people=then, days=within), "good"
        return say("few_enough", wanted=wanted, people=account.people_count, days=within), "mute"
    return say("few_due", wanted=wanted, people=account.people_count), "good"


def _snoozed(account: Account) -> date | None:
    """Return the day until which nobody is told ahead of an account; None where it is not snoozed for everybody."""
    rows = snoozing.running().filter(account=account, macro=None, email="")
    return rows.values_list("until", flat=True).first()


def _escalated(one: Asked, action: MacroAction) -> Said:
    """Return what "nothing happened" does: told already, on which day, or why not."""
    account, after = one.account, action.after or 0
    dark = account.state == Account.State.DEACTIVATED
    if not dark and (until := _snoozed(account)) is not None:
        return say("waits_for_snooze", day=dates.day(until)), "warn"
    of_log_in = Q(token__cycle=F("cycle")) & ~Q(token__state=Token.State.DEAD)
    found = Notice.objects.filter(Q(token=None, cycle=account.cycle) | of_log_in, account=account)
    of_cycle = found.exclude(outcome=Notice.Outcome.DROPPED)
    of_cycle = of_cycle.filter(threshold=0) if dark else of_cycle.filter(threshold__gt=0)
    if of_cycle.filter(action=action, recipient=one.address).exists():
        return say("escalated_told"), "good"
    warning = action.macro.actions.filter(kind=MacroAction.Kind.PRE_DEACTIVATION).first()
    if not dark and warning is None:
        of_cycle = of_cycle.none()  # it waits for what is told at once
    elif not dark and warning is not None:  # whichever macro told it: what one told no other tells again
        of_token = warning.watch == MacroAction.Watch.TOKEN
        of_cycle = of_cycle.filter(threshold__lte=max(warning.days, default=0), token__isnull=not of_token)
    of_cycle = of_cycle.exclude(
        Exists(kept_back.queued_for(OuterRef("recipient"))), outcome=Notice.Outcome.WAITING
    )
    told = of_cycle.aggregate(day=Min(Coalesce(TruncDate("told_at"), "evaluation__on_date")))["day"]
    days = [told, _told_dark(account) if dark else None]
    first = min((day for day in days if day is not None), default=None)
    if first is None:
        return say("escalated_unwarned", days=after), "mute"
    if account.pk in on_it.running([account.pk]):
        return say("escalated_on_it", days=after), "mute"
    return say("escalated_due", days=after, day=dates.day(first + timedelta(days=after))), "good"


def _told_dark(account: Account) -> date | None:
    """Return on which day a mail that left told first that an account is dark, as `told_sql.DARK_TOLD`."""
    rows = account.notices_told.filter(
        deactivated=True, at__gte=account.cycle_since, message__state=Message.State.SENT
    )
    first = rows.aggregate(at=Min("at"))["at"]
    return evaluation.local_day(first) if first else None


def _warns(action: MacroAction) -> bool:
    return action.kind == MacroAction.Kind.PRE_DEACTIVATION


def _names(one: Asked, action: MacroAction) -> bool:
    entered = one.address in {email.lower() for email in action.emails}
    if action.kind == MacroAction.Kind.ESCALATED and not action.emails:
        team = one.account.team_id
        return one.address in recipients.fallback([team])[team].addresses
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


def _verdict(one: Asked, action: MacroAction, now: datetime) -> Said:
    """Return in a sentence what the warning of a macro that watches the account does for the address, and its tone."""
    row = _next(one, action, now)
    if row is not None:
        return _when(one, *row)
    return _silent(one, action), "mute"


def _when(one: Asked, on: date, days: int, via: str, is_news: bool) -> tuple[str, str]:
    if not is_news:
        return one.say("told_before"), "good"
    text = one.say("due", day=dates.day(on), days=days) if days else one.say("due_dark", day=dates.day(on))
    return (f"{text[:-1]}, {say(f'stands_in_{via}')}." if via else text), "good"


def _silent(one: Asked, action: MacroAction) -> str:
    """Return why a macro that watches the account has no day on which it tells the address."""
    if not _names(one, action):
        return one.say("not_named")
    if reason := _unreachable(one):
        return say(reason)
    if (first := _covered(one.account, action)) is not None:
        return say("covered", day=dates.day(evaluation.local_day(first)))
    kinds = {Account.DeadlineKind.NEVER: "never", Account.DeadlineKind.UNKNOWN: "unknown"}
    return say(kinds.get(Account.DeadlineKind(one.account.deadline_kind), "nothing_due"))


def _covered(account: Account, action: MacroAction) -> datetime | None:
    """Return when the first log-in of an account ends that others carry further; None where none does, or each end is watched."""
    if action.watch == MacroAction.Watch.TOKEN or account.state == Account.State.DEACTIVATED:
        return None
    ending = account.pool.filter(
        access=AccountToken.Access.OK, token__deadline_kind=Token.DeadlineKind.DATE
    ).exclude(token__state=Token.State.DEAD)
    if account.deadline_kind == Account.DeadlineKind.DATE:
        ending = ending.filter(token__deadline__lt=account.deadline)
    first: datetime | None = ending.aggregate(first=Min("token__deadline"))["first"]
    return first


def _next(one: Asked, action: MacroAction, now: datetime) -> tuple[date, int, str, bool] | None:
    """Return on which day an action next tells the address, at which threshold, how it comes there, and whether that is news."""
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
    with connection.cursor() as cursor:
        cursor.execute(preview_sql.DUE_FOR, values)
        row = cursor.fetchone()
    return None if row is None else (row[0], row[1], row[2], row[3])
