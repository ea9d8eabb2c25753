"""Who is told what at once: the rules alone, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.pool.health import OUTSIDE
from macros.at_once.rules import HOUR, Found, find_due
from macros.at_once.services import evening
from macros.notices.models import Told
from macros.notices.rules import Rule, World
from macros.notices.values import AccountFacts, Directory, Happened, LogIn, Muted, Mutes
from macros.warnings.cards import Happening
from macros.warnings.revalidation import why_over
from tests.macros.test_rules import log_in
from tokens.channels import registry
from tokens.channels.kinds import Reason
from tokens.models import Token
from users.people.queries import Via

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
MINUTE = timedelta(minutes=1)
SOON = NOW + timedelta(seconds=35)
TEAM, ACCOUNT, ADA, BEN = 7, 1, 11, 12  # ids
ADA_S, BEN_S, WATCHER, LEAD, OPERATOR = (
    f"{name}@example.com" for name in ("ada", "ben", "watcher", "lead", "ops")
)
Kind = Told.Kind

LIVING = log_in(BEN, people=(BEN_S,))
DEAD = log_in(
    ADA, people=(ADA_S,), state="dead", state_since=NOW, state_reason=Reason.AUTHORISATION_CANCELLED
)
LOST = log_in(ADA, people=(ADA_S,), access="lost", access_reason=Reason.ACCESS_LOST)
REMOVED = replace(DEAD, state_reason=Token.REMOVED)
LINKED = Happened(1, "connected", LONG_AGO, "linked")
STOPPED = Happened(2, "deactivated", NOW, Reason.AUTHORISATION_CANCELLED, None, ADA)
SHIFTED = Happened(2, "shifted", NOW, Reason.AUTHORISATION_CANCELLED, BEN, ADA)
LOSS = Happened(3, "access", NOW, Reason.ACCESS_LOST, ADA)
RESTRICTED = Happened(4, "restricted", NOW)
STAFFED = Directory(leads={TEAM: [LEAD]}, operators=[OPERATOR])


def account(*events: Happened, **fields: Any) -> AccountFacts:
    """An account that is looked at since now, connected through Ben unless said otherwise."""
    given: dict[str, Any] = {
        "pk": ACCOUNT, "channel": "facebook", "team_id": TEAM, "state": "connected", "since": LONG_AGO, "paused_at": None,
        "deadline_kind": "date", "deadline": None, "cycle": 1, "cycle_since": LONG_AGO, "people_count": 1,
        "created_at": LONG_AGO, "looked_since": NOW, "active_token_id": BEN, "log_ins": [LIVING],
    }  # fmt: skip
    return AccountFacts(**{**given, **fields}, events=(LINKED, *events))


def dark(*events: Happened, **fields: Any) -> AccountFacts:
    """One that Ada's end stopped."""
    return account(
        *(events or (STOPPED,)),
        **{"state": "deactivated", "since": NOW, "active_token_id": None, "log_ins": [DEAD], **fields},
    )


def watch(kind: str, *emails: str, **fields: Any) -> Rule:
    """An action of a macro that watches all accounts, and tells these addresses."""
    given: dict[str, Any] = {
        "action_id": 21,
        "macro_id": 31,
        "kind": kind,
        "created_at": LONG_AGO,
        "emails": emails or (WATCHER,),
        "notify_consenters": False,
    }
    return Rule(**{**given, **fields})


def look(one: AccountFacts, *watches: Rule, now: datetime = SOON, directory: Directory = STAFFED) -> Found:
    return find_due(World({one.pk: one}, watches, directory), now)


def told(found: Found) -> list[tuple[str, str]]:
    """Return who is told what."""
    return sorted((one.recipient, one.kind) for one in found.due)


def why_not(row: Told, one: AccountFacts | None, world: World) -> str:
    """Return why a row no longer holds when its mail is made and its account is so."""
    return why_over(row, replace(world, accounts={ACCOUNT: one} if one else {}), NOW)


def known(kind: str, recipient: str, at: datetime, **fields: Any) -> Told:
    """What a reader was told, by a mail that left."""
    return Told(kind=kind, recipient=recipient, at=at, **{"event": 99, "outcome": "mailed", **fields})


# --- what is told, and to whom


def test_an_end_is_told_to_its_person_and_that_the_account_is_dark_to_whom_a_macro_names() -> None:
    found = look(dark(), watch("deactivated"))

    assert told(found) == [(ADA_S, "log_in"), (WATCHER, "deactivated")]
    assert all(one.dark for one in found.due)


