"""What rules ask of macros, accounts and people, read in bulk: accounts in slices, so that memory stays flat however many there are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone

from accounts.models import Account, AccountEvent, AccountToken
from macros.models import Acknowledgement, Macro, MacroAccount, MacroAction, Mute, Notice, Shortage, Told
from macros.notices.rules import Rule, World
from macros.notices.values import (
    AWAY,
    DARK_AFTER,
    LIVE,
    AccountFacts,
    Directory,
    Happened,
    LogIn,
    Muted,
    Mutes,
    Span,
    TellsBefore,
)
from notifications.models import Message
from tokens.models import Token
from ui.addresses import as_one
from ui.dates import last_morning
from users.models import Membership, RefusedAddress, User
from users.people.queries import addresses_that_see_all, operators, reachable_leads

SLICE = 4_000  # accounts
_TOLD = [Told.Outcome.WAITING, Told.Outcome.MAILED]
Kind, Event = MacroAction.Kind, AccountEvent.Kind
_STATES = (Event.CONNECTED, Event.DEACTIVATED, Event.INTERRUPTED, Event.PAUSED)
_RESTRICTIONS = (Event.RESTRICTED, Event.UNRESTRICTED)
DAY = timedelta(days=1)

_OF_ACCOUNT = (
    "pk", "channel", "team_id", "state", "since", "paused_at", "deadline_kind", "deadline", "cycle", "cycle_since", "people_count",
    "created_at", "active_token_id", "reason", "restriction",
)  # fmt: skip
_OF_ENTRY = (
    "account_id", "token_id", "access", "can_publish", "token__state", "token__deadline_kind", "token__deadline", "token__cycle",
    "token__cycle_since", "token__issued_at", "access_reason", "doubt", "role",
    "token__state_since", "token__reason", "token__consented_by__email", "token__kind", "token__team_id",
)  # fmt: skip


# --- macros and people


def rules_of(actions: Iterable[MacroAction]) -> list[Rule]:
    """Return the rules of these actions, whose macros are loaded; whether a macro is on, its rule says."""
    found = list(actions)
    warnings = MacroAction.objects.filter(
        kind=Kind.PRE_DEACTIVATION, macro__in={one.macro_id for one in found}
    )
    ahead = (
        {one.macro_id: one for one in warnings} if any(one.kind == Kind.ESCALATED for one in found) else {}
    )
    left_out: dict[int, set[int]] = defaultdict(set)
    excluded = Mute.objects.left_out_accounts().filter(macro__in={one.macro_id for one in found})
    for macro, account in excluded.values_list("macro_id", "account_id"):
        left_out[macro].add(account)
    return [_rule(one, ahead.get(one.macro_id), left_out[one.macro_id]) for one in found]


def read_rules(*kinds: str) -> list[Rule]:
    """Return the rules of the macros that are on, of actions of these kinds. Three queries at most."""
    return rules_of(MacroAction.objects.filter(macro__enabled=True, kind__in=kinds).select_related("macro"))


def _rule(action: MacroAction, ahead: MacroAction | None, excluded: Collection[int]) -> Rule:
    macro = action.macro
    warning = ahead if action.kind == Kind.ESCALATED else action
    return Rule(
        action_id=action.pk,
        macro_id=action.macro_id,
        kind=action.kind,
        enabled=macro.enabled,
        emails=tuple(action.addresses),
        notify_consenters=action.notify_consenters,
        days=tuple(sorted(warning.days)) if warning else (),
        of_token=warning is not None and warning.watches_log_ins,
        scope=macro.scope,
        channels=frozenset(macro.channels),
        team_id=macro.team_id,
        excluded=frozenset(excluded),
        people=action.people or 0,
        after=action.after or 0,
        created_at=action.since,
    )


def read_directory(account_ids: Collection[int] | None = None, *, now: datetime) -> Directory:
    """Return whom mail reaches and who stands in, with the mutes of these accounts (None: of any). A few small queries."""
    teams = Account.objects.filter(pk__in=account_ids or ()).order_by().values("team")
    return Directory(
        gone=frozenset(User.objects.filter(is_active=False).values_list("email", flat=True)),
        refused=frozenset(RefusedAddress.objects.addresses()),
        leads=reachable_leads(Membership.objects.leads()),
        members=_people_of(teams) if account_ids else {},
        see_all=addresses_that_see_all(),
        operators=operators(),
        mutes=mutes_for(account_ids, now),
    )


def _people_of(teams: Any) -> dict[int, list[str]]:
    """Return the addresses of those who log in here, by these teams."""
    found: dict[int, list[str]] = defaultdict(list)
    for team, email in (
        Membership.objects.logging_in()
        .filter(team__in=teams)
        .order_by("user")
        .values_list("team", "user__email")
    ):
        found[team].append(email)
    return found


def read_world(account_ids: Collection[int], of: Sequence[Rule] | None = None) -> World:
    """Return these accounts with their pools, these rules (None: of all macros that are on), and who is told. A fixed number of queries."""
    found = read_rules(*Kind.values) if of is None else of
    span = Span.day(timezone.now(), timezone.get_default_timezone())
    some = read_accounts(sorted(account_ids), rules=found, span=span, told=False)
    return World({one.pk: one for one in some}, found, read_directory(account_ids, now=span.now))


def mutes_for(account_ids: Collection[int] | None, now: datetime) -> Mutes:
    """Return the mutes that run of these accounts, or of any (None), those of all accounts included. One query."""
    running = Mute.objects.running().exclude(until__lte=last_morning(now))
    if account_ids is not None:
        running = running.about(account_ids)
    return Mutes(
        Muted(*row)
        for row in running.values_list("account_id", "email", "macro_id", "until").iterator(10_000)
    )


# --- accounts


def read_candidates(rules: Sequence[Rule], span: Span) -> Iterator[list[AccountFacts]]:
    """Yield the accounts of which one of these rules may have something to tell in a span of days, in slices, in the order of their ids."""
    yield from read_in_slices(sorted(_candidates(rules, span)), rules=rules, span=span)


def read_in_slices(ids: Sequence[int], *, rules: Sequence[Rule], span: Span) -> Iterator[list[AccountFacts]]:
    """Yield these accounts in slices, in the order of the ids."""
    for start in range(0, len(ids), SLICE):
        yield read_accounts(ids[start : start + SLICE], rules=rules, span=span)


def read_accounts(
    ids: Collection[int], *, rules: Sequence[Rule] = (), span: Span, told: bool = True
) -> list[AccountFacts]:
    """Return these accounts with their pools and who is on it, and (`told`) with what was told of them as far as these rules ask for it,
    in the order of the ids. A fixed number of queries.
    """
    kinds = {rule.kind for rule in rules}
    found = {
        row[0]: AccountFacts(*row)
        for row in Account.objects.filter(pk__in=as_one(ids)).values_list(*_OF_ACCOUNT)
    }
    if macros := {rule.macro_id for rule in rules if rule.is_chosen and rule.chosen is None}:
        chosen = MacroAccount.objects.filter(account__in=found, macro__in=macros)
        for account, macro in chosen.values_list("account_id", "macro_id"):
            found[account].macros.add(macro)
    _read_pools(found)
    _read_acknowledged(found)
    if told and kinds & {Kind.PRE_DEACTIVATION, Kind.ESCALATED}:
        _read_told(found, span.zone, escalates=Kind.ESCALATED in kinds)
        _read_dark({pk: one for pk, one in found.items() if one.is_dark(span.now)}, span.zone)
    if Kind.FEW_PEOPLE in kinds:
        shortages = Shortage.objects.running().filter(account__in=found)
        for pk, account, action in shortages.values_list("pk", "account_id", "action_id"):
            found[account].shortages[action] = pk
    return [found[pk] for pk in ids if pk in found]


def _read_pools(found: Mapping[int, AccountFacts]) -> None:
    """Add the entries of pools."""
    entries = AccountToken.objects.filter(account__in=as_one(found))
    owned: list[tuple[LogIn, int]] = []
    for account, *row, email, kind, team in entries.order_by("pk").values_list(*_OF_ENTRY).iterator(20_000):
        log_in = LogIn(*row)
        log_in.people = (email,) if email else ()
        found[account].log_ins.append(log_in)
        if kind == Token.Kind.SYSTEM and team:
            owned.append((log_in, team))
    of_team = _people_of({team for _, team in owned}) if owned else {}
    for log_in, team in owned:
        log_in.people = tuple(of_team.get(team, ()))


def _read_acknowledged(found: Mapping[int, AccountFacts]) -> None:
    """Add who is on a present deadline."""
    said = Acknowledgement.objects.present().filter(account__in=as_one(found))
    for account, token, days in said.values_list("account_id", "token_id", "days"):
        found[account].acknowledged[token] = days


def _read_told(found: Mapping[int, AccountFacts], zone: tzinfo, *, escalates: bool) -> None:
    """Add the notices of the present deadlines."""
    notices = Notice.objects.live().present().filter(account__in=as_one(found))
    late = _kept_back() if escalates else frozenset()
    names = (
        "account_id",
        "token_id",
        "recipient",
        "threshold",
        "action_id",
        "outcome",
        "told_at",
        "evaluation__on_date",
    )
    for account, token, address, threshold, action, outcome, told_at, on in notices.values_list(
        *names
    ).iterator(20_000):
        day = told_at.astimezone(zone).date() if told_at else on
        waits = outcome == Notice.Outcome.WAITING and address in late
        found[account].told.append(TellsBefore(token, address, threshold, action, day, waits))


def _kept_back() -> frozenset[str]:
    """Return the addresses with mails that our own mail server does not take."""
    waiting = Message.objects.under_way().filter(waits_since__isnull=False)
    return frozenset(waiting.order_by().values_list("recipient", flat=True).distinct())


def _read_dark(dark: Mapping[int, AccountFacts], zone: tzinfo) -> None:
    """Add to accounts that are dark who heard of it by any mail, those about a log-in itself included: whom these tell, no macro tells
    again; also where it came back for a moment since.
    """
    if not dark:
        return
    connected = AccountEvent.objects.filter(account__in=dark, kind=Event.CONNECTED)
    back = dict(
        connected.order_by().values("account").annotate(last=Max("at")).values_list("account", "last")
    )
    told = Told.objects.filter(account__in=dark, dark=True, outcome__in=_TOLD)
    told = told.filter(Q(over_at=None) | Q(at__gte=F("account__cycle_since")))
    columns = ("account_id", "recipient", "at", "over_at", "outcome")
    for pk, address, at, over_at, outcome in told.values_list(*columns):
        one = dark[pk]
        of_cycle = at >= one.cycle_since
        if over_at is None and (of_cycle or (pk in back and back[pk] > at)):
            one.heard.add(address)
        if of_cycle and outcome == Told.Outcome.MAILED:
            day = at.astimezone(zone).date()
            one.heard_on = min(one.heard_on or day, day)
    for pk, one in dark.items():
        one.was_connected = bool(one.log_ins) or pk in back


# --- of what is told at once


def read_facts(since: Mapping[int, datetime]) -> World:
    """Return the facts of accounts (ids), each since a moment. A fixed number of queries."""
    found, first = read_world(list(since)), min(since.values())
    events, told = _events_of(since, first), _told_of(since, first)
    mailed = _mailed_of(found.accounts, first)
    for pk, one in found.accounts.items():
        one.looked_since = since[pk]
        one.events, one.told_at_once, one.mailed = events[pk], told[pk], mailed[pk]
    return found


def _events_of(ids: Collection[int], since: datetime) -> Mapping[int, list[Happened]]:
    """Return the events since a moment, and of each account the state and the restriction before."""
    columns = ("account", "id", "kind", "at", "cause", "token", "from_token", "actor__email")
    events = AccountEvent.objects.filter(account__in=ids)
    kinds_of_news = (*_STATES, *_RESTRICTIONS, Event.SHIFTED, Event.ACCESS)
    fresh = events.filter(kind__in=kinds_of_news, at__gte=since).order_by()
    rows = list(fresh.values_list(*columns))
    # A shift or a passing doubt in between says nothing of what was before it.
    for kinds in (_STATES, _RESTRICTIONS, (Event.CONNECTED, Event.DEACTIVATED, Event.PAUSED)):
        before = events.filter(kind__in=kinds, at__lt=since).order_by("account", "-at", "-id")
        rows += before.distinct("account").values_list(*columns)
    found: dict[int, dict[int, Happened]] = defaultdict(dict)
    for account, pk, kind, at, cause, token, before_it, actor in rows:
        found[account][pk] = Happened(pk, kind, at, cause, token, before_it, actor or "")
    return defaultdict(
        list,
        {pk: sorted(some.values(), key=lambda one: (one.at, one.id)) for pk, some in found.items()},
    )


def _told_of(ids: Collection[int], since: datetime) -> Mapping[int, list[Told]]:
    """Return what was told of accounts within a day before a moment and since, and what is not over."""
    rows = Told.objects.live().filter(account__in=ids).order_by("id")
    found: dict[int, list[Told]] = defaultdict(list)
    for one in rows.filter(at__gte=since - DAY) | rows.open():
        found[one.account_id].append(one)
    return found


def _mailed_of(accounts: Mapping[int, AccountFacts], since: datetime) -> Mapping[int, dict[str, int]]:
    """Return whom the mail about removed log-ins told of accounts, and which mail: of all of their own, or of those of some teams."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    removed = {pk: {one.token_id for one in each.log_ins if one.removed} for pk, each in accounts.items()}
    if not any(removed.values()):
        return found
    mails = Message.objects.not_lost().filter(kind="left", created_at__gte=since - DAY)
    for mail, recipient, said in mails.values_list("pk", "recipient", "payload"):
        for pk, tokens in removed.items():
            theirs = said.get("own") or accounts[pk].team_id in said.get("teams", ())
            if theirs and not tokens.isdisjoint(said.get("tokens", ())):
                found[pk][recipient] = mail
    return found


