"""Several nodes may start `migrate` at once; and new migrations leave the version that still runs alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import OperationalError, connection, migrations, models
from django.db.migrations.loader import MigrationLoader

from adtoken_project.management.commands import migrate
from tests.support import connections, lint_migrations, migrated


@pytest.fixture
def older_database() -> Iterator[str]:
    """The address of a database that lacks the migrations of one app; of an empty one where no migrated one can be copied."""
    server, copied = os.environ["DATABASE_URL"], migrated.template()
    name = f"migrate_{os.getpid()}"
    address = f"{server.rpartition('/')[0]}/{name}"
    with closing(psycopg.connect(server, autocommit=True)) as admin:
        admin.execute(f"create database {name} template {copied or 'template0'}")
        if copied:
            with psycopg.connect(address) as connection:
                models_of_it = apps.get_app_config("adtoken_project").get_models(include_auto_created=True)
                connection.execute("drop table " + ", ".join(model._meta.db_table for model in models_of_it))
                connection.execute("delete from django_migrations where app = 'adtoken_project'")
        yield address
        admin.execute(f"drop database {name} with (force)")


@pytest.mark.slow
def test_two_at_once_both_end_well(older_database: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "--no-input"]
    env = {**os.environ, "DATABASE_URL": older_database, "PYTHONUNBUFFERED": "1"}

    with psycopg.connect(older_database, autocommit=True) as third:
        third.execute("select pg_advisory_lock(%s)", [migrate._LOCK])
        both = [
            subprocess.Popen(
                command,
                cwd=settings.BASE_DIR,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(2)
        ]
        waiting = [one.stdout.readline() for one in both if one.stdout]  # both are there when the third ends
    said = [one.communicate(timeout=300)[0] for one in both]

    assert ["Another migrate is at work" in line for line in waiting] == [True, True], (waiting, said)
    assert [one.returncode for one in both] == [0, 0], said
    assert sum("Applying adtoken_project.0001_" in text for text in said) == 1, said
    assert sum("No migrations to apply" in text for text in said) == 1, said


@pytest.mark.parametrize(
    ("operation", "found"),
    [
        (migrations.AddField("user", "rank", models.IntegerField(default=1)), "NOT NULL"),
        (migrations.AddField("user", "rank", models.IntegerField(db_default=1)), ""),
        (migrations.AddField("user", "rank", models.IntegerField(null=True)), ""),
        (migrations.RemoveField("user", "name"), "DROPPING columns"),
        (migrations.RenameField("user", "name", "called"), "RENAMING columns"),
    ],
)
@pytest.mark.django_db
def test_what_breaks_the_version_that_still_runs_is_found(
    operation: migrations.operations.base.Operation, found: str
) -> None:
    statements = lint_migrations.sql_of("users", operation)

    assert found in " ".join(lint_migrations.problems(statements))
    assert bool(found) == bool(lint_migrations.problems(statements))


@pytest.mark.django_db(transaction=True)  # some cannot be looked at inside a transaction
def test_no_migration_that_is_not_accepted_breaks_the_version_that_still_runs() -> None:
    assert lint_migrations.found() == []


def test_an_index_that_cannot_be_built_again_after_a_stop_is_found() -> None:
    index = models.Index("name", name="user_name")

    assert lint_migrations.not_run_again([AddIndexConcurrently("user", index)])
    assert lint_migrations.not_run_again(
        [migrations.AddField("user", "rank", models.IntegerField(null=True))]
    )


def indexes_of(*names: str) -> dict[str, tuple[int, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select indexrelid::regclass::text, indexrelid::bigint, indisvalid from pg_index where indexrelid::regclass::text = any(%s)",
            [list(names)],
        )
        return {name: (number, valid) for name, number, valid in cursor.fetchall()}


def leave_invalid(table: str, index: str) -> None:
    """Build an index anew, and cut it off while it waits for somebody who writes."""
    with connection.cursor() as cursor, closing(connections.another()) as other:
        cursor.execute("select pg_get_indexdef(%s::regclass)", [index])
        definition = cursor.fetchone()[0].replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY")
        cursor.execute(f"drop index {index}")
        with other.transaction():
            other.execute(f"lock table {table} in row exclusive mode")
            cursor.execute("set statement_timeout = '100ms'")
            with pytest.raises(OperationalError, match="statement timeout"):
                cursor.execute(definition)
        cursor.execute("reset statement_timeout")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("app", "name", "table", "valid", "invalid"),
    [
        (
            "macros",
            "0027_what_a_macro_told_before_an_edit",
            "macros_newsnotice",
            "notice_was_of",
            "news_was_of",
        ),
    ],
)
def test_a_migration_without_a_transaction_that_was_cut_off_is_run_again(
    app: str, name: str, table: str, valid: str, invalid: str
) -> None:
    before = indexes_of(valid, invalid)
    leave_invalid(table, invalid)
    half = indexes_of(valid, invalid)
    loader = MigrationLoader(connection)

    with connection.schema_editor(atomic=False) as editor:
        loader.get_migration(app, name).apply(loader.project_state((app, name), at_end=False), editor)

    after = indexes_of(valid, invalid)
    assert (half[invalid][1], after[invalid][1]) == (False, True)
    assert after[valid] == half[valid] == before[valid]  # and what is there is not built once more