def test_whoever_reads_of_the_own_log_in_is_not_told_by_a_macro_what_that_did() -> None:
    stop = look(dark(), watch("deactivated", ADA_S, WATCHER))
    shift = look(account(SHIFTED, log_ins=[DEAD, LIVING]), watch("shifted", ADA_S, WATCHER))

    assert told(stop) == [(ADA_S, "log_in"), (WATCHER, "deactivated")]
    assert told(shift) == [(ADA_S, "log_in"), (WATCHER, "shifted")]


def test_an_end_that_the_daily_mail_told_first_is_not_told_again_and_a_later_one_is() -> None:
    daily = known("deactivated", ADA_S, NOW + MINUTE / 3, dark=True)

    assert told(look(dark(told_at_once=(daily,)))) == []
    daily.at = LONG_AGO
    assert told(look(dark(told_at_once=(daily,)))) == [(ADA_S, "log_in")]


def test_an_end_is_told_by_a_lead_where_its_person_cannot_be_reached_and_by_an_operator_without_a_lead() -> (
    None
):
    unreached = replace(STAFFED, refused={ADA_S})

    by_lead = look(dark(), directory=unreached)
    by_operator = look(dark(), directory=replace(unreached, leads={}))
    gone = look(dark(), directory=replace(STAFFED, gone={ADA_S}))

    assert [(one.recipient, one.via) for one in by_lead.due] == [(LEAD, Via.TEAM_LEAD)]
    assert [(one.recipient, one.via) for one in by_operator.due] == [(OPERATOR, Via.OPERATOR)]
    assert told(gone) == [(LEAD, "log_in")]


def test_where_only_an_appeal_helps_leads_hear_of_a_dark_account_beside_the_person() -> None:
    appeal = replace(DEAD, state_reason=Reason.SUSPENDED)

    assert told(look(dark(log_ins=[appeal]))) == [(ADA_S, "log_in"), (LEAD, "log_in")]
    assert told(look(account(SHIFTED, log_ins=[appeal, LIVING]))) == [(ADA_S, "log_in")]


def test_what_was_removed_on_purpose_and_what_died_before_is_not_told() -> None:
    removed = dark(log_ins=[REMOVED])
    before = dark(log_ins=[replace(DEAD, state_since=NOW - MINUTE)])

    assert told(look(removed)) == []
    assert told(look(before)) == []


def test_whom_the_mail_about_removed_log_ins_told_that_it_stopped_is_not_told_again_and_hears_when_it_works() -> (
    None
):
    removed = dark(log_ins=[REMOVED], mailed={LEAD: 55})

    found = look(removed, watch("deactivated"))

    assert {(one.recipient, one.message_id) for one in found.due} == {(LEAD, 55), (WATCHER, None)}


def test_a_lost_role_is_told_to_its_person_and_where_it_stopped_the_account_to_who_can_give_it_back() -> None:
    role = min(registry.CHANNELS["facebook"].admin_roles)
    admin = replace(
        DEAD, token_id=BEN, people=(BEN_S,), state_reason=Reason.EXPIRED, state_since=LONG_AGO, role=role
    )
    stops = dark(LOSS, STOPPED, log_ins=[LOST, admin])
    goes_on = account(LOSS, log_ins=[LOST, LIVING])

    assert told(look(stops)) == [(ADA_S, "access"), (BEN_S, "access"), (LEAD, "access")]
    assert told(look(goes_on)) == [(ADA_S, "access")]


def test_who_can_give_a_role_back_and_snoozed_it_is_replaced_by_whoever_stands_in() -> None:
    mutes = Mutes([Muted(ACCOUNT, LEAD)])

    found = look(dark(LOSS, STOPPED, log_ins=[LOST]), directory=replace(STAFFED, mutes=mutes))

    assert told(found) == [(ADA_S, "access"), (OPERATOR, "access")]


def test_a_loss_that_a_later_answer_contradicts_and_one_that_is_the_team_s_own_are_not_told() -> None:
    regained = account(LOSS, log_ins=[replace(LOST, access="ok", access_reason=""), LIVING])
    walled = account(LOSS, log_ins=[replace(LOST, access_reason=OUTSIDE), LIVING])

    assert told(look(regained)) == []
    assert told(look(walled)) == []


