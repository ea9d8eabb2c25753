"""Several nodes may start `migrate` at once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from django.apps import apps
from django.conf import settings

from adtoken_project.management.commands import migrate
from tests.support import migrated


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