# --- which accounts


def _candidates(rules: Sequence[Rule], span: Span) -> set[int]:
    """Return the ids of the accounts of which one of these rules may have something to tell in a span: of each reason one query."""
    warnings = [rule for rule in rules if rule.kind == Kind.PRE_DEACTIVATION]
    few = [rule for rule in rules if rule.kind == Kind.FEW_PEOPLE]
    accounts: list[Q] = []
    found: list[QuerySet[Any, int]] = []
    if any(rule.kind != Kind.FEW_PEOPLE for rule in rules):
        accounts.append(Q(state=Account.State.DEACTIVATED))
        accounts.append(Q(state=Account.State.INTERRUPTED, since__lte=span.now - DARK_AFTER))
    if days := [rule.days[-1] for rule in warnings if not rule.of_token]:
        accounts.append(_ending(span, max(days)) & Q(state__in=LIVE))
    if days := [rule.days[-1] for rule in warnings if rule.of_token]:
        entries = AccountToken.objects.filter(_ending(span, max(days), "token__"), account__state__in=LIVE)
        found.append(entries.values_list("account_id", flat=True))
    if any(rule.kind == Kind.ESCALATED for rule in rules):
        found.append(Notice.objects.present().values_list("account_id", flat=True).distinct())
    if few:
        accounts.append(Q(people_count__lt=max(rule.people for rule in few)))
        found.append(Shortage.objects.running().values_list("account_id", flat=True))
    found += [Account.objects.filter(one).values_list("pk", flat=True) for one in accounts]
    ids = {pk for rows in found for pk in rows.order_by().iterator(20_000)}
    if all(rule.is_chosen for rule in rules):
        applied = MacroAccount.objects.filter(macro__in={rule.macro_id for rule in rules})
        chosen = set(applied.values_list("account_id", flat=True).iterator(20_000))
        ids &= chosen | set(Shortage.objects.running().values_list("account_id", flat=True))
    return ids


