from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ui import presentation

NOW = datetime(2026, 11, 25, 9, 42, tzinfo=UTC)
SAFE = {
    "paused": False,
    "state": "connected",
    "restricted": False,
    "deadline_kind": "date",
    "deadline": NOW + timedelta(days=52),
    "usable_count": 2,
    "people_count": 2,
    "now": NOW,
    "zone": UTC,
}


def account(**facts: Any) -> presentation.Pill:
    return presentation.account_pill(**{**SAFE, **facts})


@pytest.mark.parametrize(
    ("facts", "pill"),
    [
        ({}, presentation.HEALTHY),
        ({"deadline_kind": "never", "deadline": None}, presentation.HEALTHY),
        ({"deadline_kind": "unknown", "deadline": None}, presentation.DATE_UNKNOWN),
        ({"deadline_kind": "none", "deadline": None}, presentation.DATE_UNKNOWN),
        ({"people_count": 1}, presentation.NO_BACKUP),
        ({"people_count": 1, "deadline_kind": "never", "deadline": None}, presentation.NO_BACKUP),
        ({"restricted": True}, presentation.RESTRICTED),
        ({"state": "interrupted", "usable_count": 0}, presentation.INTERRUPTED),
        ({"state": "deactivated", "usable_count": 0}, presentation.DEACTIVATED),
        ({"state": "paused"}, presentation.PAUSED),
        ({"paused": True}, presentation.PAUSED),
    ],
)
def test_an_account_shows_the_pill_of_its_one_trouble(facts: dict[str, Any], pill: presentation.Pill) -> None:
    assert account(**facts) == pill


@pytest.mark.parametrize(
    ("left", "pill"),
    [
        (timedelta(seconds=-1), presentation.URGENT_PILL),
        (timedelta(days=7), presentation.URGENT_PILL),
        (timedelta(days=8), presentation.AT_RISK_PILL),
        (timedelta(days=30), presentation.AT_RISK_PILL),
        (timedelta(days=31), presentation.HEALTHY),
    ],
)
def test_urgent_ends_after_seven_days_and_at_risk_after_thirty(
    left: timedelta, pill: presentation.Pill
) -> None:
    assert account(deadline=NOW + left) == pill


def test_troubles_are_shown_in_the_order_of_the_guide() -> None:
    facts: dict[str, Any] = {"paused": True, "state": "deactivated", "restricted": True, "people_count": 1}
    facts |= {"deadline": NOW + timedelta(days=3), "usable_count": 0}
    cures: list[dict[str, Any]] = [
        {"paused": False},
        {"state": "interrupted"},
        {"state": "connected", "usable_count": 1},
        {"restricted": False},
        {"deadline": NOW + timedelta(days=20)},
        {"deadline_kind": "unknown", "deadline": None},
        {"people_count": 2},
        {"deadline_kind": "never"},
    ]

    shown = [account(**facts)]
    for cure in cures:
        facts |= cure
        shown.append(account(**facts))

    assert [pill.label for pill in shown] == [
        "Paused",
        "Deactivated",
        "Interrupted",
        "Restricted",
        "Urgent",
        "At risk",
        "No backup",
        "Date unknown",
        "Healthy",
    ]


def test_an_account_without_a_usable_token_never_looks_connected() -> None:
    assert account(usable_count=0) == presentation.DEACTIVATED


@pytest.mark.parametrize(
    ("active", "state", "access", "can_publish", "pill"),
    [
        (True, "valid", "ok", "yes", presentation.ACTIVE),
        (True, "valid", "ok", "unknown", presentation.ACTIVE),
        (False, "valid", "ok", "yes", presentation.BACKUP),
        (False, "valid", "ok", "unknown", presentation.BACKUP),
        (False, "valid", "ok", "no", presentation.READ_ONLY),
        (True, "cooling", "ok", "yes", presentation.RETRYING),
        (False, "cooling", "ok", "no", presentation.RETRYING),
        (False, "valid", "lost", "yes", presentation.NO_ACCESS),
        (False, "cooling", "lost", "no", presentation.NO_ACCESS),
        (False, "dead", "ok", "yes", presentation.STOPPED),
        (True, "dead", "lost", "no", presentation.STOPPED),
    ],
)
def test_a_token_shows_what_it_can_do_for_this_account(
    active: bool, state: str, access: str, can_publish: str, pill: presentation.Pill
) -> None:
    assert presentation.token_pill(active=active, state=state, access=access, can_publish=can_publish) == pill


@pytest.mark.parametrize(("active", "pill"), [(True, presentation.ACTIVE), (False, presentation.RETRYING)])
def test_a_token_that_stands_behind_others_is_no_backup(active: bool, pill: presentation.Pill) -> None:
    shown = presentation.token_pill(
        active=active, state="valid", access="ok", can_publish="yes", demoted=True
    )

    assert shown == pill