def test_what_a_team_stops_by_its_own_rule_is_told_to_its_leads_but_not_to_whoever_did_it() -> None:
    by_somebody = STOPPED._replace(cause=OUTSIDE, actor=OPERATOR)
    walled = replace(LOST, access_reason=OUTSIDE)

    assert told(look(dark(by_somebody, log_ins=[walled]))) == [(LEAD, "deactivated")]
    assert told(look(dark(by_somebody._replace(actor=LEAD), log_ins=[walled]))) == []


def test_a_restriction_is_told_to_the_people_of_the_pool_to_watchers_and_where_all_snoozed_it_to_who_stands_in() -> (
    None
):
    one = account(RESTRICTED, restriction="DISABLED")

    awake = look(one, watch("restricted"))
    asleep = look(one, directory=replace(STAFFED, mutes=Mutes([Muted(None, BEN_S)])))

    assert told(awake) == [(BEN_S, "restricted"), (WATCHER, "restricted")]
    assert told(asleep) == [(LEAD, "restricted")]
    assert told(look(replace(one, created_at=NOW - MINUTE / 2))) == []  # whoever linked it read it there


def test_a_macro_tells_what_happened_since_it_was_made_but_that_an_account_is_dark_always() -> None:
    young = {"created_at": NOW + timedelta(seconds=1)}

    assert told(look(account(SHIFTED, log_ins=[LIVING]), watch("shifted", **young))) == []
    assert (WATCHER, "deactivated") in told(look(dark(), watch("deactivated", **young)))


@pytest.mark.parametrize(
    ("fields", "watches"),
    [
        ({}, True), ({"scope": "chosen"}, False), ({"scope": "chosen", "chosen": frozenset({ACCOUNT})}, True),
        ({"scope": "channels", "channels": frozenset({"x"})}, False), ({"team_id": TEAM + 1}, False),
        ({"excluded": frozenset({ACCOUNT})}, False),
    ],
)  # fmt: skip
def test_a_macro_tells_of_the_accounts_that_it_watches(fields: dict[str, Any], watches: bool) -> None:
    assert ((WATCHER, "deactivated") in told(look(dark(), watch("deactivated", **fields)))) == watches


def test_a_paused_account_is_silent_and_what_was_dark_when_it_was_paused_is_no_news() -> None:
    resumed = dark(
        Happened(2, "deactivated", LONG_AGO), Happened(3, "paused", LONG_AGO), Happened(4, "deactivated", NOW, "resumed"),
        log_ins=[replace(DEAD, state_since=LONG_AGO)],
    )  # fmt: skip

    assert told(look(dark(paused_at=NOW), watch("deactivated"))) == [
        (ADA_S, "log_in")
    ]  # the log-in may carry others
    assert told(look(resumed, watch("deactivated"))) == []


def test_what_is_interrupted_is_told_after_an_hour() -> None:
    held = account(Happened(2, "interrupted", NOW), state="interrupted", since=NOW, log_ins=[LIVING])

    at_once = look(held, watch("deactivated"))
    later = look(held, watch("deactivated"), now=NOW + HOUR)

    assert (told(at_once), at_once.again) == ([], {ACCOUNT: NOW + HOUR})
    assert told(later) == [(WATCHER, "deactivated")]


# --- that it is over


def test_whoever_was_told_that_it_stopped_and_whom_a_macro_tells_hear_that_it_works_again() -> None:
    back = account(
        STOPPED,
        Happened(5, "connected", NOW + 5 * MINUTE),
        told_at_once=(known("log_in", BEN_S, NOW, dark=True),),
    )

    found = look(back, watch("recovered"), now=NOW + 6 * MINUTE)

    assert told(found) == [(BEN_S, "recovered"), (WATCHER, "recovered")]


def test_a_first_link_and_a_stop_of_seconds_are_no_recovery() -> None:
    first = replace(account(), events=(LINKED._replace(at=NOW),))
    blip = account(STOPPED, Happened(5, "connected", NOW + timedelta(seconds=30)))

    assert told(look(first, watch("recovered"))) == []
    assert told(look(blip, watch("recovered"), now=NOW + MINUTE)) == []


def test_that_it_works_again_is_not_told_to_whom_the_account_concerns_no_longer_or_who_snoozed_it() -> None:
    stranger, sleeper = "old@example.com", BEN_S
    before = tuple(known("deactivated", one, NOW, dark=True) for one in (stranger, sleeper))
    back = account(STOPPED, Happened(5, "connected", NOW + 5 * MINUTE), told_at_once=before)

    found = look(
        back, now=NOW + 6 * MINUTE, directory=replace(STAFFED, mutes=Mutes([Muted(ACCOUNT, sleeper)]))
    )

    assert told(found) == []
    assert sorted(found.over) == [(ACCOUNT, sleeper), (ACCOUNT, stranger)]