def _ending(span: Span, days: int, by: str = "") -> Q:
    """Return the condition of what ends within so many days of a span."""
    until = {"deadline_kind": "date", "deadline__gt": span.now, "deadline__lt": span.midnight(days)}
    return Q(**{f"{by}{name}": value for name, value in until.items()})


def accounts_to_hear_of(pairs: Mapping[str, Collection[int]]) -> dict[str, set[int]]:
    """Return for each address (in lower case) which of its accounts (ids) concern it: none, where its person can no longer log in.

    By `World.may_hear`: whether they stopped or snoozed their mails is asked elsewhere. A fixed number of queries, however many addresses
    and accounts.
    """
    found = read_world({pk for ids in pairs.values() for pk in ids})
    return {
        address: {pk for pk in ids if pk in found.accounts and found.may_hear(found.accounts[pk], address)}
        for address, ids in pairs.items()
    }


def watching_macros(account: Account) -> list[Macro]:
    """Return the macros that watch the account, by name, with their actions."""
    world = read_world([account.pk])
    found = {rule.macro_id for rule in world.watching(world.accounts[account.pk])}
    return list(Macro.objects.filter(pk__in=found).order_by("name").prefetch_related("actions"))


def snoozes_of_readers(account: Account) -> list[Mute]:
    """Return the snoozes of all accounts by addresses that its macros would tell of this one. One query where nobody snoozed all."""
    away = Mute.objects.running().of_all_accounts()
    if not away.exists():
        return []
    world = read_world([account.pk])
    one = world.accounts[account.pk]
    left_out = [rule.readers(one, world.directory).left_out for rule in world.watching(one)]
    return list(away.filter(email__in={to for some in left_out for to, why in some.items() if why == AWAY}))
