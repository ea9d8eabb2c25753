"""The daily evaluation of all macros: finds notices, writes the messages that will carry them.

One transaction holds the run's row, its notices and its messages. The unique row of a day decides that there is one scheduled run, however
many beats tick; a run that fails leaves no row, so that the next tick tries again; a day on which nothing ran is caught up by the next one.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from infra import locks
from infra.locks import Lock
from macros.at_once.services import BATCH, Messages, write_told
from macros.notices import rules
from macros.notices.models import Evaluation, Notice, Shortage, Told
from macros.notices.queries import read_candidates, read_directory, read_rules
from macros.notices.rules import Due, Rule, Rules
from macros.notices.values import AccountFacts, Directory, Span, TellsBefore
from macros.rules.models import MacroAction
from ui.dates import local_day

# --- what a run finds is written as notices, and as the messages that will carry them, in the caller's transaction

Kind = MacroAction.Kind
WARNINGS = (Kind.PRE_DEACTIVATION, Kind.ESCALATED)


def write_findings(*, run: Evaluation, span: Span) -> tuple[int, int]:
    """Write what no run has found, for a run whose row is written: notices, and their messages; and who is told of shortages.

    What somebody else writes meanwhile is left out. Returns how many notices were found, and how many mails carry them.
    """
    found = read_rules(*WARNINGS, Kind.FEW_PEOPLE)
    few = [rule for rule in found if rule.kind == Kind.FEW_PEOPLE]
    close_unwatched(few, now=span.now)
    directory = read_directory(now=span.now)
    news, messages = list[Told](), Messages(run.started_at)
    for accounts in read_candidates(found, span):
        notices = [row for one in find_due(found, accounts, directory, span) for row in _notices(one, run)]
        messages.carry(notices)
        Notice.objects.bulk_create(notices, batch_size=BATCH, ignore_conflicts=True)
        news += update_shortages(few, accounts, directory, span)
    write_told(news, messages)
    return run.found.count() + len(news), len(messages.by_reader)


def find_due(
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
        warned = [one for rule in ahead for one in rules.find_due(rule, account, directory, span) if one.news]
        yield from warned
        if not further:
            continue
        for one in warned:
            account.told += [
                TellsBefore(one.ends.token_id, reader.address, one.threshold, one.rule.action_id, span.first)
                for reader in one.news
            ]
        for rule in further:
            yield from (one for one in rules.find_escalated(rule, account, directory, span) if one.news)


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


# --- shortages of people


def close_unwatched(few: Sequence[Rule], *, now: datetime) -> None:
    """Close the shortages of actions that are gone or off."""
    running = Shortage.objects.running()
    running.exclude(action__in=[rule.action_id for rule in few]).update(over_at=now)


def update_shortages(
    few: Sequence[Rule], accounts: Iterable[AccountFacts], directory: Directory, span: Span
) -> list[Told]:
    """Close what is over and open what falls short, of accounts that are read for these rules, and return who is told of it.

    Such news has no event: its number is the shortage's, below 0.
    """
    every, by_action = Rules(few), {rule.action_id: rule for rule in few}
    over: list[int] = []
    short: list[tuple[Rule, AccountFacts]] = []
    for account in accounts:
        over += [
            pk for action, pk in account.shortages.items() if rules.is_over(by_action.get(action), account)
        ]
        short += [
            (rule, account)
            for rule in every.of(account)
            if rule.action_id not in account.shortages and rules.is_short(rule, account)
        ]
    if over:
        Shortage.objects.running().filter(pk__in=over).update(over_at=span.now)
    rows = Shortage.objects.bulk_create(
        Shortage(
            action_id=rule.action_id,
            account_id=account.pk,
            people=account.people_count,
            began_at=span.now,
        )
        for rule, account in short
    )
    return [
        Told(
            account_id=account.pk,
            team_id=account.team_id,
            kind=Told.Kind.FEW_PEOPLE,
            event=row.event,
            at=span.now,
            recipient=reader.address,
            via=reader.via,
            action_id=rule.action_id,
        )
        for row, (rule, account) in zip(rows, short, strict=True)
        for reader in rule.readers(account, directory).readers
    ]


logger = logging.getLogger(__name__)


def project_zone() -> ZoneInfo:
    """Return the project's time zone: whose calendar days count."""
    return ZoneInfo(settings.TIME_ZONE)


def evaluate(
    *,
    now: datetime,
    on: date | None = None,
    trigger: Evaluation.Trigger = Evaluation.Trigger.HAND,
) -> Evaluation:
    """Find what no run has found and write its messages, as if today were `on`. Returns the run.

    A scheduled run of a day that has one already is that one, and writes nothing. The beat's delivery sends what it writes.
    """
    on = on or local_day(now)
    span = Span(now if on == local_day(now) else hour_of(on), on, on, project_zone())
    with transaction.atomic():
        locks.take(Lock.EVALUATION)  # so a scheduled run that got here first is visible
        runs = Evaluation.objects.scheduled().filter(on_date=on)
        if trigger == Evaluation.Trigger.SCHEDULE and (done := runs.first()):
            return done
        run = Evaluation.objects.create(on_date=on, trigger=trigger, started_at=now)
        run.notice_count, run.message_count = write_findings(run=run, span=span)
        run.finished_at = now
        run.save(update_fields=["notice_count", "message_count", "finished_at"])
    logger.info("Macros of %s: %s notices, %s messages", on, run.notice_count, run.message_count)
    return run


def evaluate_if_due(*, now: datetime) -> Evaluation | None:
    """Run today's evaluation if the hour has come and no run of today is recorded. None: not now.

    Where what it found did not reach its readers, it runs once more, for whoever is told in their place.
    """
    local = now.astimezone(project_zone())
    if local.hour < settings.MACROS_HOUR:
        return None
    runs = Evaluation.objects.filter(on_date=local.date())
    scheduled = runs.scheduled().first()
    if scheduled is None:
        return evaluate(now=now, trigger=Evaluation.Trigger.SCHEDULE)
    dropped = scheduled.dropped_at
    if dropped is None or runs.filter(started_at__gte=dropped).exists():
        return None
    return evaluate(now=now)


def hour_of(day: date) -> datetime:
    """Return the set hour of a day."""
    return datetime.combine(day, time(settings.MACROS_HOUR), tzinfo=project_zone())


def next_run(now: datetime) -> date:
    """Return the day of the next scheduled run: today, or tomorrow when today's is done."""
    today = local_day(now)
    done = Evaluation.objects.scheduled().filter(on_date=today).exists()
    return today + timedelta(days=1) if done else today