# --- once, and calmly


def test_looking_again_tells_nobody_again_whatever_became_of_the_mail() -> None:
    for one, watches in (
        (dark(), [watch("deactivated")]),
        (account(RESTRICTED, restriction="X"), [watch("restricted")]),
    ):
        first = look(one, *watches)

        assert first.due
        assert look(replace(one, told_at_once=first.due), *watches).due == []


def test_the_second_time_off_and_on_within_a_day_is_told_in_the_evening() -> None:
    earlier = NOW - 3 * HOUR
    day = (
        known("deactivated", WATCHER, earlier, dark=True, over_at=NOW),
        known("recovered", WATCHER, earlier + 9 * MINUTE),
    )
    kinds = [watch("deactivated"), watch("recovered", action_id=22)]

    off = look(dark(told_at_once=day, log_ins=[]), *kinds)
    stays_off = look(dark(told_at_once=day, log_ins=[]), *kinds, now=NOW + HOUR)
    back = account(STOPPED, Happened(5, "connected", NOW + 5 * MINUTE), told_at_once=day)
    on = look(back, *kinds, now=NOW + 6 * MINUTE)
    for one in day:
        one.at -= timedelta(days=1)
    next_day = look(dark(told_at_once=day, log_ins=[]), *kinds)

    assert (told(off), off.again) == ([(WATCHER, "unsteady")], {ACCOUNT: NOW + HOUR})
    assert told(stays_off) == [(WATCHER, "deactivated")]
    assert told(on) == [(WATCHER, "unsteady")]
    assert told(next_day) == [(WATCHER, "deactivated")]


def test_what_goes_off_and_on_is_told_and_counted_on_its_day_in_the_project_s_zone() -> None:
    late = NOW.replace(hour=20)  # 21:00 in Berlin
    night = NOW.replace(hour=23, minute=30)  # 0:30 of the next day
    stops = [Happened(9 - hours, "deactivated", night - hours * HOUR) for hours in (1, 0)]
    was_told = known("recovered", WATCHER, night - 2 * HOUR)

    found = look(dark(*stops, told_at_once=(was_told,), log_ins=[]), watch("deactivated"), now=night)

    assert (evening(NOW), evening(late)) == (NOW.replace(hour=17), late)
    (row,) = found.due
    assert (row.kind, row.event) == ("unsteady", (NOW + timedelta(days=1)).toordinal())
    assert Happening(row, [account(*stops)]).times == 1


def test_whoever_was_told_that_it_stays_off_hears_when_it_works_though_it_is_the_second_time() -> None:
    day = (known("recovered", WATCHER, NOW - 2 * HOUR), known("deactivated", WATCHER, NOW, dark=True))
    back = account(STOPPED, Happened(5, "connected", NOW + 2 * HOUR), told_at_once=day)

    assert told(look(back, watch("recovered"), now=NOW + 2 * HOUR + MINUTE)) == [(WATCHER, "recovered")]


# --- when the mail is made


def test_what_no_longer_holds_is_dropped_and_says_why() -> None:
    facts = World(
        {}, [watch("deactivated"), watch("shifted"), watch("recovered"), watch("restricted")], STAFFED
    )
    stop, shift = (next(d for d in look(one, *facts.rules).due if d.recipient == WATCHER) for one in (
        dark(log_ins=[]), account(SHIFTED, log_ins=[LIVING]),
    ))  # fmt: skip
    end = look(dark()).due[0]
    limit = look(account(RESTRICTED, restriction="X")).due[0]
    back = replace(account(Happened(5, "connected", NOW + HOUR)), log_ins=[LIVING])
    lost = account(LOSS, log_ins=[LOST, LIVING])
    loss = look(lost).due[0]
    lifted = account(RESTRICTED, Happened(6, "unrestricted", NOW + MINUTE), state="deactivated")
    free = Told(account_id=ACCOUNT, kind=Kind.RECOVERED, event=6, recipient=WATCHER, action_id=21, at=NOW)

    assert why_not(stop, dark(), facts) == ""
    assert why_not(stop, back, facts) == "works_again"
    assert why_not(stop, dark(paused_at=NOW), facts) == "paused"
    assert why_not(stop, None, facts) == "accounts_gone"
    assert why_not(shift, dark(SHIFTED), facts) == "moved_on"
    assert why_not(end, back, facts) == "not_linked"
    assert why_not(end, account(log_ins=[replace(DEAD, state="valid", state_reason="")]), facts) == "renewed"
    assert why_not(limit, account(RESTRICTED), facts) == "not_restricted"
    assert why_not(loss, lost, facts) == ""
    assert why_not(loss, replace(lost, log_ins=[LIVING, replace(LOST, access="ok")]), facts) == "can_be_used"
    assert why_not(free, lifted, facts) != "stopped_again"
    assert why_not(free, replace(lifted, restriction="X"), facts) == "stopped_again"


