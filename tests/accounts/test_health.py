from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Account, AccountToken
from accounts.pool.health import Health, InPool
from tokens.models import Token
from ui import pills

NOW = datetime(2026, 11, 25, 9, 42, tzinfo=UTC)
SAFE = {
    "state": "connected",
    "deadline_kind": "date",
    "deadline": NOW + timedelta(days=52),
    "usable_count": 2,
    "people_count": 2,
}


def account(**facts: Any) -> Health:
    return Account(**{**SAFE, **facts}).health(now=NOW, zone=UTC)


@pytest.mark.parametrize(
    ("facts", "pill"),
    [
        ({}, Health.HEALTHY),
        ({"deadline_kind": "never", "deadline": None}, Health.HEALTHY),
        ({"deadline_kind": "unknown", "deadline": None}, Health.DATE_UNKNOWN),
        ({"deadline_kind": "none", "deadline": None}, Health.DATE_UNKNOWN),
        ({"people_count": 1}, Health.NO_BACKUP),
        ({"people_count": 1, "deadline_kind": "never", "deadline": None}, Health.NO_BACKUP),
        ({"restriction": "limited"}, Health.RESTRICTED),
        ({"state": "interrupted", "usable_count": 0}, Health.INTERRUPTED),
        ({"state": "deactivated", "usable_count": 0}, Health.DEACTIVATED),
        ({"state": "paused"}, Health.PAUSED),
        ({"paused_at": NOW}, Health.PAUSED),
    ],
)
def test_an_account_shows_the_pill_of_its_one_trouble(facts: dict[str, Any], pill: Health) -> None:
    assert account(**facts) == pill


@pytest.mark.parametrize(
    ("left", "pill"),
    [
        (timedelta(seconds=-1), Health.URGENT),
        (timedelta(days=7), Health.URGENT),
        (timedelta(days=8), Health.AT_RISK),
        (timedelta(days=30), Health.AT_RISK),
        (timedelta(days=31), Health.HEALTHY),
    ],
)
def test_urgent_ends_after_seven_days_and_at_risk_after_thirty(left: timedelta, pill: Health) -> None:
    assert account(deadline=NOW + left) == pill


def test_troubles_are_shown_in_the_order_of_the_guide() -> None:
    facts: dict[str, Any] = {
        "paused_at": NOW,
        "state": "deactivated",
        "restriction": "limited",
        "people_count": 1,
    }
    facts |= {"deadline": NOW + timedelta(days=3), "usable_count": 0}
    cures: list[dict[str, Any]] = [
        {"paused_at": None},
        {"state": "interrupted"},
        {"state": "connected", "usable_count": 1},
        {"restriction": ""},
        {"deadline": NOW + timedelta(days=20)},
        {"deadline_kind": "unknown", "deadline": None},
        {"people_count": 2},
        {"deadline_kind": "never"},
    ]

    shown = [account(**facts)]
    for cure in cures:
        facts |= cure
        shown.append(account(**facts))

    assert [pills.pill("account", state).label for state in shown] == [
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
    assert account(usable_count=0) == Health.DEACTIVATED


@pytest.mark.parametrize(
    ("active", "state", "access", "can_publish", "pill"),
    [
        (True, "valid", "ok", "yes", InPool.ACTIVE),
        (True, "valid", "ok", "unknown", InPool.ACTIVE),
        (False, "valid", "ok", "yes", InPool.BACKUP),
        (False, "valid", "ok", "unknown", InPool.BACKUP),
        (False, "valid", "ok", "no", InPool.READ_ONLY),
        (True, "cooling", "ok", "yes", InPool.RETRYING),
        (False, "cooling", "ok", "no", InPool.RETRYING),
        (False, "valid", "lost", "yes", InPool.NO_ACCESS),
        (False, "cooling", "lost", "no", InPool.NO_ACCESS),
        (False, "dead", "ok", "yes", InPool.STOPPED),
        (True, "dead", "lost", "no", InPool.STOPPED),
    ],
)
def test_a_token_shows_what_it_can_do_for_this_account(
    active: bool, state: str, access: str, can_publish: str, pill: InPool
) -> None:
    entry = AccountToken(token=Token(state=state), access=access, can_publish=can_publish)

    assert entry.state_in_pool(active=active) == pill


@pytest.mark.parametrize(("active", "pill"), [(True, InPool.ACTIVE), (False, InPool.RETRYING)])
def test_a_token_that_stands_behind_others_is_no_backup(active: bool, pill: InPool) -> None:
    entry = AccountToken(token=Token(demoted_at=NOW), can_publish="yes")

    assert entry.state_in_pool(active=active) == pill
