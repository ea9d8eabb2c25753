"""The comparisons of the drill of an upgrade: what a migration did to rows and names shows, and what it added does not."""

import os
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from tests.faults import upgrade
from tests.support.factories import make_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def address() -> str:
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}"


def test_a_new_column_or_table_changes_nothing_and_a_changed_row_or_a_column_that_is_gone_does(
    address: str,
) -> None:
    make_account(name="Northwind")
    columns = upgrade.tables(address)
    before = upgrade.digests(columns, address)
    steps = {
        "added": "alter table accounts_account add new_fact text not null default ''; create table new_table (id int)",
        "changed": "update accounts_account set name = 'Northwind EU'",
        "renamed": "alter table macros_digeststop rename email to address",
    }
    changed = {}

    with psycopg.connect(address, autocommit=True) as database:
        try:
            for step, statements in steps.items():
                database.execute(statements)
                after = upgrade.digests(columns, address)
                changed[step] = {table for table in before if after[table] != before[table]}
        finally:
            database.execute("alter table accounts_account drop new_fact; drop table new_table")
            database.execute("alter table macros_digeststop rename address to email")

    assert changed["added"] == set()
    assert changed["changed"] == {"accounts_account"}
    assert changed["renamed"] == {"accounts_account", "macros_digeststop"}


def test_names_that_migrate_writes_are_compared_by_name(address: str) -> None:
    names = upgrade.by_name(address)

    assert "accounts.apikey" in names["django_content_type"]
    assert "accounts.revoke_apikey" in names["auth_permission"]
    assert "Staff: accounts.pause_account" in names["auth_group_permissions"]
    assert "Tidy unfinished links: accounts.tasks.tidy" in names["django_celery_beat_periodictask"]


def test_a_clone_without_the_older_version_shows_nothing_instead_of_something(tmp_path: Path) -> None:
    assert not upgrade.unpack("0" * 40, tmp_path)
    assert list(tmp_path.iterdir()) == []
