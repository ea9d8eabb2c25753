"""Rules against a slow and obvious second version, on random accounts: whom does a warning tell of what on a day?"""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from macros.notices import rules
from macros.notices.rules import Rule
from macros.notices.values import AccountFacts, Directory, LogIn, Muted, Mutes, TellsBefore
from tests.macros.test_rules import ADA, BEN, LEAD, NOW, OPERATOR, TODAY, WATCHER, account, log_in, rule, span

ADDRESSES = [ADA, BEN, WATCHER, LEAD]
Fact = tuple[int | None, int, list[LogIn]]  # log-in, threshold, whose people are told
Found = set[tuple[int | None, int, str, str]]  # log-in, threshold, address, how it comes to it


def hours(rng: random.Random, least: int = 0) -> timedelta:
    """In halves of days, so that limits are met."""
    return timedelta(hours=12 * rng.randint(least, 66))


def some_log_in(rng: random.Random, pk: int) -> LogIn:
    return log_in(
        pk,
        state=rng.choice(["valid", "valid", "cooling", "dead"]),
        access=rng.choice(["ok", "ok", "lost"]),
        people=rng.choice([(ADA,), (BEN,), (ADA, BEN), ()]),
        deadline=NOW + hours(rng, -2),
        cycle_since=NOW - hours(rng),
        issued_at=rng.choice([None, NOW - hours(rng)]),
    )


def some_account(rng: random.Random) -> AccountFacts:
    pool = [some_log_in(rng, pk) for pk in range(1, 1 + rng.randint(0, 3))]
    state = rng.choice(["connected", "connected", "interrupted", "deactivated", "paused"])
    return account(
        *pool,
        state=state,
        since=NOW - timedelta(minutes=rng.choice([0, 59, 60, 61])),
        deadline=rng.choice([NOW + hours(rng, -2), *(one.deadline for one in pool)]),
        deadline_kind="none" if state == "deactivated" else "date",
        cycle_since=NOW - hours(rng),
        told=[
            TellsBefore(rng.choice([None, 1, 2]), rng.choice(ADDRESSES), rng.choice([0, 1, 7, 30]), 9, TODAY)
            for _ in range(rng.randint(0, 4))
        ],
        acknowledged={rng.choice([None, 1]): rng.randint(1, 30)} if rng.random() < 0.3 else {},
    )


def some_rule(rng: random.Random) -> Rule:
    emails = rng.sample(ADDRESSES, rng.randint(0, 2))
    channels = rng.choice([[], [], ["facebook"], ["x"]])
    return rule(
        days=tuple(sorted(rng.sample([1, 3, 7, 14, 30], rng.randint(1, 3)))),
        of_token=rng.random() < 0.5,
        emails=tuple(emails),
        notify_consenters=rng.random() < 0.5 or not emails,
        team_id=rng.choice([None, None, 1, 2]),
        scope="channels" if channels else "all",
        channels=frozenset(channels),
    )


def some_mutes(rng: random.Random) -> list[Muted]:
    return [
        Muted(
            rng.choice([None, 1, 2]),
            rng.choice(ADDRESSES),
            rng.choice([None, 1, 2]),
            TODAY + timedelta(days=days),
        )
        for days in rng.choices([0, 1], k=rng.randint(0, 3))
    ]


def some_directory(rng: random.Random) -> Directory:
    return Directory(
        gone=set(rng.sample(ADDRESSES, rng.randint(0, 2))),
        refused=set(rng.sample(ADDRESSES, rng.randint(0, 1))),
        leads={1: rng.choice([[], [LEAD]])},
        operators=[OPERATOR],
    )


def slowly(one: Rule, of: AccountFacts, directory: Directory, some: list[Muted]) -> Found:
    """Say it once more, by what the words of the article mean."""
    if one.team_id == 2 or "x" in one.channels:
        return set()
    found: Found = set()
    for token, threshold, whose in facts_of(one, of):
        if threshold and of.acknowledged.get(token, 99) <= threshold:
            continue
        for address, via in readers(one, whose, directory, some):
            before = [
                each.threshold for each in of.told if each.token_id == token and each.address == address
            ]
            known_already = 0 in before if threshold == 0 else any(1 <= each <= threshold for each in before)
            if not known_already:
                found.add((token, threshold, address, via))
    return found


def known_since(one: LogIn) -> datetime:
    """One whose issue nobody told may be of any age."""
    return min(one.cycle_since, one.issued_at or datetime.min.replace(tzinfo=UTC))


def facts_of(one: Rule, of: AccountFacts) -> list[Fact]:
    held_up = of.state == "interrupted" and NOW - of.since >= timedelta(hours=1)
    found: list[Fact] = [(None, 0, of.log_ins)] if of.state == "deactivated" or held_up else []
    if of.state not in {"connected", "interrupted"}:
        return found
    setters = [
        known_since(each) for each in of.log_ins if each.state != "dead" and each.deadline == of.deadline
    ]
    own = (None, of.deadline, min([of.cycle_since, *setters]), of.log_ins)
    living = [each for each in of.log_ins if each.access == "ok" and each.state != "dead"]
    each_of = [(each.token_id, each.deadline, known_since(each), [each]) for each in living]
    for token, deadline, known, whose in each_of if one.of_token else [own]:
        assert deadline is not None
        left = (span().local(deadline) - TODAY).days
        reached = [day for day in one.days if left <= day and deadline - known > timedelta(days=day)]
        if deadline > NOW and reached:
            found.append((token, min(reached), whose))
    return found


def readers(one: Rule, whose: list[LogIn], directory: Directory, some: list[Muted]) -> set[tuple[str, str]]:
    def hears(address: str) -> bool:
        return not any(
            each.email == address
            and each.account_id in {None, 1}
            and each.macro_id in {None, 1}
            and each.until is not None
            and each.until > TODAY
            for each in some
        )

    named = {*one.emails, *(to for each in whose if one.notify_consenters for to in each.people)}
    direct = {
        each for each in named if each not in directory.gone and each not in directory.refused and hears(each)
    }
    if direct:
        return {(each, "") for each in direct}
    leads = {each for each in directory.leads[1] if hears(each)}
    return {(each, "team_lead") for each in leads} or {(OPERATOR, "operator")}


@pytest.mark.parametrize("seed", range(2))
def test_a_warning_tells_whom_the_second_version_tells(seed: int) -> None:
    rng, told = random.Random(seed), 0

    for _ in range(1_500):
        one, of, some = some_rule(rng), some_account(rng), some_mutes(rng)
        directory = replace(some_directory(rng), mutes=Mutes(some))
        found = {
            (due.ends.token_id, due.threshold, reader.address, str(reader.via))
            for due in rules.find_due(one, of, directory, span())
            for reader in due.news
        }
        assert found == slowly(one, of, directory, some)
        told += bool(found)

    assert told > 300
