"""What each macro does for an address and an account, in one line, what is told without any macro, and the verdict over all of it.

By the rules of the run itself, and of what is told at once.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Account
from macros.at_once import rules as news_rules
from macros.at_once.rules import Fact
from macros.models import Macro, MacroAction
from macros.notices import rules
from macros.notices.models import Told
from macros.notices.queries import read_accounts, read_directory, read_facts, rules_of
from macros.notices.rules import Due, Rule
from macros.notices.values import LEFT_OUT, PERSON_LEFT, REFUSED, AccountFacts, Directory, Span
from macros.warnings import services as evaluation
from macros.why.queries import Asked, Line, about_address, mails_told, say
from notifications.models import Message
from ui import dates
from users.people.queries import Via

AHEAD = timedelta(days=366)
MACROS = 20  # that are looked at
Kind = MacroAction.Kind


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


def answer(
    one: Asked, macros: QuerySet[Macro], *, now: datetime, url_of: Callable[[Message], str]
) -> dict[str, Any]:
    """Return what templates/portal/_why.html shows: the verdict, and the lines that it rests on."""
    address = [*about_address(one), *by_rule(one)]
    lines, told = about_macros(one, macros, now=now), mails_told(one, macros, url_of)
    return {
        "verdict": verdict(address, lines, told),
        "about_address": address,
        "about_macros": lines,
        "told": told,
        "now": now,
    }


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
    span = Span(now, evaluation.next_run(now), dates.local_day(now) + AHEAD, evaluation.project_zone())
    read = read_accounts([one.account.pk], rules=asked, span=span)
    if not read:
        return []
    world = _World(one, read[0], read_directory([one.account.pk], now=now), span)
    lines = [
        replace(_of_macro(world, found[macro.pk]), about=macro.name, macro=macro.pk)
        for macro in near
        if found[macro.pk]
    ]
    return sorted(lines, key=lambda line: (line.next_on or date.max, line.tone == "mute"))


def verdict(address: Sequence[Line], macros: Sequence[Line], told: Sequence[Line]) -> Line:
    """Return the answer: whether it was told and when, when it is next, and what holds that up."""
    last = next((line.at for line in told if line.pill == "sent" and line.at), None)
    ahead = min((line.next_on for line in macros if line.next_on), default=None)
    held = [line.text for line in address if line.tone in {"bad", "warn"}]
    if not (held or ahead):
        held = [say("nothing_more" if last or any(one.tone == "good" for one in macros) else "nothing_told")]
    text = say(
        "verdict",
        last=dates.day(timezone.localdate(last)) if last else "",
        next=dates.day(ahead) if ahead else "",
        why=held[0] if held else "",
    )
    return Line(text, "good" if last else "mute", at=last, next_on=ahead)


def _of_macro(world: _World, of_macro: Sequence[Rule]) -> Line:
    """Return in one line what a macro does: the sentences of its actions, in the order in which they tell."""
    if why := of_macro[0].why_not(world.account):
        return Line(say(why))
    told = {rule: world.why_not_told(rule) for rule in of_macro}
    if LEFT_OUT in told.values():
        return Line(say("left_out"), "warn")
    found = [_warning(world, rule, told[rule]) for rule in of_macro if rule.kind == Kind.PRE_DEACTIVATION]
    named = [rule for rule in of_macro if rule.kind != Kind.PRE_DEACTIVATION and told[rule] is not None]
    if unreached := [why for rule in named if (why := _unreached(told[rule]))]:
        return Line(unreached[0])
    kinds = dict(Kind.at_once())
    if at_once := ", ".join(str(Kind(rule.kind).label) for rule in named if rule.kind in kinds):
        found.append(Line(say("at_once", what=at_once), "good"))
    found += [Line(say("few", wanted=rule.people), "good") for rule in named if rule.kind == Kind.FEW_PEOPLE]
    found += [Line(say("escalated"), "good") for rule in named if rule.kind == Kind.ESCALATED]
    found = [line for line in found if line.text != say("not_named")] or [Line(say("not_named"))]
    return Line(
        " ".join(dict.fromkeys(line.text for line in found)),
        next((line.tone for line in found if line.tone != "mute"), "mute"),
        next_on=min((line.next_on for line in found if line.next_on), default=None),
    )


def _unreached(why: str | None) -> str:
    """Return in a sentence that mail does not reach the address; "" where it does."""
    return {PERSON_LEFT: say("person_left"), REFUSED: say("passed_over")}.get(why or "", "")


def _warning(world: _World, rule: Rule, why: str | None) -> Line:
    """Return what a warning does for the address: when it tells it next; else why there is no such day."""
    found = list(rules.find_due(rule, world.account, world.directory, world.span))
    for due in found:
        for reader in due.news:
            if reader.address == world.one.address:
                return _when(due, reader.via)
    if any(reader.address == world.one.address for due in found for reader in due.told.readers):
        return Line(say("told_before"), "good")
    return Line(_silent(world, rule, why))


def _when(due: Due, via: Via) -> Line:
    text = say("due", day=dates.day(due.on))
    return Line(f"{text[:-1]}, {say(f'stands_in_{via}')}." if via else text, "good", next_on=due.on)


def _silent(world: _World, rule: Rule, why: str | None) -> str:
    """Return why a macro that watches the account has no day on which it tells the address."""
    if why is None:
        return say("not_named")
    if unreached := _unreached(why):
        return unreached
    watches_account = not rule.of_token and world.account.state != Account.State.DEACTIVATED
    if watches_account and (first := rules.first_covered_end(world.account)) is not None:
        return say("covered", day=dates.day(world.span.local(first)))
    kinds = {Account.DeadlineKind.NEVER: "never", Account.DeadlineKind.UNKNOWN: "unknown"}
    return say(kinds.get(Account.DeadlineKind(world.account.deadline_kind), "nothing_due"))


def by_rule(one: Asked) -> list[Line]:
    """Return what the address is told without any macro; nothing where mail does not reach it. A fixed number of queries.

    That is an account's people, when a log-in stops, is removed or loses the account, and when the channel restricts the account; where one
    of them cannot be told, or snoozed that it is restricted, whoever stands in.
    """
    now = timezone.now()
    world = read_facts({one.account.pk: now})
    account = world.accounts[one.account.pk]
    limit = Fact(Told.Kind.RESTRICTED, 0, now)
    hears = one.address in {
        each.reader.address for each in news_rules.readers_of(limit, account, world) if not each.action_id
    }
    if world.directory.why_unreached(one.address):
        return []
    if one.address in account.people():
        return [Line(say("rule_own"), "good") if hears else Line(say("rule_own_snoozed"), "warn")]
    lost = any(all(map(world.directory.why_unreached, entry.people)) for entry in account.log_ins)
    instead = {reader.address for reader in news_rules.stand_ins(account, world)}
    stands_in = hears or (lost and one.address in instead)
    return [Line(say("rule_stands_in"), "good") if stands_in else Line(say("rule_others"))]
