"""Several nodes may start `migrate` at once; and new migrations leave the version that still runs alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from django.conf import settings
from django.db import migrations, models

from tests.support import lint_migrations


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The address of a database without any table."""
    server = os.environ["DATABASE_URL"]
    name = f"migrate_{os.getpid()}"
    with closing(psycopg.connect(server, autocommit=True)) as admin:
        admin.execute(f"create database {name} template template0")
        yield f"{server.rpartition('/')[0]}/{name}"
        admin.execute(f"drop database {name} with (force)")


@pytest.mark.slow
def test_two_at_once_on_an_empty_database_both_end_well(empty_database: str) -> None:
    env = {**os.environ, "DATABASE_URL": empty_database}
    command = [sys.executable, "manage.py", "migrate", "--no-input"]

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
    said = [one.communicate(timeout=300)[0] for one in both]

    assert [one.returncode for one in both] == [0, 0], said
    assert sum("Another migrate is at work" in text for text in said) == 1, said
    assert sum("Applying users.0001_initial" in text for text in said) == 1, said


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
