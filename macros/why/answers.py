"""What each macro does for an address and an account, in a sentence for each kind of its actions, and what is told without any macro.

By the rules of the run itself, and of what is told at once.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Account
from macros.at_once import rules as news_rules
from macros.at_once.news import Fact
from macros.at_once.queries import read_facts
from macros.models import Macro, MacroAction
from macros.notices import rules
from macros.notices.models import Told
from macros.notices.queries import read_accounts, read_directory, rules_of
from macros.notices.rules import Due, Rule
from macros.notices.values import LEFT_OUT, LIVE, PERSON_LEFT, REFUSED, AccountFacts, Directory, Span
from macros.warnings import services as evaluation
from macros.why.queries import Asked, Line, say
from ui import dates
from users.people.queries import Via

AHEAD = timedelta(days=366)
MACROS = 20  # that are looked at
Kind = MacroAction.Kind

Said = tuple[str, str]  # a sentence and its tone


@dataclass(frozen=True)
class _World:
    """What is asked about, and its facts."""

    one: Asked
    account: AccountFacts
    directory: Directory
    span: Span

    def why_not_told(self, rule: Rule) -> str | None:
        """Return why an action that names the address does not tell it now, as a code, "" where it does; None where it names others."""
        told = rule.readers(self.account, self.directory)
        if self.one.address in told.left_out:
            return told.left_out[self.one.address]
        leads = rule.kind == Kind.ESCALATED and not rule.emails  # nobody is entered
        ways = [reader.via for reader in told.readers if reader.address == self.one.address]
        return "" if ways and (leads or Via.DIRECT in ways) else None


def about_macros(one: Asked, macros: QuerySet[Macro], *, now: datetime) -> list[Line]:
    """Return what each of these macros does, of those that watch the account or name the address; the first MACROS."""
    names = Q(actions__emails__contains=[one.address]) | Q(applications__account=one.account)
    general = (
        ~Q(scope=Macro.AppliesTo.CHOSEN) & (Q(team=None) | Q(team=one.account.team_id)) & Q(enabled=True)
    )
    near = list(macros.filter(names | general).distinct().order_by("-enabled", "name")[:MACROS])
    actions = MacroAction.objects.filter(macro__in=near).select_related("macro").order_by("pk")
    found: dict[int, list[Rule]] = defaultdict(list)
    for rule in rules_of(actions):
        found[rule.macro_id].append(rule)
    asked = [rule for some in found.values() for rule in some]
    span = Span(now, evaluation.next_run(now), evaluation.local_day(now) + AHEAD, evaluation.project_zone())
    read = read_accounts([one.account.pk], rules=asked, span=span)
    if not read:
        return []
    world = _World(one, read[0], read_directory([one.account.pk]), span)
    return [
        Line(text, tone, about=macro.name, macro=macro.pk)
        for macro in near
        for text, tone in _of_macro(world, found[macro.pk])
    ]


def _of_macro(world: _World, of_macro: Sequence[Rule]) -> list[Said]:
    one = world.one
    if not of_macro:
        return []
    if why := of_macro[0].why_not(world.account):
        return [(say(why), "mute")]
    told = {rule: world.why_not_told(rule) for rule in of_macro}
    if LEFT_OUT in told.values():
        return [(one.say("left_out"), "warn")]
    found = [_warning(world, rule, told[rule]) for rule in of_macro if rule.kind == Kind.PRE_DEACTIVATION]
    named = [rule for rule in of_macro if rule.kind != Kind.PRE_DEACTIVATION and told[rule] is not None]
    if not (found or named):
        return [(one.say("not_named"), "mute")]
    if unreached := [why for rule in named if (why := _unreached(told[rule]))]:
        return list(dict.fromkeys([*found, (unreached[0], "mute")]))
    kinds = dict(Kind.at_once())
    if at_once := ", ".join(str(Kind(rule.kind).label) for rule in named if rule.kind in kinds):
        found.append((say("at_once", what=at_once), "good"))
    found += [_few(world, rule) for rule in named if rule.kind == Kind.FEW_PEOPLE]
    return found + [_escalated(world, rule) for rule in named if rule.kind == Kind.ESCALATED]


def _unreached(why: str | None) -> str:
    """Return in a sentence that mail does not reach the address; "" where it does."""
    return {PERSON_LEFT: say("person_left"), REFUSED: say("passed_over")}.get(why or "", "")


def _warning(world: _World, rule: Rule, why: str | None) -> Said:
    """Return what a warning does for the address: when it tells it next; else why there is no such day."""
    found = list(rules.find_due(rule, world.account, world.directory, world.span))
    news = [(one, one.news) for one in found]
    told = [(one, one.told.readers) for one in found]
    for each, is_news in ((news, True), (told, False)):
        for due, readers in each:
            for reader in readers:
                if reader.address == world.one.address:
                    return (
                        _when(world.one, due, reader.via)
                        if is_news
                        else (world.one.say("told_before"), "good")
                    )
    return _silent(world, rule, why), "mute"


def _when(one: Asked, due: Due, via: Via) -> Said:
    day = dates.day(due.on)
    text = one.say("due", day=day, days=due.threshold) if due.threshold else one.say("due_dark", day=day)
    return (f"{text[:-1]}, {say(f'stands_in_{via}')}." if via else text), "good"


def _silent(world: _World, rule: Rule, why: str | None) -> str:
    """Return why a macro that watches the account has no day on which it tells the address."""
    if why is None:
        return world.one.say("not_named")
    if unreached := _unreached(why):
        return unreached
    if (first := _covered(world, rule)) is not None:
        return say("covered", day=dates.day(world.span.local(first)))
    kinds = {Account.DeadlineKind.NEVER: "never", Account.DeadlineKind.UNKNOWN: "unknown"}
    return say(kinds.get(Account.DeadlineKind(world.account.deadline_kind), "nothing_due"))


def _covered(world: _World, rule: Rule) -> datetime | None:
    """Return when the first log-in of an account ends that others carry further; None where none does, or each end is watched."""
    account = world.account
    if rule.of_token or account.state == Account.State.DEACTIVATED:
        return None
    ends = [
        one.deadline for one in account.log_ins if one.access == "ok" and one.state != "dead" and one.deadline
    ]
    if account.deadline_kind == Account.DeadlineKind.DATE and account.deadline is not None:
        ends = [each for each in ends if each < account.deadline]
    return min(ends, default=None)


def _few(world: _World, rule: Rule) -> Said:
    """Return what "too few people" does: told already, silent because it is dark or enough can carry it, or told soon."""
    account, wanted, within = world.account, rule.people, rule.within
    if (until := world.directory.mutes.quiet_until(account.pk)) is not None:
        return say("waits_for_snooze", day=dates.day(until)), "warn"
    if account.state not in LIVE:
        return say("few_stopped", wanted=wanted), "mute"
    short = next(
        (one for one in account.shortages if one.action_id == rule.action_id and one.over_at is None), None
    )
    people = rules.people_left(rule, account, Span.day(world.span.now, world.span.zone))
    if short is not None:
        return say("few_told", people=short.people, day=dates.day(world.span.local(short.began_at))), "good"
    if people >= wanted:
        return say("few_enough", wanted=wanted, people=account.people_count, days=within), "mute"
    if account.people_count >= wanted:
        return say("few_due_then", wanted=wanted, people=people, days=within), "good"
    return say("few_due", wanted=wanted, people=people), "good"


def _escalated(world: _World, rule: Rule) -> Said:
    """Return what "nothing happened" does: told already, on which day, or why not."""
    account, dark = world.account, world.account.is_dark(world.span.now)
    until = world.directory.mutes.quiet_until(account.pk)
    if not dark and until is not None:
        return say("waits_for_snooze", day=dates.day(until)), "warn"
    if any(one.action_id == rule.action_id and one.address == world.one.address for one in account.told):
        return say("escalated_told"), "good"
    first = _first_warned(account, rule, dark=dark)
    if first is None:
        return say("escalated_unwarned", days=rule.after), "mute"
    if account.acknowledged:
        return say("escalated_on_it", days=rule.after), "mute"
    return say("escalated_due", days=rule.after, day=dates.day(first + timedelta(days=rule.after))), "good"


def _first_warned(account: AccountFacts, rule: Rule, *, dark: bool) -> date | None:
    living: list[int | None] = [one.token_id for one in account.log_ins if one.state != "dead"]
    each = [rules.first_warning(rule, account, token) for token in (None, *living)]
    return min((on for on, threshold in each if on is not None and dark == (threshold == 0)), default=None)


def by_rule(one: Asked) -> list[Line]:
    """Return what the address is told without any macro, or why it is not. A fixed number of queries.

    That is an account's people, when a log-in stops, is removed or loses the account, and when the channel restricts the account; where one
    of them cannot be told, or snoozed that it is restricted, whoever stands in.
    """
    now = timezone.now()
    world = read_facts({one.account.pk: now})
    account = world.accounts[one.account.pk]
    own = one.address in account.people()
    reached = not world.directory.unreached(one.address)
    lost = [
        entry for entry in account.log_ins if all(world.directory.unreached(each) for each in entry.people)
    ]
    instead = news_rules.stand_ins(account, world)
    stands_in = one.address in {reader.address for reader in instead}
    limit = Fact(Told.Kind.RESTRICTED, 0, now)
    hears = one.address in {
        each.reader.address for each in news_rules.readers_of(limit, account, world) if not each.action_id
    }
    lines = []
    if own and reached:
        lines.append(
            Line(one.say("rule_own"), "good") if hears else Line(one.say("rule_own_snoozed"), "warn")
        )
    elif own:
        lines.append(Line(one.say("rule_own_unreached"), "bad"))
    elif hears:
        lines.append(Line(one.say("rule_restriction"), "good"))
    if stands_in and lost:
        lines.append(Line(one.say("rule_stands_in", number=len(lost)), "good"))
    elif stands_in and not own:
        lines.append(Line(one.say("rule_not_needed")))
    elif not own:
        via = {reader.via for reader in instead}
        how = "" if not via else "_leads" if Via.TEAM_LEAD in via else "_operators"
        lines.append(Line(one.say(f"rule_others{how}")))
    return lines
