"""Tables that rows are only added to, whoever asks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction

from accounts.models import LeaseRecord
from adtoken_project.setup import grants
from adtoken_project.tasks import prune_records
from infra import append_only
from users.models import LoginRecord

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
KEEP = timedelta(days=400)
ROLE = "adtoken_test_app"


def record(*, days_ago: int = 0, **fields: Any) -> LeaseRecord:
    facts = {
        "kind": "lease",
        "caller": "job",
        "account_id": 1,
        "token_id": 1,
        "generation": 1,
        "purpose": "publish",
    }
    return LeaseRecord.objects.create(
        at=NOW - timedelta(days=days_ago), lease_hash="0" * 32, **facts | fields
    )


@pytest.mark.parametrize(
    "statement",
    [
        "update accounts_leaserecord set caller = 'somebody else'",
        "delete from accounts_leaserecord",
        "truncate accounts_leaserecord",
    ],
)
def test_the_owner_of_the_table_changes_no_row(statement: str) -> None:
    record(days_ago=500)

    with pytest.raises(DatabaseError, match="only added"), connection.cursor() as cursor:
        cursor.execute(statement)

    assert LeaseRecord.objects.get().caller == "job"


def test_the_word_that_allows_pruning_allows_no_update() -> None:
    record(days_ago=500)

    with (
        pytest.raises(DatabaseError, match="UPDATE refused"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "set local adtoken.pruning = 'on'; update accounts_leaserecord set caller = 'somebody else'"
        )


def test_pruning_removes_what_is_old_in_batches_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_only, "PRUNE_BATCH", 2)
    for days in (500, 450, 401, 399, 0):
        record(days_ago=days, caller=f"{days}")

    gone = append_only.prune(now=NOW, keep=KEEP)

    assert gone == 3
    assert set(LeaseRecord.objects.values_list("caller", flat=True)) == {"399", "0"}


def test_pruning_removes_nothing_younger_than_thirty_days_whatever_is_asked() -> None:
    LeaseRecord.objects.bulk_create([record_of(datetime.now(UTC) - timedelta(days=29))])

    assert append_only.prune(now=datetime.now(UTC) + timedelta(days=999), keep=timedelta(0)) == 0


def record_of(at: datetime) -> LeaseRecord:
    facts = {
        "kind": "lease",
        "caller": "job",
        "account_id": 1,
        "token_id": 1,
        "generation": 1,
        "purpose": "read",
    }
    return LeaseRecord(at=at, lease_hash="0" * 32, **facts)


def test_after_pruning_the_same_connection_may_delete_no_more_than_before() -> None:
    record(days_ago=500)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select adtoken_prune('accounts_leaserecord', %s, 10)", [NOW - KEEP])
        record(days_ago=500)
        with pytest.raises(DatabaseError, match="only added"), transaction.atomic():
            cursor.execute("delete from accounts_leaserecord")


def test_pruning_reaches_no_other_table() -> None:
    with pytest.raises(DatabaseError, match="not an append-only table"), connection.cursor() as cursor:
        cursor.execute("select adtoken_prune('users_user', %s, 10)", [NOW])


def test_records_are_kept_as_long_as_the_setting_says(settings: Any) -> None:
    settings.RECORDS_DAYS = 60
    ages = [datetime.now(UTC) - timedelta(days=days) for days in (401, 399, 61, 59)]
    LeaseRecord.objects.bulk_create(record_of(at) for at in ages)
    LoginRecord.objects.bulk_create(LoginRecord(at=at, kind="log_in", succeeded=True) for at in ages)

    prune_records()

    assert LeaseRecord.objects.get().at == ages[3]
    assert LoginRecord.objects.get().at == ages[3]


@pytest.fixture
def app_role(settings: Any) -> Iterator[str]:
    """A role that owns nothing, as web, worker and beat run where `migrate` runs as another one."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"create role {ROLE}")
        except ProgrammingError:
            pytest.skip("the role of DATABASE_URL may make no roles")
    settings.DATABASE_APP_ROLE = ROLE
    grants.grant_rights()
    yield ROLE
    with connection.cursor() as cursor:
        cursor.execute(f"drop owned by {ROLE}; drop role {ROLE}")


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("select count(*) from accounts_leaserecord", True),
        ("update accounts_account set name = name", True),
        ("select adtoken_prune('accounts_leaserecord', now(), 10)", True),
        ("set local adtoken.pruning = 'on'; delete from accounts_leaserecord", False),
        ("update accounts_leaserecord set caller = ''", False),
        ("truncate accounts_leaserecord", False),
        ("drop trigger append_only on accounts_leaserecord", False),
        ("alter table accounts_leaserecord disable trigger all", False),
    ],
)
def test_a_role_that_does_not_own_the_table_may_only_add_and_read(
    app_role: str, statement: str, allowed: bool
) -> None:
    refused = None
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"set local role {app_role}")
        record()
        try:
            with transaction.atomic():
                cursor.execute(statement)
        except DatabaseError as error:
            refused = error

    assert (refused is None) is allowed, refused
