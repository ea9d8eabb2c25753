"""A run: what its rules find is written as notices, and as the messages that will carry them, in the caller's transaction."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from macros.at_once import services as at_once
from macros.at_once.rules import Due as News
from macros.notices import facts, rules
from macros.notices.models import WARNING, Evaluation, Notice, Shortage, Told
from macros.notices.readers import Directory
from macros.notices.rules import Due
from macros.notices.values import AccountFacts, Rule, Rules, Span, TellsBefore
from macros.rules.models import MacroAction
from notifications.models import Message
from users.people.recipients import who_log_in

Kind = MacroAction.Kind
WARNINGS = (Kind.PRE_DEACTIVATION, Kind.ESCALATED)
BATCH = 2_000  # rows of one statement


class Counted(NamedTuple):
    """How many notices were found, and how many mails carry them."""

    notices: int
    mails: int


def write_findings(*, run: Evaluation, span: Span) -> Counted:
    """Write what no run has found, for a run whose row is written: notices, and their messages; and who is told of shortages.

    What somebody else writes meanwhile is left out.
    """
    found = facts.rules(*WARNINGS, Kind.FEW_PEOPLE)
    few = [rule for rule in found if rule.kind == Kind.FEW_PEOPLE]
    close_unwatched(few, now=span.now)
    directory = facts.directory()
    news, mails = list[News](), Messages(run)
    for accounts in facts.slices(found, span):
        notices = [row for one in find_due(found, accounts, directory, span) for row in _notices(one, run)]
        mails.carry(notices)
        Notice.objects.bulk_create(notices, batch_size=BATCH, ignore_conflicts=True)
        news += update_shortages(few, accounts, directory, span)
    return Counted(run.found.count() + len(news), len(mails) + at_once.write_messages(news, run.started_at))


def count_findings(span: Span) -> Counted:
    """Count what a run would find of warnings, and write nothing."""
    found, directory = facts.rules(*WARNINGS), facts.directory()
    notices, mails = 0, set[tuple[str, int]]()
    for accounts in facts.slices(found, span):
        for one in find_due(found, accounts, directory, span):
            notices += len(one.news)
            mails |= {(reader.address, one.account.team_id) for reader in one.news}
    people = who_log_in(address for address, _ in mails)
    return Counted(notices, len({(to, None if to in people else team) for to, team in mails}))


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


# --- messages


class Messages:
    """The messages of a run, written as its notices need them: a person's is about all teams, that to an address outside about one."""

    def __init__(self, run: Evaluation) -> None:
        self._run = run
        self._found: dict[tuple[str, int | None], Message] = {}

    def __len__(self) -> int:
        return len(self._found)

    def carry(self, notices: Sequence[Notice]) -> None:
        """Give notices the messages that will carry them.

        The team of a mail decides which staff may read it, so one that names accounts of several teams has none.
        """
        people = who_log_in(one.recipient for one in notices)
        new, mixed = list[Message](), list[Message]()
        for one in notices:
            team = None if one.recipient in people else one.team_id
            message = self._found.get((one.recipient, team))
            if message is None:
                message = self._message(one.recipient, team, of=one.team_id)
                self._found[one.recipient, team] = message
                new.append(message)
            elif message.team_id not in {None, one.team_id}:
                message.team_id = None
                mixed.append(message)
            one.message = message
        Message.objects.bulk_create(new, batch_size=BATCH)
        Message.objects.filter(pk__in=[one.pk for one in mixed]).update(team=None)

    def _message(self, address: str, team: int | None, *, of: int | None) -> Message:
        now = self._run.started_at
        parts = [WARNING, self._run.pk, team, address]
        return Message(
            kind=WARNING,
            recipient=address,
            team_id=of,
            dedupe_key=":".join(str(part) for part in parts if part is not None),
            next_attempt_at=now,
            created_at=now,
            queued_at=now,
        )


# --- shortages of people


def close_unwatched(few: Sequence[Rule], *, now: datetime) -> None:
    """Close the shortages of actions that are gone or off."""
    running = Shortage.objects.filter(over_at=None)
    running.exclude(action__in=[rule.action_id for rule in few]).update(over_at=now)


def update_shortages(
    few: Sequence[Rule], accounts: Iterable[AccountFacts], directory: Directory, span: Span
) -> list[News]:
    """Close what is over and open what falls short, of accounts that are read for these rules, and return who is told of it.

    An account that recovers and falls again within the hour is told once. Such news has no event: its number is the shortage's, below 0.
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
    return [
        News(
            account.pk,
            Told.Kind.FEW_PEOPLE,
            reader.address,
            -row.pk,
            span.now,
            via=reader.via,
            action_id=rule.action_id,
        )
        for row, (rule, account) in zip(rows, short, strict=True)
        for reader in rule.readers(account, directory).readers
    ]