def test_a_reader_who_is_told_no_longer_is_left_out_and_the_code_says_why() -> None:
    [stop] = look(dark(log_ins=[]), watch("deactivated")).due

    def why(directory: Directory = STAFFED, *watches: Rule) -> str:
        return why_not(stop, dark(log_ins=[]), World({}, watches, directory))

    named = watch("deactivated")
    assert why(STAFFED) == "macro_off"
    assert why(STAFFED, replace(named, emails=("else@example.com",))) == "not_told_direct"
    assert why(replace(STAFFED, mutes=Mutes([Muted(ACCOUNT, WATCHER)])), named) == "reader_left_out"
    assert why(replace(STAFFED, mutes=Mutes([Muted(None, WATCHER)])), named) == "reader_away"
    assert (
        why(replace(STAFFED, mutes=Mutes([Muted(ACCOUNT, WATCHER, named.macro_id)])), named)
        == "reader_left_out"
    )
    assert why(replace(STAFFED, refused={WATCHER}), named) == "address_refused"


# --- against an obvious second version


ENTRIES = st.lists(
    st.sampled_from([DEAD, LOST, LIVING, REMOVED]),
    max_size=2,
    unique_by=lambda one: one.token_id,
)
EVENTS = st.lists(
    st.sampled_from([STOPPED, SHIFTED, LOSS, RESTRICTED]), max_size=3, unique_by=lambda one: one.id
)


@given(
    entries=ENTRIES,
    events=EVENTS,
    state=st.sampled_from(["connected", "deactivated", "interrupted"]),
    restriction=st.sampled_from(["", "X"]),
    refused=st.sets(st.sampled_from([ADA_S, BEN_S, WATCHER, LEAD])),
    muted=st.sets(st.sampled_from([ADA_S, BEN_S, WATCHER, LEAD])),
)
def test_whatever_happens_no_reader_is_told_twice_and_no_address_that_mail_does_not_reach(
    entries: list[LogIn],
    events: list[Happened],
    state: str,
    restriction: str,
    refused: set[str],
    muted: set[str],
) -> None:
    one = account(
        *sorted(events, key=lambda each: each.id),
        state=state,
        since=NOW,
        restriction=restriction,
        log_ins=entries,
    )
    directory = replace(
        STAFFED,
        refused=refused,
        leads={TEAM: [LEAD]} if LEAD not in refused else {},
        mutes=Mutes(Muted(ACCOUNT, each) for each in muted),
    )
    watches = [
        watch(kind, WATCHER, ADA_S, action_id=20 + n)
        for n, kind in enumerate(("deactivated", "shifted", "restricted"))
    ]
    facts = World({ACCOUNT: one}, watches, directory)

    found = find_due(facts, NOW + 2 * HOUR).due

    ends = {(due.recipient, due.token_id) for due in found if due.kind in {"log_in", "access"}}
    rest = [(due.recipient, due.kind) for due in found if due.kind not in {"log_in", "access"}]
    assert len(rest) == len(set(rest))
    assert not {(due.recipient, due.token_id) for due in found if due.kind == "shifted"} & ends
    if state == "deactivated":
        assert not {who for who, kind in rest if kind == "deactivated"} & {who for who, _ in ends}
    assert not {due.recipient for due in found if due.via != Via.OPERATOR} & refused
    assert not {due.recipient for due in found if due.action_id} & muted
    assert all(why_not(due, one, facts) == "" for due in found)  # the look at sending agrees
    stopped = [each for each in events if each.kind == "deactivated"]
    if stopped and state == "deactivated":  # nobody's account goes dark untold
        assert {"deactivated", "log_in", "access"} & {due.kind for due in found}
