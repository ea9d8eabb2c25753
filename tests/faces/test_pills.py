from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts import faces

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


def account(**facts: Any) -> faces.Pill:
    return faces.account_pill(**{**SAFE, **facts})


@pytest.mark.parametrize(
    ("facts", "pill"),
    [
        ({}, faces.HEALTHY),
        ({"deadline_kind": "never", "deadline": None}, faces.HEALTHY),
        ({"deadline_kind": "unknown", "deadline": None}, faces.DATE_UNKNOWN),
        ({"deadline_kind": "none", "deadline": None}, faces.DATE_UNKNOWN),
        ({"people_count": 1}, faces.NO_BACKUP),
        ({"people_count": 1, "deadline_kind": "never", "deadline": None}, faces.NO_BACKUP),
        ({"restricted": True}, faces.RESTRICTED),
        ({"state": "interrupted", "usable_count": 0}, faces.INTERRUPTED),
        ({"state": "deactivated", "usable_count": 0}, faces.DEACTIVATED),
        ({"state": "paused"}, faces.PAUSED),
        ({"paused": True}, faces.PAUSED),
    ],
)
def test_an_account_shows_the_pill_of_its_one_trouble(facts: dict[str, Any], pill: faces.Pill) -> None:
    assert account(**facts) == pill


@pytest.mark.parametrize(
    ("left", "pill"),
    [
        (timedelta(seconds=-1), faces.URGENT_PILL),
        (timedelta(days=7), faces.URGENT_PILL),
        (timedelta(days=8), faces.AT_RISK_PILL),
        (timedelta(days=30), faces.AT_RISK_PILL),
        (timedelta(days=31), faces.HEALTHY),
    ],
)
def test_urgent_ends_after_seven_days_and_at_risk_after_thirty(left: timedelta, pill: faces.Pill) -> None:
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
    assert account(usable_count=0) == faces.DEACTIVATED


@pytest.mark.parametrize(
    ("active", "state", "access", "can_publish", "pill"),
    [
        (True, "valid", "ok", "yes", faces.ACTIVE),
        (True, "valid", "ok", "unknown", faces.ACTIVE),
        (False, "valid", "ok", "yes", faces.BACKUP),
        (False, "valid", "ok", "unknown", faces.BACKUP),
        (False, "valid", "ok", "no", faces.READ_ONLY),
        (True, "cooling", "ok", "yes", faces.RETRYING),
        (False, "cooling", "ok", "no", faces.RETRYING),
        (False, "valid", "lost", "yes", faces.NO_ACCESS),
        (False, "cooling", "lost", "no", faces.NO_ACCESS),
        (False, "dead", "ok", "yes", faces.STOPPED),
        (True, "dead", "lost", "no", faces.STOPPED),
    ],
)
def test_a_token_shows_what_it_can_do_for_this_account(
    active: bool, state: str, access: str, can_publish: str, pill: faces.Pill
) -> None:
    assert faces.token_pill(active=active, state=state, access=access, can_publish=can_publish) == pill


@pytest.mark.parametrize(("active", "pill"), [(True, faces.ACTIVE), (False, faces.RETRYING)])
def test_a_token_that_stands_behind_others_is_no_backup(active: bool, pill: faces.Pill) -> None:
    shown = faces.token_pill(active=active, state="valid", access="ok", can_publish="yes", demoted=True)

    assert shown == pill
