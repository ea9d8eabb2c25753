"""A run: what its rules find is written as notices, and as the messages that will carry them, in the caller's transaction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from macros.at_once import services as at_once
from macros.at_once.rules import Due as News
from macros.models import Evaluation, MacroAction, Notice, Shortage, Told
from macros.notices import facts, rules
from macros.notices.readers import Directory
from macros.notices.rules import Due
from macros.notices.values import AccountFacts, Rule, Rules, Span, TellsBefore
from notifications.models import Message
from users.models import User

Kind = MacroAction.Kind
WARNINGS = (Kind.PRE_DEACTIVATION, Kind.ESCALATED)
BATCH = 2_000  # rows of one statement


class Counted(NamedTuple):
    """How many notices were found, and how many mails carry them."""

    notices: int
    mails: int


class Opened(NamedTuple):
    """A shortage that is told now, by which rule and of which account."""

    shortage: int
    rule: Rule
    account: AccountFacts


def find(*, run: Evaluation, span: Span, kind: str) -> Counted:
    """Write what no run has found, for a run whose row is written: notices, and messages of this kind; and who is told of shortages.

    What somebody else writes meanwhile is left out.
    """
    found = facts.rules(*WARNINGS, Kind.FEW_PEOPLE)
    few = [rule for rule in found if rule.kind == Kind.FEW_PEOPLE]
    close_unwatched(few, now=span.now)
    directory = facts.directory()
    news: list[News] = []
    for accounts in facts.slices(found, span):
        Notice.objects.bulk_create(
            (row for one in due(found, accounts, directory, span) for row in _notices(one, run)),
            batch_size=BATCH,
            ignore_conflicts=True,
        )
        news += of_shortages(look(few, accounts, directory, span), directory, span.now)
    mails = write_messages(run, kind=kind, now=run.started_at) + at_once.write(news, run.started_at)
    return Counted(run.found.count() + len(news), mails)


def count(span: Span) -> Counted:
    """Count what a run would find of warnings, and write nothing."""
    found, directory = facts.rules(*WARNINGS), facts.directory()
    notices, mails = 0, set[tuple[str, int]]()
    for accounts in facts.slices(found, span):
        for one in due(found, accounts, directory, span):
            notices += len(one.news)
            mails |= {(reader.address, one.account.team_id) for reader in one.news}
    people = users_among(address for address, _ in mails)
    return Counted(notices, len({(to, None if to in people else team) for to, team in mails}))


def due(
    found: Sequence[Rule], accounts: Iterable[AccountFacts], directory: Directory, span: Span
) -> Iterator[Due]:
    """Yield what rules tell of accounts on the first day of a span that is news to somebody; who is told ahead is not escalated to."""
    every = Rules(found)
    for account in accounts:
        ahead, further = [], []
        for rule in every.of(account):
            if rule.kind == Kind.PRE_DEACTIVATION:
                ahead.append(rule)
            elif rule.kind == Kind.ESCALATED:
                further.append(rule)
        warned = [one for rule in ahead for one in rules.due(rule, account, directory, span) if one.news]
        yield from warned
        if not further:
            continue
        for one in warned:
            account.told += [
                TellsBefore(one.ends.token_id, reader.address, one.threshold, one.rule.action_id, span.first)
                for reader in one.news
            ]
        for rule in further:
            yield from (one for one in rules.escalated(rule, account, directory, span) if one.news)


def _notices(one: Due, run: Evaluation) -> Iterator[Notice]:
    for reader in one.news:
        yield Notice(
            evaluation=run,
            action_id=one.rule.action_id,
            account_id=one.account.pk,
            token_id=one.ends.token_id,
            team_id=one.account.team_id,
            cycle=one.ends.cycle,
            threshold=one.threshold,
            recipient=reader.address,
            via=reader.via,
            deadline=one.ends.deadline,
        )


# --- messages -------------------------------------------------------------------------------------------------------


def users_among(addresses: Iterable[str]) -> frozenset[str]:
    """Return those of these addresses that somebody logs in with: a person gets one mail of all teams, others one for each."""
    people = User.objects.filter(is_active=True, email__in=set(addresses))
    return frozenset(people.values_list("email", flat=True))


def write_messages(run: Evaluation, *, kind: str, now: datetime) -> int:
    """Write the messages that carry a run's notices, and return how many.

    The team of a mail decides which staff may read it, so one that names accounts of several teams has none.
    """
    teams: dict[str, set[int | None]] = defaultdict(set)
    rows = Notice.objects.filter(evaluation=run).order_by().values_list("recipient", "team").distinct()
    for address, of_notice in rows:
        teams[address].add(of_notice)
    people = users_among(teams)
    messages = []
    for address in sorted(teams):
        of_one = [teams[address]] if address in people else [{team} for team in teams[address]]
        for some in of_one:
            team = next(iter(some)) if len(some) == 1 else None
            parts = [kind, run.pk, None if address in people else team, address]
            messages.append(
                Message(
                    kind=kind,
                    recipient=address,
                    team_id=team,
                    dedupe_key=":".join(str(part) for part in parts if part is not None),
                    payload={"evaluation": run.pk, "teams": "all"}
                    if address in people
                    else {"evaluation": run.pk},
                    next_attempt_at=now,
                    created_at=now,
                    queued_at=now,
                )
            )
    Message.objects.bulk_create(messages, batch_size=BATCH, ignore_conflicts=True)
    return len(messages)


# --- shortages of people --------------------------------------------------------------------------------------------


def close_unwatched(few: Sequence[Rule], *, now: datetime) -> None:
    """Close the shortages of actions that are gone or off."""
    running = Shortage.objects.filter(over_at=None)
    running.exclude(action__in=[rule.action_id for rule in few]).update(over_at=now)


def look(
    few: Sequence[Rule], accounts: Iterable[AccountFacts], directory: Directory, span: Span
) -> list[Opened]:
    """Close what is over and open what falls short, of accounts that are read for these rules, and return what was opened.

    An account that recovers and falls again within the hour is told once.
    """
    every, by_action = Rules(few), {rule.action_id: rule for rule in few}
    over: list[int] = []
    short: list[tuple[Rule, AccountFacts]] = []
    for account in accounts:
        known = {one.action_id for one in account.shortages}
        running = [one for one in account.shortages if one.over_at is None]
        over += [one.pk for one in running if rules.is_over(by_action.get(one.action_id), account, span)]
        short += [
            (rule, account)
            for rule in every.of(account)
            if rule.action_id not in known and rules.is_short(rule, account, directory, span)
        ]
    if over:
        Shortage.objects.filter(pk__in=over, over_at=None).update(over_at=span.now)
    rows = Shortage.objects.bulk_create(
        Shortage(
            action_id=rule.action_id,
            account_id=account.pk,
            people=rules.people_left(rule, account, span),
            began_at=span.now,
        )
        for rule, account in short
    )
    return [Opened(row.pk, rule, account) for row, (rule, account) in zip(rows, short, strict=True)]


def of_shortages(opened: Iterable[Opened], directory: Directory, now: datetime) -> Iterator[News]:
    """Yield who is told of shortages. Such news has no event: its number is the shortage's, below 0."""
    for shortage, rule, account in opened:
        for reader in rule.readers(account, directory).readers:
            yield News(
                account.pk,
                Told.Kind.FEW_PEOPLE,
                reader.address,
                -shortage,
                now,
                via=reader.via,
                action_id=rule.action_id,
            )
