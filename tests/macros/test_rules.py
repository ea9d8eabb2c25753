"""Rules without a database: what is due, who is told."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from macros.notices import rules
from macros.notices.rules import Rule
from macros.notices.values import AccountFacts, Directory, LogIn, Muted, Mutes, Reader, Span, TellsBefore
from users.people.queries import Via

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 10, 11, tzinfo=UTC)
TODAY = NOW.astimezone(BERLIN).date()
LONG_KNOWN = NOW - timedelta(days=400)
ADA, BEN, LEAD, OPERATOR, WATCHER = (f"{name}@x.example" for name in ("ada", "ben", "lead", "ops", "watcher"))
PLACES = Directory(leads={1: [LEAD]}, operators=[OPERATOR])


def span(days: int = 0) -> Span:
    return Span(NOW, TODAY, TODAY + timedelta(days=days), BERLIN)


def rule(**fields: Any) -> Rule:
    facts: dict[str, Any] = {
        "action_id": 1,
        "macro_id": 1,
        "kind": "pre_deactivation",
        "emails": (WATCHER,),
        "notify_consenters": False,
        "days": (1, 7, 30),
    }
    return Rule(**facts | fields)


def log_in(pk: int = 1, *, ends: float | None = 5, **fields: Any) -> LogIn:
    """One whose date comes in so many days, known for long; None: never."""
    facts: dict[str, Any] = {
        "token_id": pk,
        "access": "ok",
        "can_publish": "yes",
        "state": "valid",
        "deadline_kind": "never" if ends is None else "date",
        "deadline": None if ends is None else NOW + timedelta(days=ends),
        "cycle": 1,
        "cycle_since": LONG_KNOWN,
        "issued_at": None,
        "people": (ADA,),
    }
    return LogIn(**facts | fields)


def account(*log_ins: LogIn, ends: float | None = 5, **fields: Any) -> AccountFacts:
    facts: dict[str, Any] = {
        "pk": 1,
        "channel": "facebook",
        "team_id": 1,
        "state": "connected",
        "since": LONG_KNOWN,
        "paused_at": None,
        "deadline_kind": "never" if ends is None else "date",
        "deadline": None if ends is None else NOW + timedelta(days=ends),
        "cycle": 1,
        "cycle_since": LONG_KNOWN,
        "people_count": len(log_ins),
        "log_ins": list(log_ins),
    }
    return AccountFacts(**facts | fields)


def days_of(one: Rule, of: AccountFacts, asked: Span, directory: Directory = PLACES) -> list[tuple[int, int]]:
    """Return after how many days which thresholds are due."""
    found = rules.find_due(one, of, directory, asked)
    return [((each.on - TODAY).days, each.threshold) for each in found if each.news]


# --- what is due ----------------------------------------------------------------------------------------------------


def test_each_threshold_is_due_on_its_calendar_day_and_of_those_that_were_missed_the_tightest() -> None:
    assert days_of(rule(days=(1, 7, 10)), account(ends=12), span(30)) == [(2, 10), (5, 7), (11, 1)]
    assert days_of(rule(), account(ends=5), span()) == [(0, 7)]
    assert days_of(rule(), account(ends=40), span()) == []
    assert days_of(rule(), account(ends=-0.5), span()) == []


@pytest.mark.parametrize("hour", [0, 5, 23])
def test_days_are_those_of_the_project_s_calendar(hour: int) -> None:
    at = datetime.combine(TODAY + timedelta(days=7), time(hour), tzinfo=BERLIN)

    assert days_of(rule(days=(7,)), account(deadline=at), span()) == [(0, 7)]


def test_of_a_date_that_was_known_for_just_so_many_days_nobody_is_warned_as_it_begins() -> None:
    begins = account(ends=30, cycle_since=NOW)

    assert days_of(rule(days=(30,)), begins, span()) == []
    assert days_of(rule(days=(30,)), replace(begins, cycle_since=NOW - timedelta(seconds=1)), span()) == [
        (0, 30)
    ]
    # known for longer by the log-in that sets it
    assert days_of(rule(days=(30,)), replace(begins, log_ins=[log_in(ends=30)]), span()) == [(0, 30)]
    assert days_of(rule(days=(30,)), replace(begins, log_ins=[log_in(ends=30, state="dead")]), span()) == []
    assert days_of(rule(days=(30,)), replace(begins, log_ins=[log_in(ends=60)]), span()) == []


def test_watching_log_ins_each_is_due_by_its_own_date_but_for_what_is_over() -> None:
    pool = [
        log_in(1, ends=3),
        log_in(2, ends=20),
        log_in(3, state="dead"),
        log_in(4, access="lost"),
        log_in(5, ends=None),
    ]

    found = list(rules.find_due(rule(of_token=True), account(*pool, ends=20), PLACES, span()))

    assert [(one.ends.token_id, one.threshold) for one in found] == [(1, 7), (2, 30)]


def test_dark_is_told_at_once_whatever_is_watched_and_only_of_what_ever_worked() -> None:
    dark = account(log_in(state="dead"), state="deactivated", deadline=None, deadline_kind="none")
    held_up = account(log_in(), state="interrupted", since=NOW - timedelta(hours=1))

    assert days_of(rule(of_token=True), dark, span()) == [(0, 0)]
    assert days_of(rule(), held_up, span()) == [(0, 0), (0, 7)]
    assert days_of(rule(), replace(held_up, since=NOW - timedelta(minutes=59)), span()) == [(0, 7)]
    assert days_of(rule(), replace(dark, was_connected=False), span()) == []
    assert days_of(rule(), account(log_in(), state="paused"), span()) == []
    assert days_of(rule(), replace(dark, heard={WATCHER}), span()) == []
    assert days_of(rule(), replace(dark, told=[TellsBefore(None, WATCHER, 0, 99, TODAY)]), span()) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"enabled": False}, "off"),
        ({"team_id": 2}, "other_team"),
        ({"excluded": frozenset({1})}, "left_out_account"),
        ({"scope": "channels", "channels": frozenset({"x"})}, "other_channel"),
        ({"scope": "chosen"}, "not_applied"),
        ({"scope": "chosen", "chosen": frozenset({2})}, "not_applied"),
        ({"scope": "chosen", "chosen": frozenset({1})}, ""),
        ({"scope": "channels", "channels": frozenset({"facebook"}), "team_id": 1}, ""),
    ],
)
def test_what_a_rule_does_not_watch_it_tells_nothing_of(changes: dict[str, Any], why: str) -> None:
    one = rule(**changes)

    assert one.why_not(account()) == why
    assert bool(days_of(one, account(), span())) == (not why)


@pytest.mark.parametrize(
    ("told", "is_news"),
    [
        ((7, WATCHER), False),
        ((1, WATCHER), False),
        ((30, WATCHER), True),
        ((7, BEN), True),
        ((0, WATCHER), True),
    ],
)
def test_what_was_told_as_urgently_is_no_news(told: tuple[int, str], is_news: bool) -> None:
    before = TellsBefore(None, told[1], told[0], 99, TODAY)

    assert bool(days_of(rule(), account(told=[before]), span())) is is_news
    assert days_of(rule(), account(told=[before._replace(token_id=1)]), span()) == [(0, 7)]


def test_who_is_on_it_frees_all_until_it_is_more_urgent_or_dark() -> None:
    on_it = account(acknowledged={None: 5}, ends=5)

    assert days_of(rule(), on_it, span(6)) == [(4, 1)]
    assert days_of(rule(), replace(on_it, acknowledged={None: 7}), span()) == []
    assert days_of(rule(of_token=True), replace(on_it, log_ins=[log_in()]), span()) == [(0, 7)]
    assert days_of(rule(), replace(on_it, state="deactivated", deadline=None), span()) == [(0, 0)]


# --- the same, slowly -----------------------------------------------------------------------------------------------


def slowly(days: Sequence[int], deadline: datetime, known: datetime, asked: Span) -> list[tuple[date, int]]:
    """Ask on each day anew: is any threshold reached that was not on the day before?"""
    found, ends_on = [], deadline.astimezone(BERLIN).date()
    seen: set[int] = set()
    day = asked.first
    while day <= asked.last:
        reached = {
            each for each in days if (ends_on - day).days <= each and deadline - known > timedelta(days=each)
        }
        if reached - seen:
            found.append((day, min(reached)))
            seen |= reached
        day += timedelta(days=1)
    return found


@given(
    days=st.sets(st.integers(1, 40), min_size=1, max_size=4),
    ends=st.integers(1, 60 * 24),
    known=st.integers(0, 60 * 24),
    length=st.integers(0, 40),
)
def test_thresholds_fire_as_when_each_day_is_asked_by_itself(
    days: set[int], ends: int, known: int, length: int
) -> None:
    asked = span(length)
    deadline, since = NOW + timedelta(hours=ends), NOW - timedelta(hours=known)
    facts = rules.Ends(1, None, deadline, since)

    found = rules.due_days(sorted(days), facts, asked)

    assert found == slowly(sorted(days), deadline, since, asked)


# --- who is told ----------------------------------------------------------------------------------------------------


def told(
    one: Rule, of: AccountFacts, directory: Directory = PLACES, day: date | None = None
) -> list[tuple[str, Via]]:
    return [tuple(each) for each in one.readers(of, directory, day=day).readers]  # type: ignore[misc]


LINKED = rule(emails=(), notify_consenters=True)


def test_addresses_and_people_who_linked_are_told_each_once_and_for_a_system_user_the_team_that_owns_it() -> (
    None
):
    pool = [log_in(1), log_in(2, people=(BEN,)), log_in(3, people=(BEN,))]

    assert told(rule(emails=(WATCHER, ADA), notify_consenters=True), account(*pool)) == [
        (WATCHER, Via.DIRECT),
        (ADA, Via.DIRECT),
        (BEN, Via.DIRECT),
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"gone": {ADA}}, "person_left"),
        ({"refused": {ADA}}, "address_refused"),
        ({"mutes": Mutes([Muted(1, ADA, None, TODAY + timedelta(days=1))])}, "snoozed"),
        ({"mutes": Mutes([Muted(None, ADA, None, TODAY + timedelta(days=1))])}, "away"),
        ({"mutes": Mutes([Muted(1, ADA, 1)])}, "left_out"),
    ],
)
def test_for_whom_nobody_can_tell_the_leads_stand_in_else_the_operators_and_it_is_said_why(
    changes: dict[str, Any], why: str
) -> None:
    directory = replace(PLACES, **changes)

    found = LINKED.readers(account(log_in()), directory, day=TODAY)

    assert found.readers == [Reader(LEAD, Via.TEAM_LEAD)]
    assert found.left_out == {ADA: why}
    assert told(LINKED, account(log_in()), replace(directory, leads={}), TODAY) == [(OPERATOR, Via.OPERATOR)]
    assert told(rule(notify_consenters=True), account(log_in()), directory, TODAY) == [(WATCHER, Via.DIRECT)]


def test_a_lead_who_snoozed_is_not_told_and_an_operator_always_is() -> None:
    mutes = Mutes(
        [
            Muted(1, LEAD, None, TODAY + timedelta(days=1)),
            Muted(None, OPERATOR, None, TODAY + timedelta(days=1)),
        ]
    )

    assert told(LINKED, account(), replace(PLACES, mutes=mutes), TODAY) == [(OPERATOR, Via.OPERATOR)]


def test_a_mute_is_over_on_its_day_and_one_of_another_macro_or_account_keeps_nobody() -> None:
    others = Mutes([Muted(1, ADA, 2), Muted(2, ADA), Muted(1, ADA, None, TODAY)])
    directory = replace(PLACES, mutes=others)

    assert told(LINKED, account(log_in()), directory, TODAY) == [(ADA, Via.DIRECT)]
    assert told(LINKED, account(log_in()), directory, TODAY - timedelta(days=1)) == [(LEAD, Via.TEAM_LEAD)]


# --- nothing happened -----------------------------------------------------------------------------------------------

FURTHER = rule(action_id=2, kind="escalated", emails=("boss@x.example",), after=3)


def warned(threshold: int = 7, *, ago: int = 3, **fields: Any) -> TellsBefore:
    facts: dict[str, Any] = {"token_id": None, "address": WATCHER, "threshold": threshold, "action_id": 1}
    return TellsBefore(**facts | {"on": TODAY - timedelta(days=ago)} | fields)


def escalated(of: AccountFacts, one: Rule = FURTHER, directory: Directory = PLACES) -> list[tuple[str, int]]:
    return [
        (reader.address, each.threshold)
        for each in rules.find_escalated(one, of, directory, span())
        for reader in each.news
    ]


def test_so_many_days_after_the_first_warning_others_are_told_by_the_tightest_that_was_told() -> None:
    assert escalated(account(told=[warned(7, ago=3)])) == [("boss@x.example", 7)]
    assert escalated(account(told=[warned(7, ago=2)])) == []
    assert escalated(account(told=[warned(30, ago=9), warned(1, ago=0)])) == [("boss@x.example", 1)]
    assert escalated(account(told=[warned(7)]), replace(FURTHER, emails=())) == [(LEAD, 7)]


@pytest.mark.parametrize(
    "quiet",
    [
        {"acknowledged": {None: 7}, "told": [warned(7), warned(1)]},
        {"paused_at": NOW},
        {"told": [warned(7), warned(7, action_id=2, address="boss@x.example")]},
        {"told": [warned(7, waits=True)]},  # our own mail server does not take it
        {"told": [warned(40)]},  # of a macro that warns earlier
        {"told": [warned(7, token_id=1)], "log_ins": [log_in(1)]},  # this one watches the account
        {"state": "deactivated"},  # another cycle: of it nobody was told
    ],
)
def test_nothing_is_escalated_where(quiet: dict[str, Any]) -> None:
    assert escalated(account(**{"told": [warned(7)]} | quiet)) == []


def test_that_it_is_dark_is_a_first_warning_whichever_mail_said_so() -> None:
    dark = account(state="deactivated", deadline=None, heard_on=TODAY - timedelta(days=3))

    assert escalated(dark, replace(FURTHER, days=())) == [("boss@x.example", 0)]


# --- too few people -------------------------------------------------------------------------------------------------

FEW = rule(action_id=3, kind="few_people", days=(), people=2)


def short(of: AccountFacts, one: Rule = FEW) -> bool:
    return rules.is_short(one, of)


def test_what_is_dark_paused_or_not_watched_is_not_short_and_what_is_dark_has_not_recovered() -> None:
    alone = account(log_in())

    assert short(alone)
    assert not short(replace(alone, state="deactivated"))
    assert not short(replace(alone, paused_at=NOW))
    assert not short(alone, replace(FEW, team_id=2))
    assert not rules.is_over(FEW, replace(alone, state="deactivated", people_count=2))
    assert rules.is_over(FEW, replace(alone, people_count=2))
    assert rules.is_over(None, alone)
