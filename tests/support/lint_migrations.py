"""`python -m tests.support.lint_migrations`: new migrations that would break the version which still runs beside them.

What django-migration-linter finds in their SQL, and columns that are NOT NULL without a default of the database: it overlooks one beside
another that has one. Migrations named in tests/support/migrations-accepted.txt are left out, and those that make
a new database.
"""

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import django
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

APPS = ("accounts", "adtoken_project", "macros", "notifications", "tokens", "users")
ACCEPTED = Path(__file__).parent / "migrations-accepted.txt"
RULES_LEFT_OUT = (
    "ADD_UNIQUE",
    "NOT_NULL",
)  # unique: often of a new column; not null: ours below says it of each column


def accepted() -> set[tuple[str, str]]:
    """Return the migrations that are not asked about, as app and name."""
    lines = (line.partition("#")[0].split() for line in ACCEPTED.read_text(encoding="utf-8").splitlines())
    return {(parts[0], parts[1]) for parts in lines if parts}


def found() -> list[str]:
    """Return what is wrong, a line each."""
    loader = MigrationLoader(connection)
    rows = []
    known = {key for key, one in loader.disk_migrations.items() if one.initial} | accepted()
    for app, name in sorted(key for key in loader.graph.nodes if key[0] in APPS and key not in known):
        state = loader.project_state((app, name), at_end=False)
        with connection.schema_editor(collect_sql=True, atomic=False) as editor:
            loader.disk_migrations[app, name].apply(state, editor, collect_sql=True)
        rows += [f"{app} {name}: {problem}" for problem in problems(editor.collected_sql)]
    return rows


def sql_of(app: str, operation: Operation) -> list[str]:
    """Return the SQL of one operation upon today's models of an app."""
    loader = MigrationLoader(connection)
    before = loader.project_state()
    after: ProjectState = before.clone()
    operation.state_forwards(app, after)
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        operation.database_forwards(app, editor, before, after)
    return list(editor.collected_sql)


def problems(statements: Iterable[str]) -> list[str]:
    """Return what is wrong with the SQL of one migration."""
    from django_migration_linter.sql_analyser.analyser import analyse_sql_statements
    from django_migration_linter.sql_analyser.postgresql import PostgresqlAnalyser

    text = [one for one in statements if not one.startswith("--")]
    errors, _, _ = analyse_sql_statements(PostgresqlAnalyser, text, RULES_LEFT_OUT)
    return [error.message for error in errors] + [
        f"NOT NULL without a database default: {column}. Give the field db_default"
        for column in _without_default(text)
    ]


def _without_default(statements: list[str]) -> list[str]:
    columns = []
    for one in statements:
        added = re.match(r"ALTER TABLE \S+ ADD COLUMN (\S+) (.*)", one)
        if added and "NOT NULL" in added[2] and "DEFAULT" not in added[2] and "GENERATED" not in added[2]:
            columns.append(added[1])
        if dropped := re.match(r"ALTER TABLE \S+ ALTER COLUMN (\S+) (?:DROP DEFAULT|SET NOT NULL)", one):
            columns.append(dropped[1])
    return columns


def main() -> int:
    """Return the exit status."""
    django.setup()
    rows = found()
    sys.stdout.write("".join(f"{row}\n" for row in rows))
    return bool(rows)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adtoken_project.settings")
    sys.exit(main())
